"""A study at a glance: its experiments with network, steps and runs, and what their folds can show; or every run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from rich.table import Table

from spl.analysis.formats import p_value
from spl.analysis.looks import LEVEL
from spl.campaign.cost import Cost, rounded
from spl.study.plan import Plan
from spl.study.resolve import setting_origins
from spl.study.schema import Experiment
from spl.study.settings import Settings
from spl.text.terminal import plain


def experiment_table(plan: Plan, states: Mapping[str, str]) -> Table:
    """One line for each experiment and each calibration: network, steps, runs, and the smallest p that folds allow.

    Runs of one fold share their labelled images, so further seeds are no further evidence: as in the claims, a fold
    counts once.

    Args:
        plan: the plan of the study.
        states: of all runs, by path.
    """
    table = Table("experiment", "network", title=plain(f"{plan.study.title}: {len(plan.runs)} runs"), box=None)
    for heading in ("steps", "runs", "done", "stale", "folds", "smallest p"):
        table.add_column(heading, justify="right")
    table.add_column(f"for p ≤ {LEVEL}")
    for name, paths, given in _groups(plan):
        found = [states[path] for path in paths]
        numbers = (f"{sum(state.startswith(start) for state in found) or ''}" for start in ("done", "stale"))
        networks = dict.fromkeys(plan.runs[path].settings["network"] for path in paths)
        table.add_row(
            plain(name), ", ".join(networks), _lengths(plan, paths), f"{len(paths):,}", *numbers, *_reach(given)
        )
    return table


def _lengths(plan: Plan, paths: Iterable[str]) -> str:
    """The steps of runs, from the fewest to the most: "600" or "400 to 1,400"."""
    settings = [plan.runs[path].settings for path in paths]
    steps = sorted({one["stop"] or one["steps"] for one in settings})
    return " to ".join(f"{number:,}" for number in dict.fromkeys((steps[0], steps[-1])))


def count_line(plan: Plan, states: Mapping[str, str]) -> str:
    """How many runs of a study are done, and why those of :func:`experiment_table` may add up to more."""
    done, sets = sum(state == "done" for state in states.values()), len(plan.splits)
    line = f"{done} of {len(states)} runs done; {sets} labelled set{'s' if sets != 1 else ''}."
    shared = sum(len(paths) for _, paths, _ in _groups(plan)) > len(states)
    return f"{line} Runs that experiments or calibrations share are trained once." if shared else line


def default_note(plan: Plan, found: Cost) -> str | None:
    """A line on network and steps that no key of the study sets, so that they are the paper's, and the hours.

    Args:
        plan: the plan of the study.
        found: its cost.

    Returns:
        None if the study sets them for all of its runs.
    """
    usual = Settings()
    left = defaultdict[tuple[str, ...], dict[str, str]](dict)  # by the experiments that leave them
    for key, value in (("network", usual.network), ("steps", f"{usual.steps:,} steps")):
        left[tuple(name for name in plan.experiments if _leaves(plan, name, key))][key] = value
    told = [
        f"{' and '.join(values.values())} in "
        f"{'all experiments' if names == tuple(plan.experiments) else ', '.join(names)}"
        for names, values in left.items()
        if names
    ]
    if not told:
        return None
    total, source = (found.limit, " by their time limits") if found.total is None else (found.total, "")
    keys = ", ".join(f"{key}: ..." for names, values in left.items() if names for key in values)
    return (
        f"The study leaves to the paper's defaults: {'; '.join(told)}. All runs together are about "
        f"{rounded(total)} {found.device}-hours{source}. To choose others: `training: {{ {keys} }}`."
    )


def _leaves(plan: Plan, name: str, key: str) -> bool:
    """Whether some run of an experiment has the default of a setting because no key decides it."""
    given = plan.study.experiments[name]
    return any(
        key not in setting_origins(plan.study, name, method, variant)
        for method in given.methods
        for variant in range(len(given.variants))
    )


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
