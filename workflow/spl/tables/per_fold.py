"""Tables of one column for each method and one row for each fold (Table 7)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import arms, gains, run_names
from spl.analysis.statistics import corrected
from spl.tables.layout import Cell, Numbers, Table, gain_cells, stacked


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """List the errors of every arm, fold by fold, over max, min, range, gain and p-value.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``; optionally the ``margin`` of a test of
            equivalence, a share.
        inputs: the experiment's summary.
    """
    titles, baseline = parameter["titles"], parameter["baseline"]
    compared = arms(pd.read_csv(inputs[0]), titles)
    names, comparisons = run_names(compared), corrected(gains(compared, baseline, margin=parameter.get("margin")))
    numbers = Numbers()
    columns: dict[str, dict[str, str | Cell]] = {}
    for arm in compared:
        what = {"method": arm.label}
        columns[arm.label] = numbers.folds(what, arm, names)
        if len(names) > 1:
            columns[arm.label] |= numbers.errors(what, arm, len(names), ("max", "min", "range"))
        if arm.label in comparisons:
            gain = comparisons[arm.label]
            lines = numbers.compared(what, gain)
            columns[arm.label] |= gain_cells(gain, lines, f"gain wrt {titles[baseline]}", full=len(names))
    return numbers.table(stacked("fold", columns))
