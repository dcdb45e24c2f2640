"""The status of a campaign: the state of every run, from the files beside its checkpoints and from SLURM's queue."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table

from spl.attempts.journal import FAILURE, Attempt, Progress, read_attempts, read_progress, read_refusal
from spl.attempts.lock import is_held
from spl.attempts.plain_file import read_plain
from spl.attempts.slurm import queued_runs
from spl.campaign.parameters import run_parameter
from spl.campaign.requests import run_requests
from spl.campaign.run_state import run_state
from spl.campaign.shared_gpus import gpu_groups
from spl.methods.registry import METHODS
from spl.study.plan import Plan, Run
from spl.text.terminal import plain

STATES = ("done", "running", "starting", "queued", "interrupted", "failed", "refused", "to do")
# Seconds without a step after which a running run is reported as standing still
STANDSTILL = 600


@dataclass(frozen=True)
class RunStatus:
    """The state and progress of a run.

    Attributes:
        run: path of the run.
        state: one of :data:`STATES`. "starting": its SLURM job has started, but is not training yet or waits for an
            earlier process of the same run. "interrupted": it has begun, and has neither a process nor a job.
            "refused": SLURM refused its job when it was last submitted, or it could not begin on the machine.
        job: number of its present SLURM job, if any.
        step: last step.
        steps: number of steps of the whole run.
        images_per_second: labelled and unlabelled images, while it is running.
        error: test error of the latest evaluation, between 0 and 1.
        seconds_left: at its present pace, while it is running.
        attempts: number of attempts so far.
        reason: why the last attempt ended, if the run is not done; time since the last step, if the run stands still.
    """

    run: str
    state: str
    job: str | None
    step: int
    steps: int
    images_per_second: float | None
    error: float | None
    seconds_left: float | None
    attempts: int
    reason: str


def read_status(plan: Plan, results: Path) -> list[RunStatus]:
    """The status of every run of a plan, in its order.

    Args:
        plan: the plan of the study.
        results: the study's folder of results.
    """
    queued = queued_runs(plan.study.name, Path.cwd(), gpu_groups(plan, run_requests(plan)))
    jobs = {job.run: job for job in queued}
    statuses = []
    for path, run in plan.runs.items():
        folder, job = results / "checkpoints" / path, jobs.get(path.replace("/", "_"))
        attempts, progress, refusal = read_attempts(folder), read_progress(folder), read_refusal(folder)
        last = attempts[-1] if attempts else None
        if run_state(results / "runs" / path, run_parameter(plan, path)) == "done":
            state = "done"
        elif is_held(folder):
            state = "running"
        elif job:
            state = "queued" if job.state == "PENDING" else "starting"
        elif refusal and (refusal.by == "SLURM" or not last):
            state = "refused"
        else:
            state = ("failed" if last.status == "failed" else "interrupted") if last else "to do"
        steps = run.settings["stop"] or run.settings["steps"]
        pace = progress.pace if progress and state == "running" else None
        step = steps if state == "done" else progress.step if progress else last.first if last else 0
        statuses.append(
            RunStatus(
                run=path,
                state=state,
                job=job.number if job else None,
                step=step,
                steps=steps,
                images_per_second=pace * _images(run) if pace else None,
                error=progress.error if progress else None,
                seconds_left=(steps - step) / pace if pace else None,
                attempts=len(attempts),
                reason=refusal.reason if refusal and state == "refused" else _reason(folder, state, last, progress),
            )
        )
    return statuses


def _images(run: Run) -> int:
    """Number of images in a step, labelled and unlabelled."""
    unlabelled = run.settings["mu"] if METHODS[run.method].weight else 0
    images: int = run.settings["batch"] * (1 + unlabelled)
    return images


def _reason(folder: Path, state: str, last: Attempt | None, progress: Progress | None) -> str:
    if state == "running" and progress and time.time() - progress.time > STANDSTILL:
        return f"no step for {rounded_duration(time.time() - progress.time)}"
    if state not in ("failed", "interrupted") or last is None:
        return ""
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        return str(json.loads(read_plain(folder / FAILURE))["reason"])
    return last.reason


def status_tables(plan: Plan, statuses: list[RunStatus]) -> RenderableType:
    """A table of the experiments, and one of the runs that have begun and are not done."""
    by_path = {status.run: status for status in statuses}
    experiments = Table("experiment", "runs", *STATES, title=plain(plan.study.title), box=None)
    for name, paths in _groups(plan):
        counts = Counter(by_path[path].state for path in paths)
        experiments.add_row(plain(name), str(len(paths)), *(str(counts[state] or "") for state in STATES))
    counts = Counter(status.state for status in statuses)
    experiments.add_row("all", str(len(statuses)), *(str(counts[state] or "") for state in STATES), style="bold")
    runs = Table("run", "state", "job", "step", "images/s", "error", "time left", "attempts", "reason", box=None)
    for status in statuses:
        if status.state not in ("done", "to do"):
            runs.add_row(*map(plain, _cells(status)))
    return Group(experiments, "", runs) if runs.rows else experiments


def _groups(plan: Plan) -> Iterator[tuple[str, list[str]]]:
    yield from plan.experiments.items()
    for name, calibration in plan.calibrations.items():
        yield f"calibration of {name}", list(calibration.runs)


def _cells(status: RunStatus) -> Iterator[str]:
    yield from (status.run, status.state, status.job or "")
    yield f"{status.step:,} of {status.steps:,}"
    yield f"{status.images_per_second:,.0f}" if status.images_per_second else ""
    yield f"{100 * status.error:.2f} %" if status.error is not None else ""
    yield rounded_duration(status.seconds_left) if status.seconds_left is not None else ""
    yield from (str(status.attempts or ""), status.reason)


def rounded_duration(seconds: float) -> str:
    """Seconds rounded to minutes, unless they are few: "45 s", "12 min", "3:25 h", "4 d 03:25"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    days, hours = divmod(minutes // 60, 24)
    if minutes < 60:
        return f"{minutes} min"
    return f"{days} d {hours:02}:{minutes % 60:02}" if days else f"{hours}:{minutes % 60:02} h"
