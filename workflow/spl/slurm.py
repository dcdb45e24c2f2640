"""What a training asks of the SLURM that runs it, and Snakemake of the one that it submits to."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

PREFIX = "spl_"
"""Of the names of submitted jobs: `slurm-jobname-prefix` of the profile, as the executor joins it."""
TIME = re.compile(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)")
WHO = "rule_train_wildcards_"


@dataclass(frozen=True)
class Job:
    """A training among SLURM's jobs: ``run`` is its path with "_" for "/", ``state`` as SLURM says it."""

    number: str
    state: str
    run: str


def job() -> str | None:
    """The number of the job that this process belongs to, if it does."""
    return os.environ.get("SLURM_JOB_ID")


def seconds_left(number: str) -> int | None:
    """Seconds until a job's time limit ends it; None if it has none or SLURM does not say."""
    parts = TIME.fullmatch(_ask("squeue", "--noheader", "--format=%L", f"--jobs={number}"))
    if parts is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def is_running(number: str) -> bool:
    """Whether SLURM lets a job run on: it was not cancelled, requeued, or ended by its time limit."""
    return _ask("squeue", "--noheader", "--format=%T", f"--jobs={number}") == "RUNNING"


def requeue(number: str) -> bool:
    """Put a job back into the queue, where it keeps its number; whether SLURM agrees."""
    try:
        return subprocess.run(["scontrol", "requeue", number], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def trainings(folder: Path) -> list[Job]:
    """The user's trainings that were submitted from a folder, in the order of their numbers; [] without SLURM."""
    listed = _ask("squeue", "--me", "--noheader", "--format=%i|%T|%j|%Z|%k", "--sort=i").splitlines()
    jobs = (line.split("|", 4) for line in listed)
    return [
        Job(number, state, comment.removeprefix(WHO))
        for number, state, name, submitted_from, comment in jobs
        if name.startswith(PREFIX) and Path(submitted_from) == folder and comment.startswith(WHO)
    ]


def _ask(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        return ""
