"""Tables of the runs with an imbalanced class, against the baseline and the balanced runs (Tables 3 and 10)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import arms, counterpart, fold_cells, gain_on, gains, run_names
from spl.analysis.formats import counted, percent
from spl.analysis.statistics import corrected, summarise
from spl.tables.layout import Row, Table, gain_cells, gain_columns, long, number_rows, run_rows, stacked
from spl.tables.literature import Published


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """One column for each method, and in the lines what it gains on the baseline and what the imbalance costs it.

    The drop is the error with the imbalance minus that without, fold by fold; its p-value is that of the error's rising
    (paper, section 4.3.3). Gains are one family of comparisons, drops another.

    Args:
        parameter: ``titles`` of the methods, key of the ``baseline``, and the ``rows`` above gain and drop, in order,
            of "folds" (a line for each), "mean", "std", "max", "min" and "range".
        inputs: summaries of the experiment with the imbalance and of the one without.

    Raises:
        InputError: the experiment without imbalance lacks a method of the other.
    """
    titles, baseline = parameter["titles"], parameter["baseline"]
    found, balanced = (arms(pd.read_csv(path), titles) for path in inputs)
    names, won = run_names(found), corrected(gains(found, baseline))
    full = len(names)
    without = {arm.label: counterpart(arm, balanced, inputs[1]) for arm in found}
    # What an arm would gain if it were without the imbalance.
    drops = corrected({arm.label: gain_on(arm, without[arm.label]) for arm in found})
    beside = Published(parameter, inputs[0])
    tidy: list[Row] = []
    above: dict[str, dict[str, str]] = {}
    for arm in found:
        of_arm = summarise(arm.values())
        numbers = {name: getattr(of_arm, name) for name in parameter["rows"] if name != "folds"}
        cells = {name: {name: counted(percent(value, 2), of_arm.n, full)} for name, value in numbers.items()}
        cells["folds"] = fold_cells(arm, names)
        above[arm.label] = {name: cell for row in parameter["rows"] for name, cell in cells[row].items()}
        numbers |= beside.numbers(arm)
        above[arm.label] |= dict.fromkeys(beside.names, "–") | beside.cells(arm)
        if arm.label in won:
            numbers |= gain_columns(won[arm.label])
        numbers |= {f"drop_{name.removeprefix('gain_')}": one for name, one in gain_columns(drops[arm.label]).items()}
        of = {"method": arm.label}
        tidy += run_rows(of, arm.errors) + run_rows(of, without[arm.label].errors, "error_last_balanced")
        tidy += number_rows(of, numbers)
    gained = {label: gain_cells(one, f"gain wrt {titles[baseline]}", full=full) for label, one in won.items()}
    dropped = {
        label: gain_cells(one, "drop due to imbalance", "p-value of the drop", full) for label, one in drops.items()
    }
    printed = stacked("fold" if "folds" in parameter["rows"] else "", above, gained, dropped)
    return Table(long(tidy), printed, beside.note)
