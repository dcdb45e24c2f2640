"""Tables of the runs with an imbalanced class, against the baseline and the balanced runs (Tables 3 and 10)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import arms, counterpart, gain_of, gains, paired, run_names
from spl.analysis.statistics import corrected
from spl.tables.layout import Cell, Numbers, Table, gain_cells, stacked
from spl.tables.literature_columns import Published


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """One column for each method, and in the lines what it gains on the baseline and what the imbalance costs it.

    The drop is the error with the imbalance minus that without, fold by fold; its p-value is that of the error's rising
    (paper, section 4.3.3). Gains are tested both ways, as the paper finds FlexMatch worse than the baseline. Gains are
    one family of comparisons, drops another.

    Args:
        parameter: ``titles`` of the methods, key of the ``baseline``, and the ``rows`` above gain and drop, in order,
            of "folds" (a line for each), "mean", "std", "max", "min" and "range".
        inputs: summaries of the experiment with the imbalance and of the one without.

    Raises:
        InputError: the experiment without imbalance lacks a method of the other.
    """
    titles, baseline = parameter["titles"], parameter["baseline"]
    compared, balanced = (arms(pd.read_csv(path), titles) for path in inputs)
    names, comparisons = run_names(compared), corrected(gains(compared, baseline))
    full = len(names)
    without = {arm.label: counterpart(arm, balanced, inputs[1]) for arm in compared}
    # The gain of an arm if the imbalance were removed.
    drops = corrected({arm.label: gain_of(paired(without[arm.label], arm)) for arm in compared})
    published = Published(parameter, inputs[0])
    numbers = Numbers()
    above: dict[str, dict[str, str | Cell]] = {}
    gained: dict[str, dict[str, Cell]] = {}
    dropped: dict[str, dict[str, Cell]] = {}
    for arm in compared:
        what = {"method": arm.label}
        folds = numbers.folds(what, arm, names)
        numbers.of_runs(what, without[arm.label].runs, name="error_last_balanced")
        cells = numbers.errors(what, arm, full, [name for name in parameter["rows"] if name != "folds"])
        above[arm.label] = {}
        for row in parameter["rows"]:
            above[arm.label] |= folds if row == "folds" else {row: cells[row]}
        above[arm.label] |= dict.fromkeys(published.names, "–") | published.cells(numbers, what, arm)
        if arm.label in comparisons:
            gain = comparisons[arm.label]
            lines = numbers.compared(what, gain)
            gained[arm.label] = gain_cells(
                gain, lines, f"gain wrt {titles[baseline]}", full=full, tests=("p_value", "p_worse")
            )
        drop = drops[arm.label]
        lines = numbers.compared(what, drop, "drop_")
        dropped[arm.label] = gain_cells(drop, lines, "drop due to imbalance", " of the drop", full)
    printed = stacked("fold" if "folds" in parameter["rows"] else "", above, gained, dropped)
    return numbers.table(printed, published.note)
