"""A run has one writer at a time; a newer one follows as soon as the older is gone, however it went."""

import errno
import fcntl
import multiprocessing
import os
import signal
import time

import pytest

from spl.attempts.lock import Writer, is_held
from spl.errors import InputError, InterruptedTrainingError

SPAWN = multiprocessing.get_context("spawn")
PATIENCE = 30


def hold(folder, events, obedient):
    """Write a run until a newer writer wants it, or for ever."""
    with Writer(folder, lambda: False, lambda line: events.put(("waits", os.getpid()))) as writer:
        events.put(("writes", os.getpid()))
        while not (obedient and writer.replaced()):
            time.sleep(0.01)
    events.put(("ended", os.getpid()))


@pytest.fixture
def begin(tmp_path):
    """Start processes that write the same run; they do not outlive the test."""
    events, started = SPAWN.Queue(), []

    def start(obedient=True):
        process = SPAWN.Process(target=hold, args=(tmp_path, events, obedient), daemon=True)
        process.start()
        started.append(process)
        return process

    yield start, lambda: events.get(timeout=PATIENCE)
    for process in started:
        process.kill()
        process.join()


def test_a_newer_writer_follows_when_the_older_has_ended(begin):
    start, event = begin
    older = start()
    assert event() == ("writes", older.pid)
    newer = start()
    told = [event() for _ in range(3)]
    assert told == [("waits", newer.pid), ("ended", older.pid), ("writes", newer.pid)]


def test_it_waits_for_a_holder_that_does_not_hear_and_follows_when_that_is_dead(begin, tmp_path):
    start, event = begin
    deaf = start(obedient=False)
    assert event() == ("writes", deaf.pid)
    newer = start()
    assert event() == ("waits", newer.pid)
    os.kill(deaf.pid, signal.SIGSTOP)  # not even running, but it could go on
    time.sleep(1.5)
    assert is_held(tmp_path)
    os.kill(deaf.pid, signal.SIGKILL)
    assert event() == ("writes", newer.pid)


def test_of_two_that_wait_the_newer_one_stays(begin):
    start, event = begin
    deaf = start(obedient=False)
    assert event() == ("writes", deaf.pid)
    middle = start()
    assert event() == ("waits", middle.pid)
    newest = start()
    assert event() == ("waits", newest.pid)
    middle.join(PATIENCE)
    assert middle.exitcode == 1, "it gave up: InterruptedTrainingError"
    os.kill(deaf.pid, signal.SIGKILL)
    assert event() == ("writes", newest.pid)


def test_waiting_can_be_interrupted(begin, tmp_path):
    start, event = begin
    deaf = start(obedient=False)
    assert event() == ("writes", deaf.pid)
    with pytest.raises(InterruptedTrainingError), Writer(tmp_path, lambda: True, lambda line: None):
        pytest.fail("it wrote")


def test_who_writes_can_be_asked_and_the_question_disturbs_nobody(tmp_path):
    assert not is_held(tmp_path / "nothing")
    with Writer(tmp_path, lambda: False, pytest.fail) as writer:
        assert is_held(tmp_path)
        assert not writer.replaced()
    assert not is_held(tmp_path)


def test_a_file_system_without_locks_is_refused(tmp_path, monkeypatch):
    def refuse(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(InputError, match=r"writer.json: expected a file system with locks: No locks available; "):
        Writer(tmp_path, lambda: False, print).__enter__()
