"""``executor: slurm-campaign``: Snakemake's SLURM plugin for campaigns of days, on clusters that are busy or restarted.

It adds three things. A submission that SLURM refuses for now is repeated with growing pauses, and uses up none of
Snakemake's retries. A job that another attempt would not mend is not retried. A job is never lost because its status
could not be asked for.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from snakemake_executor_plugin_slurm import Executor as SlurmExecutor
from snakemake_executor_plugin_slurm import ExecutorSettings, common_settings
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.jobs import JobExecutorInterface

from spl.attempts.journal import note_refusal, remove_refusal
from spl.attempts.slurm import listed_jobs, plain_environment
from spl.campaign.submission import Patience, is_in_vain, refusal_words, why_stuck

__all__ = ["Executor", "ExecutorSettings", "common_settings"]

# Checks in a row without a job in SLURM's list, after which it is taken for lost.
UNLISTED_CHECKS = 3


class Executor(SlurmExecutor):  # type: ignore[misc]  # the plugin has no types
    """Submits jobs and follows them to their end."""

    def __post_init__(self, test_mode: bool = False) -> None:
        self._ending = threading.Event()
        self._submission = threading.local()
        self._patience = Patience(self.workflow.executor_settings.init_seconds_before_status_checks)
        # Submitted jobs that have not been reported as done or failed, by SLURM's number.
        self._alive = dict[str, SubmittedJobInfo]()
        self._unlisted, self._stuck = Counter[str](), set[tuple[str, str]]()
        for name in os.environ.keys() - plain_environment().keys():
            del os.environ[name]  # from the plugin's own queries
        super().__post_init__(test_mode)

    def run_job(self, job: JobExecutorInterface) -> None:
        """Submit a job, in one of two threads; wait as long as SLURM refuses it for a reason that time mends."""
        while not self._ending.is_set():
            words = self._refusal(job)
            if words is None:
                self._patience.accepted()
                return
            for folder in _runs(job).values():
                note_refusal(folder, words, by="SLURM", job=None)
            pause = self._patience.pause(words)
            if pause is None:
                _use_up_retries(job)
                super().report_job_error(SubmittedJobInfo(job), msg=f"SLURM refuses this job: {words}\n")
                return
            runs = ", ".join(_runs(job))
            self.logger.warning(f"SLURM refuses a job for now, next try in {pause:.0f} s: {words} ({runs})")
            self._ending.wait(pause)

    def _refusal(self, job: JobExecutorInterface) -> str | None:
        """Submit a job; returns the words with which it is refused, if it is."""
        words: list[str] = []
        self._submission.refusals = words
        try:
            super().run_job(job)
        except Exception as error:  # the plugin fails when it reports the refusal of a group
            words.append(str(error.__context__ or error))
        finally:
            del self._submission.refusals
        return refusal_words(words[0]) if words else None

    def report_job_submission(self, job_info: SubmittedJobInfo, register_job: bool = True) -> None:
        """Remember a job that SLURM has accepted."""
        for folder in _runs(job_info.job).values():
            remove_refusal(folder)
        self._alive[job_info.external_jobid] = job_info
        super().report_job_submission(job_info, register_job)
        if self._ending.is_set():  # it was on its way when all jobs were cancelled
            super().cancel_jobs([job_info])

    def report_job_success(self, job_info: SubmittedJobInfo) -> None:
        """Forget a job that is done."""
        self._alive.pop(job_info.external_jobid, None)
        super().report_job_success(job_info)

    def report_job_error(self, job_info: SubmittedJobInfo, msg: str | None = None, **details: Any) -> None:
        """Report a failed job, unless SLURM has only refused it; if another attempt would fail, too, it is the last."""
        if job_info.external_jobid is None and hasattr(self._submission, "refusals"):
            self._submission.refusals.append(msg or "")
            return
        self._alive.pop(job_info.external_jobid, None)
        if job_info.external_jobid and is_in_vain(_runs(job_info.job).values(), job_info.external_jobid):
            _use_up_retries(job_info.job)
        super().report_job_error(job_info, msg, **details)

    async def check_active_jobs(self, active_jobs: list[SubmittedJobInfo]) -> AsyncGenerator[SubmittedJobInfo, None]:
        """Report jobs that have ended, and yield the others, also where SLURM's status could not be asked for."""
        async for _ in super().check_active_jobs(active_jobs):
            pass  # which are missing where the query failed
        if active_jobs:
            self._look_at_list(active_jobs)
        for job_info in active_jobs:
            if job_info.external_jobid in self._alive:
                yield job_info

    def _look_at_list(self, active_jobs: list[SubmittedJobInfo]) -> None:
        """Report jobs that SLURM has forgotten, which would be waited for for ever, and say which will never start."""
        listed = listed_jobs(self.run_uuid)
        if listed is None:
            return
        for job_info in active_jobs:
            number = str(job_info.external_jobid)
            if number not in self._alive:
                continue
            if number not in listed:
                self._unlisted[number] += 1
                if self._unlisted[number] >= UNLISTED_CHECKS:
                    self.report_job_error(job_info, f"SLURM no longer lists job {number}.\n")
                continue
            self._unlisted.pop(number, None)
            stuck = why_stuck(listed[number])
            if stuck and (number, stuck) not in self._stuck:
                self._stuck.add((number, stuck))
                runs = ", ".join(_runs(job_info.job))
                self.logger.warning(f"SLURM job {number} will not start by itself: {stuck} ({runs})")

    def get_partition_arg(self, job: JobExecutorInterface) -> str:
        """Where sbatch puts a job: the partition, and GPUs of a type that the plugin's ``gpu_model`` cannot name."""
        gpu_type = job.resources.get("gpu_type")
        return f"{super().get_partition_arg(job)}{f' --gpus-per-node={gpu_type}' if gpu_type else ''}"

    def cancel(self) -> None:
        """Submit nothing any more, and cancel all jobs."""
        self._ending.set()
        super().cancel()

    def cancel_jobs(self, active_jobs: list[SubmittedJobInfo]) -> None:
        """Cancel all jobs, also those whose status is being asked for at this moment."""
        super().cancel_jobs(list(self._alive.values()))

    def shutdown(self) -> None:
        """End the threads that submit."""
        self._ending.set()
        super().shutdown()


def _runs(job: JobExecutorInterface) -> dict[str, Path]:
    """The folders of checkpoints of the runs that a job trains, by path of the run; none of another workflow's job."""
    jobs = job.jobs if job.is_group() else [job]
    folders = {single.wildcards.get("run"): single.params.get("checkpoints") for single in jobs}
    return {run: Path(folder) for run, folder in folders.items() if run and folder}


def _use_up_retries(job: JobExecutorInterface) -> None:
    job.attempt = job.restart_times + 1
