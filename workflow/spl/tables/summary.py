"""Tables of one line for each method: mean, standard deviation, gain over the baseline, p-value (Table 1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import Arm, arms, gains, run_names
from spl.analysis.formats import counted, percent
from spl.analysis.statistics import corrected, summarise
from spl.tables.layout import Cell, Numbers, Table, gain_cells
from spl.tables.literature_columns import Published


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Compare the arms of one experiment with its baseline.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``; what :class:`Published` reads.
        inputs: the experiment's summary; after it those of experiments for reference, whose arms follow uncompared.
    """
    titles, baseline = parameter["titles"], parameter["baseline"]
    compared = arms(pd.read_csv(inputs[0]), titles)
    comparisons = corrected(gains(compared, baseline))
    full = len(run_names(compared))
    published = Published(parameter, inputs[0])
    numbers = Numbers()
    printed = []
    for arm in compared:
        line = _errors(arm, full, numbers)
        line |= dict.fromkeys(published.names, "–") | published.cells(numbers, {"method": arm.label}, arm)
        if arm.label in comparisons:
            lines = numbers.compared({"method": arm.label}, comparisons[arm.label])
            line |= gain_cells(comparisons[arm.label], lines, f"gain wrt {titles[baseline]}", full=full)
        printed.append(line)
    references = (arm for path in inputs[1:] for arm in arms(pd.read_csv(path), titles))
    printed += [_errors(arm, len(arm.planned), numbers) for arm in references]
    return numbers.table(pd.DataFrame(printed).fillna(""), published.note)


def _errors(arm: Arm, full: int, numbers: Numbers) -> dict[str, str | Cell]:
    """The start of an arm's line: its label, mean and deviation; ``full`` is its number of runs when all are done."""
    errors = summarise(arm.values())
    numbers.of_runs({"method": arm.label}, arm.runs)
    values = {"n": errors.n, "mean": errors.mean, "std": errors.std}
    lines = numbers.computed({"method": arm.label}, values, arm.paths)
    cells = {name: Cell(counted(percent(values[name], 2), errors.n, full), lines[name]) for name in ("mean", "std")}
    return {"": arm.label} | cells
