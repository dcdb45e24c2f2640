"""The table of the classes that runs predict and recognise least often: basins without a limit (section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import arms, gains, run_names
from spl.analysis.statistics import corrected
from spl.tables.layout import Cell, Numbers, Table, gain_cells

# The endpoints: columns of the summary, with what a heading calls them.
ENDPOINTS = {"smallest_column": "column", "smallest_recall": "recall"}


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Compare smallest column and smallest recall of the methods with those of the baseline, run for run.

    More is better: a method gains if its smallest column or recall is larger than that of the baseline. The comparisons
    of each endpoint are one family.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``.
        inputs: the experiment's summary.
    """
    compared = arms(pd.read_csv(inputs[0]), parameter["titles"])
    full = len(run_names(compared))
    comparisons = {name: corrected(gains(compared, parameter["baseline"], name, sign=-1)) for name in ENDPOINTS}
    numbers = Numbers()
    printed = []
    for arm in compared:
        line: dict[str, str | Cell] = {"": arm.label}
        for column, noun in ENDPOINTS.items():
            what = {"method": arm.label, "endpoint": column}
            numbers.of_runs(what, arm.runs, column)
            line[f"smallest {noun}"] = numbers.errors(what, arm, full, column=column)["mean ± std"]
            if arm.label in comparisons[column]:
                gain = comparisons[column][arm.label]
                lines = numbers.compared(what, gain)
                line |= gain_cells(gain, lines, f"gain of the {noun}", f" of the {noun}", full)
        printed.append(line)
    return numbers.table(pd.DataFrame(printed).fillna(""))
