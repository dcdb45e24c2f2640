"""The cost of a study in GPU-hours, and the resources that finished runs used compared with their requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from spl.attempts.journal import Attempt, read_attempts
from spl.campaign.parameters import run_parameter
from spl.campaign.requests import Request, run_requests
from spl.campaign.run_state import run_state
from spl.study.plan import Plan


@dataclass(frozen=True)
class Cost:
    """Device-hours: of GPUs if the study requests any, else of cores.

    Attributes:
        device: "GPU" or "core".
        expected: by the ``hours`` of the study; None if they are not given for all runs.
        limit: upper bound: every run takes its whole time limit.
        used: by all attempts that have ended.
    """

    device: str
    expected: float | None
    limit: float
    used: float


def cost(plan: Plan, results: Path) -> Cost:
    """The cost of all runs of a plan, and the part that is already used.

    Args:
        plan: the plan of the study.
        results: the study's folder of results.
    """
    requests = run_requests(plan)
    gpus = any(request.gpu for request in requests.values())

    def devices(request: Request) -> int:
        return request.gpu if gpus else request.cpus

    return Cost(
        device="GPU" if gpus else "core",
        expected=_total([request.hours and request.hours * devices(request) for request in requests.values()]),
        limit=sum(request.runtime / 60 * devices(request) for request in requests.values()),
        used=sum(
            hours(read_attempts(results / "checkpoints" / path)) * devices(request)
            for path, request in requests.items()
        ),
    )


def _total(hours: list[float | None]) -> float | None:
    known = [value for value in hours if value is not None]
    return sum(known) if len(known) == len(hours) else None


def hours(attempts: list[Attempt]) -> float:
    """Total hours of the attempts at a run; killed attempts leave no record and do not count."""
    return sum(attempt.seconds for attempt in attempts) / 3600


def observed(plan: Plan, results: Path) -> Table:
    """A table of the resources that the finished runs of each experiment used, beside those that they requested."""
    requests = run_requests(plan)
    table = Table(
        "experiment", "runs done", "hours expected", "used, mean", "used, max", "time limit, h",
        "memory requested, MB", "used, max", "GPU memory, MB", "attempts", box=None,
    )  # fmt: skip
    for name, paths in plan.experiments.items():
        done = [path for path in paths if run_state(results / "runs" / path, run_parameter(plan, path)) == "done"]
        records = {path: read_attempts(results / "checkpoints" / path) for path in done}
        recorded = [path for path in done if records[path]]
        if not recorded:
            continue
        durations = [hours(records[path]) for path in recorded]
        attempts = [attempt for path in recorded for attempt in records[path]]
        table.add_row(
            name,
            str(len(recorded)),
            _span([requests[path].hours for path in recorded]),
            f"{sum(durations) / len(durations):.2f}",
            f"{max(durations):.2f}",
            _span([requests[path].runtime / 60 for path in recorded]),
            _span([requests[path].mem_mb for path in recorded]),
            f"{max(attempt.memory_mb for attempt in attempts)}",
            f"{max(attempt.gpu_memory_mb for attempt in attempts) or ''}",
            str(len(attempts)),
        )
    return table


def _span(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return ""
    least, most = min(known), max(known)
    return f"{least:.4g}" if least == most else f"{least:.4g} to {most:.4g}"
