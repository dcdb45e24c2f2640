"""Tables of one line for each method: mean, standard deviation, gain over the baseline, p-value (Table 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import Arm, arms, gains, run_names
from spl.analysis.formats import percent
from spl.analysis.statistics import corrected, summarise
from spl.tables.layout import Cell, Numbers, Table, gain_cells, lowest_printed
from spl.tables.literature_columns import Published


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Compare the arms of one experiment with its baseline.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``; optionally the ``margin`` of a test of
            equivalence, a share; what :class:`Published` reads.
        inputs: the experiment's summary; after it those of experiments for reference, whose arms follow uncompared.
    """
    titles, baseline = parameter["titles"], parameter["baseline"]
    compared = arms(pd.read_csv(inputs[0]), titles)
    comparisons = corrected(gains(compared, baseline, margin=parameter.get("margin")))
    full = len(run_names(compared))
    lowest = lowest_printed(summarise(arm.values()).mean for arm in compared)
    published = Published(parameter, *inputs)
    numbers = Numbers()
    printed = []
    for arm in compared:
        line: dict[str, str | Cell] = {"": arm.label} | _errors(arm, full, numbers, full == 1, lowest)
        line |= dict.fromkeys(published.names, "–") | published.cells(numbers, {"method": arm.label}, arm)
        if arm.label in comparisons:
            lines = numbers.compared({"method": arm.label}, comparisons[arm.label])
            line |= gain_cells(comparisons[arm.label], lines, f"gain wrt {titles[baseline]}", full=full)
        printed.append(line)
    references = (arm for path in inputs[1:] for arm in arms(pd.read_csv(path), titles))
    for arm in references:
        line = {"": arm.label} | _errors(arm, len(arm.planned), numbers, full == 1)
        printed.append(line | published.cells(numbers, {"method": arm.label}, arm))
    return numbers.table(pd.DataFrame(printed).fillna(""), published.note)


def _errors(arm: Arm, full: int, numbers: Numbers, alone: bool, lowest: str | None = None) -> dict[str, Cell]:
    """Mean and deviation, of a single run its error; ``full`` is the number of runs when all are done.

    The mean is bold if it prints as the ``lowest`` of several methods.
    """
    numbers.of_runs({"method": arm.label}, arm.runs)
    cells = numbers.errors({"method": arm.label}, arm, full)
    mean = replace(cells["mean"], bold=percent(summarise(arm.values()).mean, 2) == lowest)
    return {"error": mean} if alone else {"mean": mean, "std": cells["std"]}
