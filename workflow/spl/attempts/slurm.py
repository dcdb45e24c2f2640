"""Calls to SLURM's commands: about the job that this process belongs to, and about the training runs in the queue."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Names of jobs that Snakemake submits begin so: its option --slurm-campaign-jobname-prefix.
PREFIX = "spl"
# Seconds that SLURM has to answer.
PATIENCE = 60
# Its names of jobs: that option and a random number. A user's own job may be called "spl_all".
NAME = re.compile(rf"{PREFIX}_[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}")
# Variables by which users set what squeue and its like list, and how.
VIEW = ("SQUEUE_", "SINFO_", "SACCT_", "SLURM_TIME_FORMAT")
TIME = re.compile(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)")


@dataclass(frozen=True)
class QueuedRun:
    """A training run in SLURM's queue.

    Attributes:
        number: of its SLURM job.
        state: "PENDING", "RUNNING" or another of SLURM's words.
        run: path of the run, with "_" in place of "/".
    """

    number: str
    state: str
    run: str


def plain_environment() -> dict[str, str]:
    """The environment without :data:`VIEW`: a job that a user's settings hide would be taken for lost."""
    return {name: value for name, value in os.environ.items() if not name.startswith(VIEW)}


def own_job_number() -> str | None:
    """The number of the SLURM job that this process belongs to; None outside SLURM."""
    return os.environ.get("SLURM_JOB_ID")


def seconds_left(number: str) -> int | None:
    """Seconds until a job's time limit ends it; None if it has no limit or SLURM does not answer."""
    parts = TIME.fullmatch(_output("squeue", "--noheader", "--format=%L", f"--jobs={number}") or "")
    if parts is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def may_go_on(number: str) -> bool:
    """Whether a job was submitted by Snakemake and is running: neither cancelled nor out of time."""
    state, _, name = (_output("squeue", "--noheader", "--format=%T|%j", f"--jobs={number}") or "").partition("|")
    return state == "RUNNING" and NAME.fullmatch(name) is not None


def listed_jobs(name: str) -> dict[str, str] | None:
    """SLURM's reason why a job waits or has ended, such as "Priority", by number; None if SLURM does not answer.

    Args:
        name: of the jobs; SLURM lists those that have ended, too, for some time.
    """
    output = _output("squeue", "--noheader", "--states=all", "--format=%i|%r", f"--name={name}")
    return None if output is None else dict(line.split("|", 1) for line in output.splitlines() if "|" in line)


def requeue(number: str) -> bool:
    """Put a job back into the queue, where it keeps its number; returns whether SLURM accepts."""
    return _output("scontrol", "requeue", number) is not None


def queued_runs(study: str, folder: Path, groups: Mapping[str, Sequence[str]]) -> list[QueuedRun]:
    """The user's jobs that train runs of a study and were submitted from a folder, by number; [] without SLURM.

    Args:
        study: its name.
        folder: from which Snakemake submits.
        groups: paths of runs that are one job, by the name of their group; each of them is listed.
    """
    output = _output("squeue", "--me", "--noheader", "--format=%i|%T|%j|%Z|%k", "--sort=i") or ""
    rows = (line.split("|", 4) for line in output.splitlines() if line.count("|") >= 4)
    # Snakemake's SLURM plugin writes the rule and its wildcards into the comment, or the group.
    start = f"rule_train_wildcards_{study}_"
    trained = {f"rule_{name}_train": [path.replace("/", "_") for path in paths] for name, paths in groups.items()}
    return [
        QueuedRun(number, state, run)
        for number, state, name, submitted_from, comment in rows
        if name.startswith(f"{PREFIX}_") and Path(submitted_from) == folder
        for run in trained.get(comment, [comment.removeprefix(start)] * comment.startswith(start))
    ]


def _output(*command: str) -> str | None:
    """What a command prints; None if it fails, is not installed or does not end in time."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=PATIENCE, env=plain_environment()
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout.strip()
