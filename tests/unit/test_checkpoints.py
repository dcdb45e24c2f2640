"""Checkpoints: whole or absent, checked before use, and a training that goes on from one as if nothing had been."""

import errno
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from train_job import train_command, train_parameter

from spl.training.checkpoints import Checkpoint, Checkpoints

PARAMETER = train_parameter("flexmatch", steps=60, evaluate_late_every=5)


def checkpoint(step):
    tensors = {"weights": torch.full((4,), float(step)), "predicted": torch.zeros(1, 3, dtype=torch.uint8)}
    return Checkpoint(step, tensors, {"measures": [{"step": step, "purity": float("nan")}]})


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "checkpoints"


def test_the_newest_two_are_kept_and_the_newest_is_read(folder):
    lines = []
    kept = Checkpoints(folder, 0, lines.append)
    for step in (5, 10, 15):
        assert kept.write(checkpoint(step))
    assert [path.name[:14] for path in sorted(folder.iterdir())] == ["step-000000010", "step-000000015"]
    read = kept.read()
    assert read is not None
    assert (read.step, read.tensors["weights"].tolist(), read.record["measures"][0]["step"]) == (15, [15.0] * 4, 15)
    assert "resuming after step 15" in lines[-1]
    assert Checkpoints(folder.with_name("empty"), 0, print).read() is None


@settings(max_examples=40)
@given(data=st.data())
def test_a_damaged_one_is_passed_over_for_the_one_before(data, tmp_path_factory):
    folder, lines = tmp_path_factory.mktemp("checkpoints") / "run", []
    kept = Checkpoints(folder, 0, lines.append)
    for step in (5, 10):
        kept.write(checkpoint(step))
    newest = max(folder.iterdir())
    content = bytearray(newest.read_bytes())
    if data.draw(st.booleans(), "truncate"):
        content = content[: data.draw(st.integers(0, len(content) - 1), "length")]
    else:
        content[data.draw(st.integers(0, len(content) - 1), "place")] ^= data.draw(st.integers(1, 255), "change")
    newest.write_bytes(bytes(content))
    read = kept.read()
    assert read is not None
    assert read.step == 5
    assert any("not used" in line for line in lines)


@pytest.mark.parametrize(
    ("steps", "predictions"),
    [([3, 6], 1), ([3], 0), ([], 2), ([6, 3], 2), ([3, 3], 2), ([3, 11], 2), ([None], 1), (None, 1)],
)
def test_a_checkpoint_whose_record_does_not_fit_its_predictions_is_passed_over(folder, steps, predictions):
    """Its content may be what was written, and what was written wrong."""
    lines = []
    kept = Checkpoints(folder, 0, lines.append)
    kept.write(checkpoint(5))
    tensors = {"predicted": torch.zeros(predictions, 3, dtype=torch.uint8)} if predictions else {}
    kept.write(Checkpoint(10, tensors, {"measures": None if steps is None else [{"step": step} for step in steps]}))
    read = kept.read()
    assert read is not None
    assert read.step == 5
    assert any("step-000000010" in line and "not used" in line for line in lines)


@pytest.mark.parametrize("refused", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_that_cannot_sync_folders_keeps_checkpoints_all_the_same(folder, monkeypatch, refused):
    refuse_folders(monkeypatch, refused)
    assert Checkpoints(folder, 0, print).write(checkpoint(5))
    assert Checkpoints(folder, 0, print).read().step == 5


def test_a_folder_that_could_not_be_written_to_the_disk_is_told(folder, monkeypatch):
    lines = []
    refuse_folders(monkeypatch, errno.EIO)
    assert not Checkpoints(folder, 0, lines.append).write(checkpoint(5))
    assert "no checkpoint at step 5" in lines[-1]


def refuse_folders(monkeypatch, number):
    original = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        original(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


def test_a_disk_that_refuses_is_told_and_leaves_the_last_good_one(folder, monkeypatch):
    lines = []
    kept = Checkpoints(folder, 0, lines.append)
    kept.write(checkpoint(5))

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert not kept.write(checkpoint(10))
    assert "no checkpoint at step 10: No space left on device" in lines[-1]
    assert [path.name[:14] for path in folder.iterdir()] == ["step-000000005"]


def start(inputs, folder):
    command = train_command(PARAMETER, inputs, folder / "run", folder / "checkpoints")
    return subprocess.Popen(
        [*command, "--checkpoint-interval", "0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def until_checkpointed(process, folder, steps, patience=300):
    """Wait until a run has checkpointed this many steps, or has ended."""
    end = time.monotonic() + patience
    while process.poll() is None and time.monotonic() < end:
        found = [path.name for path in folder.glob("checkpoints/*/step-*.safetensors")]
        if found and int(max(found).split("-")[1]) >= steps:
            return
        time.sleep(0.005)
    assert process.poll() is not None, "it made no checkpoint"


def content(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "run").iterdir())}


@pytest.fixture(scope="module")
def undisturbed(inputs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    process = start(inputs, folder)
    assert process.wait() == 0, process.stdout.read()
    return content(folder)


KILLED_RUNS = int(os.environ.get("SPL_TEST_KILLED_RUNS", "3"))
"""How many runs a test kills at random moments; more than a few take minutes."""


def damage(folder, chance):
    """Truncate the newest checkpoint, or flip a bit of it, or leave it."""
    found = sorted(folder.glob("checkpoints/*/step-*.safetensors"))
    if not found:
        return
    content = bytearray(found[-1].read_bytes())
    way = chance.choice(["leave", "truncate", "flip"])
    if way == "truncate":
        content = content[: chance.randrange(len(content))]
    elif way == "flip":
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    found[-1].write_bytes(bytes(content))


@pytest.mark.parametrize("seed", range(KILLED_RUNS))
def test_a_run_killed_at_random_moments_ends_with_the_same_bytes(inputs, undisturbed, tmp_path, seed):
    """Killed with -9 while it starts, trains or saves; its newest checkpoint is at times damaged after that."""
    chance = random.Random(seed)
    for _ in range(2):
        process = start(inputs, tmp_path)
        until_checkpointed(process, tmp_path, chance.randrange(56))
        time.sleep(chance.random() * 0.05)
        process.kill()
        process.wait()
        if (tmp_path / "run").exists():
            break  # it was quicker
        damage(tmp_path, chance)
    last = start(inputs, tmp_path)
    assert last.wait() == 0, last.stdout.read()
    assert content(tmp_path) == undisturbed


def test_a_run_whose_results_were_lost_writes_them_again_without_training(inputs, undisturbed, tmp_path):
    assert start(inputs, tmp_path).wait() == 0
    shutil.rmtree(tmp_path / "run")
    again = start(inputs, tmp_path)
    printed = again.communicate()[0]
    assert "resuming after step 60" in printed
    assert "error" not in printed, "it evaluates nothing"
    assert content(tmp_path) == undisturbed


@pytest.fixture
def hangups():
    """Processes started by the test receive hangups, even if the tests themselves run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP])
@pytest.mark.usefixtures("hangups")
def test_a_signal_saves_and_ends_with_a_status_of_its_own(inputs, undisturbed, tmp_path, number):
    process = start(inputs, tmp_path)
    until_checkpointed(process, tmp_path, 20)
    process.send_signal(number)
    printed = process.communicate()[0]
    assert process.returncode == 75
    assert "interrupted after step" in printed
    assert not (tmp_path / "run").exists()
    newest = max(tmp_path.glob("checkpoints/*/step-*.safetensors"))
    newest.write_bytes(newest.read_bytes()[:-100])
    printed = start(inputs, tmp_path).communicate()[0]
    assert "not used" in printed
    assert int(re.search(r"resuming after step (\d+)", printed)[1]) >= 15
    assert content(tmp_path) == undisturbed
