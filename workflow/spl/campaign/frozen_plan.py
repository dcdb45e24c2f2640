"""The plan that submitted jobs follow, frozen when Snakemake starts; and what an earlier Snakemake left behind."""

from __future__ import annotations

import fcntl
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from spl.attempts.journal import read_attempts
from spl.attempts.slurm import trainings
from spl.campaign.run_state import run_state
from spl.errors import InputError
from spl.study.plan import Plan, run_parameter

PLANS = "campaign"
"""Folder of the frozen plans below ``results/<study>``: one for each start of Snakemake, named by its time."""
LAST_LINES = 5
"""Of a log, to show what went wrong."""


def freeze(plan: Plan, study: Mapping[str, Any], results: Path) -> Path:
    """Write what the jobs need to know, so that no later edit of the study reaches them.

    Args:
        plan: of the study.
        study: as Snakemake read it.
        results: folder of the study.

    Returns:
        The frozen plan, which Snakemake shall give to the jobs in the study's place.
    """
    others = [int(path.stem) for path in (results / PLANS).glob("*.json")]
    path = results / PLANS / f"{max([time.time_ns(), *(number + 1 for number in others)]):020d}.json"
    parameters = {name: run_parameter(plan, name) for name in plan.runs}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"frozen": {"parameters": parameters}, **study}, indent=1) + "\n")
    return path


def check_newest(path: Path) -> None:
    """Let no job begin that belongs to an earlier Snakemake.

    Raises:
        InputError: a later plan lies beside it.
    """
    newest = max(path.parent.glob("*.json"))
    if newest.name > path.name:
        raise InputError(f"{path}: a later Snakemake has taken over, with {newest}; this job is not needed any more")


def begin(results: Path) -> TextIO:
    """Be the only Snakemake that submits trainings of a study, as long as the returned file is open.

    Raises:
        InputError: another one does.
    """
    path = results / PLANS / "snakemake.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise InputError(f"{path}: another Snakemake submits trainings of this study; wait for it, or end it") from None
    return file


def leftovers(plan: Plan, folder: Path) -> Iterator[str]:
    """A line for each job that an earlier Snakemake submitted from this folder and SLURM still has."""
    paths = {path.replace("/", "_"): path for path in plan.runs}
    for job in trainings(plan.study.name, folder):
        path = paths.get(job.run)
        if path is None:
            fate = f"not in this study; to end it: scancel {job.number}"
        elif job.state == "PENDING":
            fate = "will end when it starts"
        else:
            fate = "will save and end when its successor starts"
        yield f"left by an earlier Snakemake: job {job.number} ({job.state.lower()}), {path or job.run}: {fate}"


def failures(plan: Plan, results: Path) -> Iterator[str]:
    """Lines about each run that was begun and has no result: its reason, its log and how that ends."""
    for path in plan.runs:
        folder = results / "checkpoints" / path
        attempts = read_attempts(folder)
        if not attempts or run_state(results / "runs" / path, run_parameter(plan, path)) == "done":
            continue
        log = results / "logs/runs" / f"{path}.log"
        why = attempts[-1].reason or "killed, or still running"
        yield f"not done: {path}: {attempts[-1].status}: {why}; {log} ends with"
        with suppress(OSError):
            yield from (f"    {line}" for line in log.read_text().splitlines()[-LAST_LINES:])


def remove_checkpoints(plan: Plan, results: Path) -> None:
    """Delete the checkpoints of the runs that are done."""
    for path in plan.runs:
        checkpoints = [step.parent for step in (results / "checkpoints" / path).glob("*/step-*")]
        if checkpoints and run_state(results / "runs" / path, run_parameter(plan, path)) == "done":
            for folder in set(checkpoints):
                shutil.rmtree(folder, ignore_errors=True)
