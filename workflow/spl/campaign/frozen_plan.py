"""What submitted jobs follow: the plan as it was when Snakemake started. And what an earlier start left behind."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from spl.attempts.journal import read_attempts, read_refusal
from spl.attempts.slurm import queued_runs
from spl.campaign.parameters import run_parameter
from spl.campaign.plan_file import FOLDER
from spl.campaign.requests import run_requests
from spl.campaign.run_state import run_state
from spl.campaign.shared_gpus import gpu_groups, runs_needed
from spl.errors import InputError
from spl.study.plan import Plan

LAST_LINES = 5  # of a log, to show what went wrong
STARTS = "[0-9]" * 20 + ".json"  # frozen plans, one for each start of Snakemake, named by its time


def freeze(plan_file: Path) -> Path:
    """Give submitted jobs a copy of the plan file that belongs to this start of Snakemake.

    Submitted jobs begin hours or days later. They follow this copy, so that no later edit of the study reaches them,
    and jobs of an earlier start recognise that they were replaced.

    Returns:
        the copy, beside the plan file.
    """
    others = [int(path.stem) for path in plan_file.parent.glob(STARTS)]
    path = plan_file.with_name(f"{max([time.time_ns(), *(number + 1 for number in others)]):020d}.json")
    shutil.copyfile(plan_file, path)
    return path


def check_newest(path: Path) -> None:
    """Let no job begin that belongs to an earlier start of Snakemake.

    Raises:
        InputError: a later frozen plan lies beside it.
    """
    newest = max(path.parent.glob(STARTS), default=path)
    if newest.name > path.name:
        raise InputError(f"{path}: replaced by {newest} of a later Snakemake; this job is no longer needed")


def begin(results: Path) -> TextIO:
    """Be the only Snakemake that submits runs of a study, as long as the returned file is open.

    Raises:
        InputError: another one does.
    """
    path = results / FOLDER / "snakemake.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise InputError(f"{path}: another Snakemake submits runs of this study; wait for it, or end it") from None
    return file


def leftovers(plan: Plan, folder: Path) -> Iterator[str]:
    """A line for each job that an earlier Snakemake submitted from this folder and SLURM still has."""
    paths = {path.replace("/", "_"): path for path in plan.runs}
    for job in queued_runs(plan.study.name, folder, gpu_groups(plan, run_requests(plan))):
        path = paths.get(job.run)
        if path is None:
            fate = f"not in this study; to end it: scancel {job.number}"
        elif job.state == "PENDING":
            fate = "will end when it starts"
        else:
            fate = "will save and end when its successor starts"
        yield f"left by an earlier Snakemake: job {job.number} ({job.state.lower()}), {path or job.run}: {fate}"


def failures(plan: Plan, results: Path, requested: Collection[str]) -> Iterator[str]:
    """Lines about each requested run that has no result: its reason and, if it was begun, its log and how that ends.

    Args:
        plan: of the study.
        results: the study's folder of results.
        requested: paths of the runs that Snakemake was to train, or needs the results of.
    """
    missing = [
        path
        for path in plan.runs
        if path in requested and run_state(results / "runs" / path, run_parameter(plan, path)) != "done"
    ]
    for path in missing:
        folder = results / "checkpoints" / path
        attempts, refusal = read_attempts(folder), read_refusal(folder)
        log = results / "logs/runs" / f"{path}.log"
        if refusal and (refusal.by == "SLURM" or not attempts):
            yield f"not done: {path}: refused by {refusal.by}: {refusal.reason}"
        elif attempts:
            ended = "trained, but its job failed afterwards"
            why = attempts[-1].reason or (ended if attempts[-1].status == "done" else "killed, or still running")
            yield f"not done: {path}: {attempts[-1].status}: {why}; {log} ends with"
            with suppress(OSError):
                yield from (f"    {line}" for line in log.read_text(errors="replace").splitlines()[-LAST_LINES:])
        else:
            needed = [other for other in runs_needed(plan, path) if other in missing]
            reason = f"needs {', '.join(needed)}" if needed else "Snakemake ended before"
            yield f"not done: {path}: never started: {reason}"


def remove_checkpoints(plan: Plan, results: Path) -> None:
    """Delete the checkpoints of the runs that are done."""
    for path in plan.runs:
        checkpoints = [step.parent for step in (results / "checkpoints" / path).glob("*/step-*")]
        if checkpoints and run_state(results / "runs" / path, run_parameter(plan, path)) == "done":
            for folder in set(checkpoints):
                shutil.rmtree(folder, ignore_errors=True)
