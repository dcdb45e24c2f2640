"""The executor waits where SLURM refuses for now, gives up where another try is in vain, and loses no job.

Scripts replace SLURM's commands, below the code of Snakemake's plugin; tests/slurm uses the real ones.
"""

import asyncio
import logging
import os
import threading
from types import SimpleNamespace

import pytest
from throttler import Throttler

from snakemake_executor_plugin_slurm_campaign import UNLISTED_CHECKS, Executor, ExecutorSettings
from spl.attempts.journal import note, note_refusal, read_refusal

LIMIT = "sbatch: error: AssocMaxSubmitJobLimit"
ACCOUNT = "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified"


class Resources(dict):
    __getattr__ = dict.get


class Job:
    """As much of a job of Snakemake as the executor uses."""

    def __init__(self, folder, run="digits/fold0", **resources):
        self.name, self.jobid, self.attempt, self.restart_times, self.threads = "train", 1, 1, 10, 1
        self.wildcards, self.params = {"run": run}, {"checkpoints": str(folder / run)}
        self.folder = folder / run
        self.resources = Resources(slurm_partition="gpu", runtime=9, mem_mb=9, cpus_per_task=1, **resources)
        self.errors = []

    def is_group(self):
        return False

    def register(self, external_jobid):
        self.number = external_jobid

    def log_error(self, message, **details):
        self.errors.append(message)


class Group(Job):
    """Several runs in one job: it has no rule, and no wildcards of its own."""

    def __init__(self, *jobs):
        super().__init__(jobs[0].folder)
        del self.wildcards, self.params
        self.jobs = jobs

    def is_group(self):
        return True


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Set what a command prints, with its status, from the first call on or for a number of calls."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def answers(command, text, status=0, then=""):
        (folder / command).write_text(
            f"#!/bin/sh\necho \"$*\" >> {tmp_path}/{command}.calls\ncat <<'END'\n{text}\nEND\n{then}\nexit {status}\n"
        )
        (folder / command).chmod(0o755)

    def refuses(words, then):
        """Refuse a job once, and then do as another script says."""
        (folder / "next").write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/sbatch.calls\n{then}\n')
        (folder / "next").chmod(0o755)
        answers("sbatch", "", 1, f'echo "{words}" >&2; mv {folder}/next {folder}/sbatch')

    answers("scontrol", "MinJobAge = 300 sec\nMaxArraySize = 1000")
    answers("sbatch", "7")
    answers("squeue", "")
    answers("sacct", "")
    return SimpleNamespace(
        answers=answers, refuses=refuses, calls=lambda command: (tmp_path / f"{command}.calls").read_text().splitlines()
    )


@pytest.fixture
def executor(slurm, tmp_path):
    """An executor whose pauses and checks take next to no time."""
    executor = object.__new__(Executor)
    settings = ExecutorSettings(
        logdir=tmp_path / "logs", status_command="squeue", jobname_prefix="spl", keep_successful_logs=True
    )
    settings.init_seconds_before_status_checks = 0.01
    ended = SimpleNamespace(done=[], failed=[])
    executor.ended = ended
    executor.workflow = SimpleNamespace(
        executor_settings=settings, workdir_init=tmp_path,
        scheduler=SimpleNamespace(
            submit_callback=lambda job: None, finish_callback=ended.done.append, error_callback=ended.failed.append
        ),
    )  # fmt: skip
    executor.logger = logging.getLogger("test")
    executor.lock, executor.active_jobs, executor.next_seconds_between_status_checks = threading.Lock(), [], 1
    executor.status_rate_limiter = Throttler(rate_limit=1000, period=1)
    executor.format_job_exec = lambda job: "true"
    executor.__post_init__()
    return executor


def check(executor):
    """One check of all jobs; returns the numbers of those that go on."""

    async def going():
        return [job.external_jobid async for job in executor.check_active_jobs(list(executor.active_jobs))]

    return asyncio.run(going())


def test_the_plugin_s_own_queries_see_all_jobs_whatever_a_user_lets_squeue_hide(monkeypatch, request):
    monkeypatch.setenv("SQUEUE_STATES", "PENDING")
    monkeypatch.setenv("SBATCH_QOS", "long")
    request.getfixturevalue("executor")
    assert "SQUEUE_STATES" not in os.environ
    assert os.environ["SBATCH_QOS"] == "long"


def submitted(executor, job, *jobs):
    for one in (job, *jobs):
        executor.run_job(one)
    return [info.external_jobid for info in executor.active_jobs]


def test_a_job_that_slurm_refuses_for_now_is_submitted_again_without_using_up_a_retry(
    executor, slurm, tmp_path, caplog
):
    slurm.refuses(LIMIT, "echo 8")
    job = Job(tmp_path)
    assert submitted(executor, job) == ["8"]
    assert (job.attempt, job.errors) == (1, [])
    assert "AssocMaxSubmitJobLimit (digits/fold0)" in caplog.text
    assert read_refusal(job.folder) is None, "it was accepted in the end"


def test_a_job_that_slurm_refuses_for_good_is_refused_once_and_its_words_are_kept(executor, slurm, tmp_path):
    slurm.answers("sbatch", "", 1, f"echo '{ACCOUNT}' >&2")
    job = Job(tmp_path)
    assert submitted(executor, job) == []
    assert len(slurm.calls("sbatch")) == 1
    assert executor.ended.failed == [job]
    assert job.attempt > job.restart_times, "Snakemake tries it no more"
    refusal = read_refusal(job.folder)
    assert (refusal.by, refusal.job) == ("SLURM", None)
    assert refusal.reason == ACCOUNT.removeprefix("sbatch: error: ")


def test_a_group_that_cannot_be_submitted_fails_with_all_its_runs_and_is_not_waited_for(executor, tmp_path):
    """Before sbatch is called: the plugin itself fails when it reports that."""
    jobs = [Job(tmp_path, f"digits/fold{fold}") for fold in range(2)]
    group = Group(*jobs)
    group.resources["gpu_model"] = 4090
    assert submitted(executor, group) == []
    assert executor.ended.failed == [group]
    assert {read_refusal(job.folder).reason for job in jobs} == {"expected string or bytes-like object, got 'int'"}


def test_after_ctrl_c_nothing_is_submitted_and_what_was_on_its_way_is_cancelled(executor, slurm, tmp_path):
    slurm.answers("scancel", "")
    slurm.answers("sbatch", "", 1, f"echo '{LIMIT}' >&2")
    executor.workflow.executor_settings.init_seconds_before_status_checks = 100
    executor._patience = type(executor._patience)(100)
    waiting = threading.Thread(target=executor.run_job, args=[Job(tmp_path)])
    waiting.start()
    executor._ending.set()
    waiting.join(60)
    assert not waiting.is_alive()
    assert executor.ended.failed == []
    before = len(slurm.calls("sbatch"))
    executor.run_job(Job(tmp_path))
    assert len(slurm.calls("sbatch")) == before
    executor._ending.clear()
    slurm.answers("sbatch", "9", 0)
    executor.report_job_submission, report = (
        lambda info: (executor._ending.set(), report(info)),
        executor.report_job_submission,
    )
    executor.run_job(Job(tmp_path))
    assert slurm.calls("scancel") == ["9"]


def test_jobs_whose_status_is_being_asked_for_are_cancelled_too(executor, slurm, tmp_path):
    slurm.answers("scancel", "")
    submitted(executor, Job(tmp_path))
    executor.cancel_jobs([])  # Snakemake lists none while it asks
    assert slurm.calls("scancel") == ["7"]


@pytest.mark.parametrize("broken", [("squeue",), ("squeue", "scontrol")])
def test_jobs_survive_queries_that_fail_and_are_reported_afterwards(executor, slurm, tmp_path, broken):
    """Without an answer of scontrol the plugin asks sacct, which clusters without accounting have, too."""
    slurm.answers("sacct", "Slurm accounting storage is disabled", 1)
    job = Job(tmp_path)
    assert submitted(executor, job) == ["7"]
    for command in broken:
        slurm.answers(command, "", 1)
    for _ in range(2 * UNLISTED_CHECKS):
        assert check(executor) == ["7"]
    slurm.answers("scontrol", "MinJobAge = 300 sec")
    slurm.answers("squeue", "7|COMPLETED")
    assert check(executor) == []
    assert (executor.ended.done, executor.ended.failed) == ([job], [])


def test_a_job_that_ended_while_slurm_could_not_be_asked_and_is_forgotten_is_tried_again(executor, slurm, tmp_path):
    job, other = Job(tmp_path), Job(tmp_path, "digits/fold1")
    slurm.answers("sbatch", "7")
    executor.run_job(job)
    slurm.answers("sbatch", "8")
    executor.run_job(other)
    slurm.answers("squeue", "8|RUNNING")
    checks = [check(executor) for _ in range(UNLISTED_CHECKS)]
    assert checks == [["7", "8"]] * (UNLISTED_CHECKS - 1) + [["8"]]
    assert executor.ended.failed == [job]
    assert job.attempt == 1, "Snakemake starts it again"
    assert "SLURM no longer lists job 7" in job.errors[0]


def test_a_job_that_will_never_start_is_told_once(executor, slurm, tmp_path, caplog):
    submitted(executor, Job(tmp_path))
    slurm.answers("squeue", "7|PartitionTimeLimit")
    for _ in range(3):
        assert check(executor) == ["7"]
    assert caplog.text.count("SLURM job 7 will not start by itself: PartitionTimeLimit") == 1


@pytest.mark.parametrize(("recorded_in", "retried"), [("7", False), ("6", True), (None, True)])
def test_a_run_that_cannot_succeed_is_not_tried_again_and_an_old_refusal_does_not_count(
    executor, slurm, tmp_path, recorded_in, retried
):
    job = Job(tmp_path)
    submitted(executor, job)
    note_refusal(job.folder, "device: expected 1 CUDA devices, found 0", by="spl train", job=recorded_in)
    slurm.answers("squeue", "7|FAILED")
    assert check(executor) == []
    assert executor.ended.failed == [job]
    assert (job.attempt <= job.restart_times) is retried


@pytest.mark.parametrize(("status", "retried"), [("done", False), ("interrupted", True)])
def test_a_group_is_tried_again_as_long_as_one_of_its_runs_has_to_go_on(executor, slurm, tmp_path, status, retried):
    bad, other = (Job(tmp_path, f"digits/fold{fold}") for fold in range(2))
    group = Group(bad, other)
    submitted(executor, group)
    note_refusal(bad.folder, "the loss is not finite", by="spl train", job="7")
    other.folder.mkdir(parents=True, exist_ok=True)
    note(other.folder, event="start", identity="i", host="h", job="7", first=0)
    note(other.folder, event="end", status=status)
    slurm.answers("squeue", "7|FAILED")
    assert check(executor) == []
    assert (group.attempt <= group.restart_times) is retried


def test_a_type_of_gpu_with_dashes_reaches_sbatch(executor, slurm, tmp_path):
    submitted(executor, Job(tmp_path, gpu_type="rtx-3090:2", nodes=1))
    [call] = slurm.calls("sbatch")
    assert "-p gpu --gpus-per-node=rtx-3090:2 " in call
    assert "--gpus=" not in call
