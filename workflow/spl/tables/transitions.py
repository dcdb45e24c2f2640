"""Tables of probabilistic monotonicity: does the error fall when labels are added (Table 6, section 4.5)?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import Arm, arms_by_size, gain_of, paired, run_names
from spl.analysis.formats import counted, p_value
from spl.analysis.statistics import Gain, corrected, summarise
from spl.tables.layout import Cell, Numbers, Table

Transition = tuple[int, int]


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Test each transition from one size of the labelled set to the next larger one that contains it.

    A transition's gain is the error before minus the error after, fold by fold. ``p_holm`` in the tidy table is
    corrected for all transitions of all methods. A method's rows over all of its sizes pool the transitions; as the
    error of one size counts in two of them, their p-value is descriptive. Conclusions are drawn from the transitions
    with enough folds for a p-value below the level, and nothing is called stable or unstable that could still change.

    Args:
        parameter: ``titles`` of the methods; the ``level`` above which a p-value means that the error does not reliably
            fall; ``mean_below`` and ``std_below``, the error and standard deviation below which it is stable. Shares.
        inputs: the summary of an experiment with nested labelled sets of at least two sizes.
    """
    methods = arms_by_size(pd.read_csv(inputs[0]), parameter["titles"])
    full = len(run_names([arm for sizes in methods.values() for arm in sizes.values()]))
    gains = corrected(
        {
            (method, (before, after)): gain_of(paired(sizes[after], sizes[before]))
            for method, sizes in methods.items()
            for before, after in pairwise(sizes)
        }
    )
    numbers = Numbers()
    printed, notes = [], []
    for method, sizes in methods.items():
        transitions = {transition: gains[method, transition] for transition in pairwise(sizes)}
        for labels, arm in sizes.items():
            numbers.of_runs({"method": method, "labels": labels}, arm.runs)
        line: dict[str, str | Cell] = {"p": method}
        for transition, fall in transitions.items():
            lines = numbers.compared({"method": method, "from": transition[0], "to": transition[1]}, fall)
            least = f", least {p_value(fall.smallest_p)}" if fall.smallest_p > parameter["level"] else ""
            line[_name(transition)] = Cell(counted(p_value(fall.p_value) + least, fall.n, full), lines["p_value"])
        printed.append(line)
        pooled = _pooled(sizes)
        conclusions = _conclusions(transitions, parameter["level"])
        stable = stable_from(sizes, parameter["mean_below"], parameter["std_below"])
        whole = {"method": method, "from": min(sizes), "to": max(sizes)}
        numbers.compared(whole, pooled)
        paths = [path for arm in sizes.values() for path in arm.paths]
        numbers.computed(whole, conclusions | {"stable_from": stable}, paths)
        notes.append(
            f"{method}: {_high(conclusions, len(transitions))}; all together "
            f"{counted(p_value(pooled.p_value), pooled.n, full * len(transitions))}; "
            f"{_stability(sizes, stable)}."
        )
    return numbers.table(pd.DataFrame(printed).fillna(""), " ".join(notes))


def _conclusions(transitions: Mapping[Transition, Gain], level: float) -> dict[str, int | None]:
    """What p-values above the level say: only transitions count with so many folds that p could be below it.

    Returns:
        the number of such transitions, that of p-values above the level among them, and the last one of these.
    """
    decided = {name: fall for name, fall in transitions.items() if fall.n and fall.smallest_p <= level}
    exceeding = [transition for transition, fall in decided.items() if fall.p_value > level]
    # An undecided transition after it may turn out to be the last.
    last = (
        exceeding[-1]
        if exceeding and not any(later > exceeding[-1] for later in transitions.keys() - decided)
        else None
    )
    return {
        "transitions": len(decided),
        "transitions_above_level": len(exceeding),
        "last_above_level_from": last and last[0],
        "last_above_level_to": last and last[1],
    }


def _high(conclusions: Mapping[str, int | None], transitions: int) -> str:
    before, after = conclusions["last_above_level_from"], conclusions["last_above_level_to"]
    last = "" if before is None or after is None else f", last at {_name((before, after))}"
    decided = conclusions["transitions"] or 0
    if not decided:
        return "too few folds to tell where p is high"
    few = f"; too few folds to tell at {transitions - decided}" if decided < transitions else ""
    return f"p high at {conclusions['transitions_above_level']} of {decided}{last}{few}"


def _pooled(sizes: Mapping[int, Arm]) -> Gain:
    """The gain over all transitions together."""
    pairs = [paired(after, before) for before, after in pairwise(sizes.values())]
    runs = (path for of_transition in pairs for path in (*of_transition["run_baseline"], *of_transition["run"]))
    return replace(gain_of(pd.concat(pairs)), runs=tuple(runs))


def stable_from(sizes: Mapping[int, Arm], mean_below: float, std_below: float) -> int | None:
    """The number of labels from which mean and standard deviation of the error stay low (section 4.5.2).

    Args:
        sizes: one method's arms by number of labels, ascending.
        mean_below: the mean over folds is to be below this share, up to the last size.
        std_below: so is the standard deviation.

    Returns:
        None if they are not, at the last size, or if a run of the last size is not done. Runs of smaller sizes that are
        not done may still lower the number.
    """
    first = None
    for labels, arm in reversed(list(sizes.items())):
        errors = summarise(arm.values())
        if not (arm.complete and errors.mean < mean_below and errors.std < std_below):
            break
        first = labels
    return first


def _name(transition: Transition) -> str:
    return " → ".join(map(str, transition))


def _stability(sizes: Mapping[int, Arm], stable: int | None) -> str:
    if stable is not None:
        return f"stable from {stable} labels"
    return "not stable" if sizes[max(sizes)].complete else "stable or not: open"
