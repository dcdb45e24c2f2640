"""What a training asks of the SLURM that runs it, and Snakemake of the one that it submits to."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

PREFIX = "spl"
"""Names of submitted jobs begin with it and the study, joined by "_"."""
PATIENCE = 60
"""Seconds that SLURM has for an answer."""
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
    parts = TIME.fullmatch(_ask("squeue", "--noheader", "--format=%L", f"--jobs={number}") or "")
    if parts is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def may_go_on(number: str) -> bool:
    """Whether a job is a training's own and SLURM lets it run on: nobody cancelled it, and its time is not over."""
    said = _ask("squeue", "--noheader", "--format=%T|%j", f"--jobs={number}")
    return said is not None and said.startswith(f"RUNNING|{PREFIX}_")


def requeue(number: str) -> bool:
    """Put a job back into the queue, where it keeps its number; whether SLURM agrees."""
    return _ask("scontrol", "requeue", number) is not None


def trainings(study: str, folder: Path) -> list[Job]:
    """The user's trainings of a study that were submitted from a folder, by number; [] without SLURM."""
    said = _ask("squeue", "--me", "--noheader", "--format=%i|%T|%j|%Z|%k", "--sort=i") or ""
    jobs = (line.split("|", 4) for line in said.splitlines() if line.count("|") >= 4)
    return [
        Job(number, state, comment.removeprefix(WHO))
        for number, state, name, submitted_from, comment in jobs
        if name.startswith(f"{PREFIX}_{study}_") and Path(submitted_from) == folder and comment.startswith(WHO)
    ]


def _ask(*command: str) -> str | None:
    """What a command prints; None if it fails, is not there or does not come to an end."""
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if asked.returncode else asked.stdout.strip()
