"""What a study costs: the GPU-hours that its trainings take, and what finished ones used of what they asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from spl.attempts.journal import Attempt, read_attempts
from spl.campaign.requests import Request, run_requests
from spl.campaign.run_state import run_state
from spl.study.plan import Plan, run_parameter


@dataclass(frozen=True)
class Cost:
    """Hours on whole devices: GPUs where a study asks for them, else cores.

    Attributes:
        device: "GPU" or "core".
        expected: by `hours` of the study; None where it does not say of all its trainings.
        limit: if every training took its whole time limit.
        used: by all attempts that have ended.
    """

    device: str
    expected: float | None
    limit: float
    used: float


def cost(plan: Plan, results: Path) -> Cost:
    """What a plan costs, and what of it is already used.

    Args:
        plan: of the study.
        results: its folder.
    """
    asked = run_requests(plan)
    gpus = any(one.gpu for one in asked.values())

    def devices(one: Request) -> int:
        return one.gpu if gpus else one.cpus

    return Cost(
        device="GPU" if gpus else "core",
        expected=_total([one.hours and one.hours * devices(one) for one in asked.values()]),
        limit=sum(one.runtime / 60 * devices(one) for one in asked.values()),
        used=sum(hours(read_attempts(results / "checkpoints" / path)) * devices(one) for path, one in asked.items()),
    )


def _total(hours: list[float | None]) -> float | None:
    known = [one for one in hours if one is not None]
    return sum(known) if len(known) == len(hours) else None


def hours(attempts: list[Attempt]) -> float:
    """Hours that the attempts at a run took together; of those that were killed it is not known."""
    return sum(attempt.seconds for attempt in attempts) / 3600


def observed(plan: Plan, results: Path) -> Table:
    """A table of what the finished runs of each experiment used, beside what they had asked for."""
    asked = run_requests(plan)
    table = Table(
        "experiment", "runs done", "hours expected", "used, mean", "used, most", "time limit, h",
        "memory asked, MB", "used, most", "GPU memory, MB", "attempts", box=None,
    )  # fmt: skip
    for name, paths in plan.experiments.items():
        done = [path for path in paths if run_state(results / "runs" / path, run_parameter(plan, path)) == "done"]
        records = {path: read_attempts(results / "checkpoints" / path) for path in done}
        known = [path for path in done if records[path]]
        if not known:
            continue
        took = [hours(records[path]) for path in known]
        attempts = [attempt for path in known for attempt in records[path]]
        table.add_row(
            name,
            str(len(known)),
            _span([asked[path].hours for path in known]),
            f"{sum(took) / len(took):.2f}",
            f"{max(took):.2f}",
            _span([asked[path].runtime / 60 for path in known]),
            _span([asked[path].mem_mb for path in known]),
            f"{max(attempt.memory_mb for attempt in attempts)}",
            f"{max(attempt.gpu_memory_mb for attempt in attempts) or ''}",
            str(len(attempts)),
        )
    return table


def _span(values: Sequence[float | None]) -> str:
    given = [value for value in values if value is not None]
    if not given:
        return ""
    least, most = min(given), max(given)
    return f"{least:.4g}" if least == most else f"{least:.4g} to {most:.4g}"
