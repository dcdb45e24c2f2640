"""Tables of probabilistic monotonicity: does the error fall when labels are added (Table 6, section 4.5)?"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spl.analysis.arms import Arm, arms_by_size, gain_on, paired, run_names
from spl.analysis.formats import counted, percent
from spl.analysis.statistics import NO_GAIN, Gain, corrected, gain, summarise
from spl.tables.layout import Row, Table, gain_columns, long, number_rows, run_rows

Transition = tuple[int, int]


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Test each transition from one size of the labelled set to the next larger one that contains it.

    A transition's gain is the error before minus the error after, fold by fold. ``p_holm`` in the tidy table is
    corrected for all transitions of all methods. A method's rows over all of its sizes pool the transitions; as the
    error of one size counts in two of them, their p-value is descriptive. What follows is said of the transitions that
    could be tested, and nothing is called stable or not that could still change.

    Args:
        parameter: ``titles`` of the methods; the ``level`` above which a p-value says that the error does not reliably
            fall; ``mean_below`` and ``std_below``, the error and its standard deviation that count as stable. Shares.
        inputs: the summary of an experiment with nested labelled sets of at least two sizes.
    """
    methods = arms_by_size(pd.read_csv(inputs[0]), parameter["titles"])
    full = len(run_names([arm for sizes in methods.values() for arm in sizes.values()]))
    gains = corrected(
        {(method, transition): won for method, sizes in methods.items() for transition, won in _gains(sizes).items()}
    )
    tidy: list[Row] = []
    printed, notes = [], []
    for method, sizes in methods.items():
        transitions = {transition: gains[method, transition] for transition in pairwise(sizes)}
        for labels, arm in sizes.items():
            tidy += run_rows({"method": method, "labels": labels}, arm.errors)
        for (before, after), won in transitions.items():
            tidy += number_rows({"method": method, "from": before, "to": after}, gain_columns(won))
        pooled = _pooled(sizes)
        untested = [transition for transition, won in transitions.items() if won.n == 0]
        tested = len(transitions) - len(untested)
        exceeding = [transition for transition, won in transitions.items() if won.p_value > parameter["level"]]
        # An untested one after it may turn out to be the last.
        last = exceeding[-1] if exceeding and not any(one > exceeding[-1] for one in untested) else None
        stable = stable_from(sizes, parameter["mean_below"], parameter["std_below"])
        conclusions = {
            "transitions": tested,
            "transitions_above_level": len(exceeding),
            "last_above_level_from": last and last[0],
            "last_above_level_to": last and last[1],
            "stable_from": stable,
        }
        whole = {"method": method, "from": min(sizes), "to": max(sizes)}
        tidy += number_rows(whole, gain_columns(pooled) | conclusions)
        cells = {_name(one): counted(percent(won.p_value), won.n, full) for one, won in transitions.items()}
        printed.append({"p-value in %": method} | cells)
        together = counted(f"{percent(pooled.p_value, 2)} %", pooled.n, full * len(transitions))
        high = f"p high at {len(exceeding)} of {tested}" + (f", last at {_name(last)}" if last else "")
        notes.append(f"{method}: {high}; all together {together}; {_stability(sizes, stable)}.")
    return Table(long(tidy), pd.DataFrame(printed).fillna(""), f"{_explained(parameter)} {' '.join(notes)}")


def _gains(sizes: Mapping[int, Arm]) -> dict[Transition, Gain]:
    return {(before, after): gain_on(sizes[before], sizes[after]) for before, after in pairwise(sizes)}


def _pooled(sizes: Mapping[int, Arm]) -> Gain:
    """The gain over all transitions together."""
    pairs = [paired(sizes[after], sizes[before]) for before, after in pairwise(sizes)]
    after, before = (np.concatenate(errors) for errors in zip(*pairs, strict=True))
    return gain(after, before) if len(after) else NO_GAIN


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


def _explained(parameter: Mapping[str, Any]) -> str:
    level, mean, std = (f"{100 * parameter[key]:g}" for key in ("level", "mean_below", "std_below"))
    return f"High: p above {level} %. Stable: mean error below {mean} % with std below {std} %, up to the last size."


def _stability(sizes: Mapping[int, Arm], stable: int | None) -> str:
    if stable is not None:
        return f"stable from {stable} labels"
    return "not stable" if sizes[max(sizes)].complete else "stable or not: open"
