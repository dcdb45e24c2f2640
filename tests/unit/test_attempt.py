"""An attempt at a run is on record, ends in time, and does not repeat what failed for good."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time

import pytest
from train_job import train_command, train_parameter

from spl.attempts.journal import read_attempts, read_progress, read_refusal
from spl.attempts.lock import is_held
from spl.cli import rules
from spl.code import subcommands
from spl.data import store
from spl.provenance.identity import run_identity
from spl.study.files import RunInputs

NAME = "spl_0c1f1b5e-9d5f-4c1a-8a51-6f7a3f0c2b11"  # as Snakemake's plugin names its jobs


@pytest.fixture
def begin(inputs, tmp_path):
    """Start `spl train`, whose checkpoints and record lie in ``run``."""

    def start(given, **environment):
        command = train_command(given, inputs, tmp_path / "out", tmp_path / "run")
        return subprocess.Popen(
            [*command, "--checkpoint-interval", "0"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | environment,
        )  # fmt: skip

    return start


def ended(process):
    printed = process.communicate(timeout=300)[0]
    return process.returncode, printed


def test_a_run_that_is_done_says_what_it_took(begin, tmp_path):
    status, printed = ended(begin(train_parameter()))
    assert status == 0, printed
    [attempt] = read_attempts(tmp_path / "run")
    assert (attempt.status, attempt.first, attempt.job) == ("done", 0, None)
    assert attempt.seconds > 0
    assert attempt.memory_mb > 100


def test_progress_is_told_while_it_runs(begin, tmp_path):
    process = begin(train_parameter(steps=100000, evaluate_every=100))
    end = time.monotonic() + 300
    while (progress := read_progress(tmp_path / "run")) is None or progress.error is None:
        assert time.monotonic() < end
        time.sleep(0.1)
    process.terminate()
    status, printed = ended(process)
    assert status == 75, printed
    assert (progress.steps, progress.step > 0, 0 <= progress.error <= 1) == (100000, True, True)
    [attempt] = read_attempts(tmp_path / "run")
    said = printed.splitlines()[-1].removeprefix("error: ")
    assert (attempt.status, attempt.reason) == ("interrupted", f"{said}: SIGTERM")


def test_code_that_was_edited_since_the_plan_trains_nothing(begin, tmp_path):
    status, printed = ended(begin(train_parameter(code="0" * 64)))
    assert (status, printed.count("\n")) == (2, 1)
    assert "code of spl train: expected the planned code 000000000000, found" in printed
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["refused.json"]


def test_what_failed_for_good_ends_at_once_with_its_reason_until_somebody_removes_it(begin, tmp_path):
    hopeless = train_parameter(learning_rate=1e30)
    status, first = ended(begin(hopeless))
    assert status == 1
    reason = first.splitlines()[-1].removeprefix("error: ")
    assert "the loss is not finite in step" in reason
    record = tmp_path / "run/failed.json"
    assert json.loads(record.read_text())["reason"] == reason

    status, again = ended(begin(hopeless))
    assert (status, again.count("\n")) == (1, 1)
    assert f"{reason}; to try again remove {record}" in again
    assert len(read_attempts(tmp_path / "run")) == 1, "it was not tried"

    record.unlink()
    assert reason in ended(begin(hopeless))[1]
    assert len(read_attempts(tmp_path / "run")) == 2

    status, printed = ended(begin(train_parameter()))
    assert status == 0, f"another setting is another attempt: {printed}"
    assert not record.exists()


def test_damaged_data_are_remembered_too(inputs, tmp_path):
    damaged = shutil.copytree(inputs, tmp_path / "damaged")
    content = bytearray((damaged / "images.safetensors").read_bytes())
    content[-1] ^= 1
    (damaged / "images.safetensors").write_bytes(content)
    command = train_command(train_parameter(), damaged, tmp_path / "out", tmp_path / "run")
    for expected in (2, 1):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode, "expected the array with sha256" in done.stderr) == (expected, True)


def test_images_are_hashed_once_for_each_start_for_the_manifest_and_the_check(inputs, tmp_path, monkeypatch):
    """Neither a second time by the attempt nor by the processes that train: ImageNet's take minutes."""
    hashed, of_files = [], []
    array_digest, file_digest = store.array_digest, hashlib.file_digest
    monkeypatch.setattr(store, "array_digest", lambda array: hashed.append(array) or array_digest(array))
    monkeypatch.setattr(
        hashlib, "file_digest", lambda file, *kind: of_files.append(file.name) or file_digest(file, *kind)
    )
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    monkeypatch.setattr(rules, "_report", lambda evaluation: None)
    monkeypatch.setattr(subcommands, "check_loaded", lambda *_: None)
    command = train_command(train_parameter(steps=1, instructions="native"), inputs, tmp_path / "out", tmp_path / "run")
    rules.train(*command[2:4], command[5])
    assert (tmp_path / "out/metrics.csv").exists()
    assert of_files.count(str(inputs / store.FILE)) == 1
    assert hashed == []


def test_nothing_goes_on_from_what_other_packages_computed(inputs, tmp_path, monkeypatch):
    given = json.loads(train_parameter()), RunInputs(inputs, inputs / "split.json")
    before = run_identity(*given)
    (tmp_path / "torch-1.0.dist-info").mkdir()
    for name, content in (("METADATA", "Name: torch\nVersion: 1.0\n"), ("RECORD", "torch/__init__.py,,\n")):
        (tmp_path / "torch-1.0.dist-info" / name).write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    assert run_identity(*given) != before


def test_what_saved_nothing_does_not_requeue_itself(begin, inputs, tmp_path, scripted_slurm):
    """As on a full disk: requeued it would do the same work for ever. Here a file lies where its folder goes."""
    endless = train_parameter(steps=100000)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / run_identity(json.loads(endless), RunInputs(inputs, inputs / "split.json"))).touch()
    process = begin(endless, **scripted_slurm("1:00:00", f"RUNNING|{NAME}"))
    while read_progress(tmp_path / "run") is None:
        time.sleep(0.1)
    process.terminate()
    status, printed = ended(process)
    assert (status, (tmp_path / "asked").read_text()) == (75, ""), printed
    assert "no checkpoint at step" in printed


def test_a_lack_of_devices_is_not_the_run_s_fault(begin, tmp_path):
    for _ in range(2):
        status, printed = ended(begin(train_parameter(device="cuda"), CUDA_VISIBLE_DEVICES="", SLURM_JOB_ID="7"))
        assert (status, "expected 1 CUDA devices, found 0" in printed) == (2, True), printed
    assert not (tmp_path / "run/failed.json").exists()
    refusal = read_refusal(tmp_path / "run")
    assert (refusal.by, refusal.job) == ("spl train", "7"), "whoever submitted job 7 need not try again"
    assert refusal.reason == "device: expected 1 CUDA devices, found 0"
    assert ended(begin(train_parameter()))[0] == 0
    assert read_refusal(tmp_path / "run") is None


SCRIPTS = {
    "squeue": 'case "$*" in *%T*) cat state;; *) cat left; echo 0:00 > left;; esac',
    "scontrol": 'echo "$*" >> asked; test "$(cat refuses)" = 0 || exit 1; '
    '(sleep 2; kill -9 "$(cat pid)") > /dev/null 2>&1 &',
}


@pytest.fixture
def scripted_slurm(tmp_path):
    """Scripts in place of SLURM, for answers that cannot be provoked; tests/slurm has the real one.

    The job has so much time left when it begins; one that is requeued is killed soon after.
    """

    def put(left, state, refuses=False):
        folder = tmp_path / "bin"
        folder.mkdir()
        for name, script in SCRIPTS.items():
            (folder / name).write_text(f"#!/bin/sh\ncd {tmp_path}\n{script}\n")
            (folder / name).chmod(0o755)
        for name, content in (("left", left), ("state", state), ("refuses", int(refuses)), ("asked", "")):
            (tmp_path / name).write_text(f"{content}\n".lstrip())
        return {"PATH": f"{folder}:{os.environ['PATH']}", "SLURM_JOB_ID": "7"}

    return put


@pytest.mark.parametrize("refuses", [False, True])
def test_before_its_time_is_over_it_saves_and_goes_back_into_the_queue(begin, tmp_path, scripted_slurm, refuses):
    process = begin(train_parameter(steps=100000), **scripted_slurm("0:05", f"RUNNING|{NAME}", refuses))
    (tmp_path / "pid").write_text(str(process.pid))
    status, printed = ended(process)
    assert status == (75 if refuses else -9), printed
    assert (tmp_path / "asked").read_text() == "requeue 7\n"
    assert ("SLURM refuses to requeue job 7" if refuses else "waiting for SLURM to end job 7: its job") in printed
    assert list((tmp_path / "run").glob("*/step-*"))
    [attempt] = read_attempts(tmp_path / "run")
    assert (attempt.status, attempt.job) == ("interrupted", "7")
    assert attempt.reason.endswith(": its job's time is over")


@pytest.mark.parametrize(("state", "asked"), [(f"RUNNING|{NAME}", "requeue 7\n"), (f"COMPLETING|{NAME}", ""), ("", "")])
def test_a_job_that_is_told_to_end_goes_back_into_the_queue_unless_slurm_ends_it(
    begin, tmp_path, scripted_slurm, state, asked
):
    """Preempted with some time to go it is still running; cancelled it is not, and shall not come back."""
    process = begin(train_parameter(steps=100000), **scripted_slurm("1:00:00", state))
    (tmp_path / "pid").write_text(str(process.pid))
    while not list((tmp_path / "run").glob("*/step-*")):
        time.sleep(0.05)
    process.terminate()
    if not asked:
        with pytest.raises(subprocess.TimeoutExpired):
            process.communicate(timeout=5)
        assert not is_held(tmp_path / "run"), "its successor need not wait for its end"
        process.kill()
    status, printed = ended(process)
    assert (status, (tmp_path / "asked").read_text()) == (-9, asked), printed
    assert "saved, waiting for SLURM to end job 7: SIGTERM" in printed
    assert read_attempts(tmp_path / "run")[-1].status == "interrupted"
