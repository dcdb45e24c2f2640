"""One process at a time holds a run's lock; a newer process follows when the older one has ended, even if killed."""

import errno
import fcntl
import multiprocessing
import os
import signal
import time

import pytest

from spl.attempts.lock import RunLock, is_held
from spl.errors import InputError, InterruptedTrainingError

SPAWN = multiprocessing.get_context("spawn")
PATIENCE = 120


def hold(folder, events, obedient):
    """Hold the lock until a newer process wants it, or for ever."""
    with RunLock(folder, lambda: False, lambda line: events.put(("waits", os.getpid()))) as lock:
        events.put(("holds", os.getpid()))
        while not (obedient and lock.replaced()):
            time.sleep(0.01)
        events.put(("releases", os.getpid()))


@pytest.fixture
def begin(tmp_path):
    """Start processes that want the same lock; they do not outlive the test."""
    events, processes = SPAWN.SimpleQueue(), []  # what was put first comes first, whichever process put it

    def start(obedient=True):
        process = SPAWN.Process(target=hold, args=(tmp_path, events, obedient), daemon=True)
        process.start()
        processes.append(process)
        return process

    def event():
        deadline = time.monotonic() + PATIENCE
        while events.empty():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return events.get()

    yield start, event
    for process in processes:
        process.kill()
        process.join()


def test_a_newer_process_follows_when_the_older_one_has_released_the_lock(begin):
    start, event = begin
    older = start()
    assert event() == ("holds", older.pid)
    newer = start()
    events = [event()]
    while events[-1] != ("holds", newer.pid):
        events.append(event())
    # The older one may be gone before the newer one tries the lock; then nobody waits.
    assert [what for what in events if what[0] != "waits"] == [("releases", older.pid), ("holds", newer.pid)]


def test_it_waits_for_a_holder_that_does_not_react_and_follows_when_that_is_dead(begin, tmp_path):
    start, event = begin
    deaf = start(obedient=False)
    assert event() == ("holds", deaf.pid)
    newer = start()
    assert event() == ("waits", newer.pid)
    os.kill(deaf.pid, signal.SIGSTOP)  # not even running, but it could go on
    time.sleep(1.5)
    assert is_held(tmp_path)
    os.kill(deaf.pid, signal.SIGKILL)
    assert event() == ("holds", newer.pid)


def test_of_two_that_wait_the_newer_one_stays(begin):
    start, event = begin
    deaf = start(obedient=False)
    assert event() == ("holds", deaf.pid)
    middle = start()
    assert event() == ("waits", middle.pid)
    newest = start()
    assert event() == ("waits", newest.pid)
    middle.join(PATIENCE)
    assert middle.exitcode == 1, "it gave up: InterruptedTrainingError"
    os.kill(deaf.pid, signal.SIGKILL)
    assert event() == ("holds", newest.pid)


def test_waiting_can_be_interrupted(begin, tmp_path):
    start, event = begin
    deaf = start(obedient=False)
    assert event() == ("holds", deaf.pid)
    with pytest.raises(InterruptedTrainingError), RunLock(tmp_path, lambda: True, lambda line: None):
        pytest.fail("it got the lock")


def test_whether_a_lock_is_held_can_be_checked_without_disturbing_the_holder(tmp_path):
    assert not is_held(tmp_path / "nothing")
    with RunLock(tmp_path, lambda: False, pytest.fail) as lock:
        assert is_held(tmp_path)
        assert not lock.replaced()
    assert not is_held(tmp_path)


def test_a_file_system_without_locks_is_refused(tmp_path, monkeypatch):
    def refuse(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(InputError, match=r"writer.json: expected a file system with locks: No locks available; "):
        RunLock(tmp_path, lambda: False, print).__enter__()
