"""A study at a glance: its experiments with their runs, and how small a p-value their folds allow; or every run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.table import Table

from spl.analysis.formats import p_value
from spl.study.plan import Plan
from spl.study.schema import Experiment
from spl.text.terminal import plain

# The usual level of a test in one direction
LEVEL = 0.05


def experiment_table(plan: Plan, states: Mapping[str, str]) -> Table:
    """One line for each experiment, and one for each calibration: its runs, and the smallest p that its folds allow.

    Runs of one fold share their labelled images, so further seeds are no further evidence: as in the claims, a fold
    counts once.

    Args:
        plan: the plan of the study.
        states: of all runs, by path.
    """
    table = Table("experiment", title=plain(f"{plan.study.title}: {len(plan.runs)} runs"), box=None)
    for heading in ("runs", "done", "stale", "folds", "smallest p"):
        table.add_column(heading, justify="right")
    table.add_column(f"for p ≤ {LEVEL}")
    for name, paths, given in _groups(plan):
        found = [states[path] for path in paths]
        numbers = (f"{sum(state.startswith(start) for state in found) or ''}" for start in ("done", "stale"))
        table.add_row(plain(name), f"{len(paths):,}", *numbers, *_reach(given))
    return table


def run_table(plan: Plan, states: Mapping[str, str]) -> Table:
    """One line for each run: its path, what needs it, its state. Arguments as :func:`experiment_table`."""
    table = Table("run", "needed by", "state", title=plain(f"{plan.study.title}: {len(plan.runs)} runs"), box=None)
    groups = [(name, set(paths)) for name, paths, _ in _groups(plan)]
    for path, state in states.items():
        table.add_row(plain(path), ", ".join(name for name, paths in groups if path in paths), plain(state))
    return table


def _groups(plan: Plan) -> Iterator[tuple[str, list[str], Experiment | None]]:
    for name, paths in plan.experiments.items():
        if paths:
            yield name, list(paths), plan.study.experiments[name]
    for name, calibration in plan.calibrations.items():
        yield f"calibration of {name}", list(calibration.runs), None


def _reach(given: Experiment | None) -> tuple[str, str, str]:
    """Folds, the smallest p of the exact one-sided test over so many, and how many reach the level."""
    if given is None or len(given.methods) < 2:
        return "", "", ""
    folds = len(given.folds)
    smallest = 0.5**folds
    enough = next(number for number in range(1, 64) if 0.5**number <= LEVEL)
    more = f"{enough} folds: {p_value(0.5**enough)}" if smallest > LEVEL else ""
    return str(folds), p_value(smallest), more
