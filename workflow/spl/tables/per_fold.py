"""Tables of one column for each method and one row for each fold (Table 7)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import arms, fold_cells, gains, run_names
from spl.analysis.formats import counted, percent
from spl.analysis.statistics import corrected, summarise
from spl.tables.layout import Row, Table, gain_cells, gain_columns, long, number_rows, run_rows, stacked


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """List the errors of every arm, fold by fold, over max, min, range, gain and p-value.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``.
        inputs: the experiment's summary.
    """
    titles, baseline = parameter["titles"], parameter["baseline"]
    found = arms(pd.read_csv(inputs[0]), titles)
    names, won = run_names(found), corrected(gains(found, baseline))
    tidy: list[Row] = []
    above: dict[str, dict[str, str]] = {}
    for arm in found:
        of_arm = summarise(arm.values())
        numbers = {"max": of_arm.max, "min": of_arm.min, "range": of_arm.range} if len(names) > 1 else {}
        below = {name: counted(percent(value, 2), of_arm.n, len(names)) for name, value in numbers.items()}
        above[arm.label] = fold_cells(arm, names) | below
        if arm.label in won:
            numbers |= gain_columns(won[arm.label])
        of = {"method": arm.label}
        tidy += run_rows(of, arm.errors) + number_rows(of, numbers)
    compared = {label: gain_cells(one, f"gain wrt {titles[baseline]}", full=len(names)) for label, one in won.items()}
    return Table(long(tidy), stacked("fold", above, compared))
