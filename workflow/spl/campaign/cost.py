"""The cost of a study in GPU-hours, each with its source, and the resources that finished runs used beside requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from spl.attempts.journal import Attempt, read_attempts
from spl.campaign.job import canonical
from spl.campaign.parameters import run_parameter
from spl.campaign.rates import Rates, workload
from spl.campaign.requests import Request, run_requests
from spl.campaign.run_state import run_state
from spl.campaign.status import rounded_duration
from spl.study.plan import Plan
from spl.text.terminal import plain

GUESS, UNKNOWN = "a guess: `hours` of the study", "no `hours` in the study"


@dataclass(frozen=True)
class Portion:
    """The part of a study's cost that one source tells.

    Attributes:
        durations: hours of each run; None where nothing tells them.
        hours: device-hours of all of them; None if they are not known of all.
    """

    durations: tuple[float | None, ...]
    hours: float | None

    @property
    def runs(self) -> int:
        """Number of runs."""
        return len(self.durations)


@dataclass(frozen=True)
class Cost:
    """Device-hours: of GPUs if the study requests any, else of cores. A run that shares a GPU counts as its share.

    Attributes:
        device: "GPU" or "core".
        expected: of all runs, by where the hours come from: measured, finished runs, or a guess.
        limit: upper bound: every run takes its whole time limit.
        used: by all attempts that have ended.
    """

    device: str
    expected: Mapping[str, Portion]
    limit: float
    used: float

    @property
    def runs(self) -> int:
        """Number of runs."""
        return sum(portion.runs for portion in self.expected.values())

    @property
    def total(self) -> float | None:
        """Expected device-hours; None if they are not known of all runs."""
        return _total([portion.hours for portion in self.expected.values()])


def cost(plan: Plan, results: Path, rates: Rates | None = None, chosen: bool = False) -> Cost:
    """The cost of all runs of a plan, and the part that is already used.

    Args:
        plan: the plan of the study.
        results: the study's folder of results.
        rates: measured rates of steps.
        chosen: whether the rates count rather than the finished runs of the study, which may be from another device.
    """
    requests = run_requests(plan)
    gpus = any(request.gpu for request in requests.values())
    attempts = {path: read_attempts(results / "checkpoints" / path) for path in plan.runs}
    workloads = {path: canonical(workload(plan, path, request)) for path, request in requests.items()}
    finished = _finished(plan, results, workloads, attempts)
    measured = {} if rates is None else _measured(rates)
    sources = [measured, finished] if chosen else [finished, measured]

    def devices(request: Request) -> float:
        return request.gpu / request.runs_per_gpu if gpus else request.cpus

    paths = defaultdict[str, list[str]](list)
    durations: dict[str, float | None] = {}
    for path, request in requests.items():
        run = plan.runs[path]
        steps = run.settings["stop"] or run.settings["steps"]
        source, rate = next((source[workloads[path]] for source in sources if workloads[path] in source), (GUESS, 0.0))
        durations[path] = steps / rate / 3600 if rate else request.hours
        paths[UNKNOWN if durations[path] is None else source].append(path)

    def portion(told: list[str]) -> Portion:
        each = {path: durations[path] for path in told}
        weighted = (hours and hours * devices(requests[path]) for path, hours in each.items())
        return Portion(tuple(each.values()), _total(weighted))

    return Cost(
        device="GPU" if gpus else "core",
        expected={source: portion(told) for source, told in sorted(paths.items(), key=_order)},
        limit=sum(request.runtime / 60 * devices(request) for request in requests.values()),
        used=sum(hours(attempts[path]) * devices(request) for path, request in requests.items()),
    )


def _order(source: tuple[str, object]) -> tuple[int, str]:
    """Measured hours first, guesses last."""
    return (source[0] == GUESS) + 2 * (source[0] == UNKNOWN), source[0]


def _measured(rates: Rates) -> dict[str, tuple[str, float]]:
    commit = f", commit {rates.commit[:7]}" if rates.commit else ""
    name = f"measured on {rates.device} (torch {rates.torch}{commit})"
    return {work: (name, rate) for work, rate in rates.by_workload.items()}


def _finished(
    plan: Plan, results: Path, workloads: Mapping[str, str], attempts: Mapping[str, list[Attempt]]
) -> dict[str, tuple[str, float]]:
    """For each workload that has finished runs: the source, and steps per second, starts and evaluations included."""
    seconds, steps = defaultdict[str, float](float), defaultdict[str, int](int)
    done = 0
    for path, work in workloads.items():
        taken = 3600 * hours(attempts[path])
        if taken and run_state(results / "runs" / path, run_parameter(plan, path)) == "done":
            settings = plan.runs[path].settings
            done += 1
            seconds[work] += taken
            steps[work] += settings["stop"] or settings["steps"]
    name = f"from {done} finished {'run' if done == 1 else 'runs'} of the study"
    return {work: (name, steps[work] / seconds[work]) for work in steps}


def _total(hours: Iterable[float | None]) -> float | None:
    known = list(hours)
    return None if None in known else sum(filter(None, known))


def cost_table(found: Cost, price: float | None) -> Table:
    """The cost with the source of each number, in device-hours and, given the price of one, in money."""
    columns = [
        "runs",
        "hours of a run",
        f"{found.device}-hours",
        *([f"cost at {price:g} an hour"] if price is not None else []),
    ]
    table = Table("source", *columns, box=None)
    for column in table.columns[1:]:
        column.justify = "right"

    def add(what: str, runs: int, durations: Sequence[float | None], amount: float | None) -> None:
        amounts = [amount, amount and amount * price] if price is not None else [amount]
        cells = ("" if number is None else rounded(number) for number in amounts)
        table.add_row(plain(what), f"{runs:,}", _span(durations), *cells)

    for source, portion in found.expected.items():
        add(source, portion.runs, portion.durations, portion.hours)
    if len(found.expected) > 1:
        add("all of them", found.runs, [], found.total)
    add("at most, by their time limits", found.runs, [], found.limit)
    add("used so far", found.runs, [], found.used)
    return table


def rounded(amount: float) -> str:
    """Hours or money in print: whole numbers from 100 on, three digits below."""
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:.3g}"


def hours(attempts: list[Attempt]) -> float:
    """Total hours of the attempts at a run; killed attempts leave no record and do not count."""
    return sum(attempt.seconds for attempt in attempts) / 3600


def observed(plan: Plan, results: Path) -> Table:
    """A table of the resources that the finished runs of each experiment used, beside those that they requested."""
    requests = run_requests(plan)
    table = Table(
        "experiment", "runs done", "time expected", "used, mean", "used, max", "time limit",
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
            plain(name),
            str(len(recorded)),
            _span([requests[path].hours for path in recorded], _duration),
            _duration(sum(durations) / len(durations)),
            _duration(max(durations)),
            _span([requests[path].runtime / 60 for path in recorded], _duration),
            _span([requests[path].mem_mb for path in recorded]),
            f"{max(attempt.memory_mb for attempt in attempts)}",
            f"{max(attempt.gpu_memory_mb for attempt in attempts) or ''}",
            str(len(attempts)),
        )
    return table


def _duration(hours: float) -> str:
    return rounded_duration(3600 * hours)


def _three_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _span(values: Sequence[float | None], to_text: Callable[[float], str] = _three_digits) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return ""
    least, most = to_text(min(known)), to_text(max(known))
    return least if least == most else f"{least} to {most}"
