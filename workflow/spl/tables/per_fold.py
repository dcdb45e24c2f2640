"""Tables of one column for each method and one row for each fold (Table 7)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import arms, gains, run_names
from spl.analysis.formats import counted, percent
from spl.analysis.statistics import corrected, summarise
from spl.tables.layout import Cell, Numbers, Table, fold_cells, gain_cells, stacked


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """List the errors of every arm, fold by fold, over max, min, range, gain and p-value.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``.
        inputs: the experiment's summary.
    """
    titles, baseline = parameter["titles"], parameter["baseline"]
    compared = arms(pd.read_csv(inputs[0]), titles)
    names, comparisons = run_names(compared), corrected(gains(compared, baseline))
    numbers = Numbers()
    above: dict[str, dict[str, str | Cell]] = {}
    below: dict[str, dict[str, Cell]] = {}
    for arm in compared:
        what = {"method": arm.label}
        above[arm.label] = fold_cells(arm.errors, numbers.of_runs(what, arm.runs), names)
        if len(names) > 1:
            errors = summarise(arm.values())
            values = {"max": errors.max, "min": errors.min, "range": errors.range}
            lines = numbers.computed(what, values, arm.paths)
            above[arm.label] |= {
                name: Cell(counted(percent(value, 2), errors.n, len(names)), lines[name])
                for name, value in values.items()
            }
        if arm.label in comparisons:
            gain = comparisons[arm.label]
            lines = numbers.compared(what, gain)
            below[arm.label] = gain_cells(gain, lines, f"gain wrt {titles[baseline]}", full=len(names))
    return numbers.table(stacked("fold", above, below))
