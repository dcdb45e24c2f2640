"""Tables of one line for each method: mean, standard deviation, gain over the baseline, p-value (Table 1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import Arm, arms, gains, run_names
from spl.analysis.formats import counted, percent
from spl.analysis.statistics import corrected, summarise
from spl.tables.layout import Row, Table, gain_cells, gain_columns, long, number_rows, run_rows
from spl.tables.literature import Published


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Compare the arms of one experiment with its baseline.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``; what :class:`Published` reads.
        inputs: the experiment's summary; after it those of experiments for reference, whose arms follow uncompared.
    """
    titles, baseline = parameter["titles"], parameter["baseline"]
    found = arms(pd.read_csv(inputs[0]), titles)
    won = corrected(gains(found, baseline))
    full = len(run_names(found))
    beside = Published(parameter, inputs[0])
    tidy: list[Row] = []
    printed = []
    for arm in found:
        numbers, line = _spread(arm, full)
        numbers |= beside.numbers(arm)
        line |= dict.fromkeys(beside.names, "–") | beside.cells(arm)
        if arm.label in won:
            numbers |= gain_columns(won[arm.label])
            line |= gain_cells(won[arm.label], f"gain wrt {titles[baseline]}", full=full)
        tidy += _rows(arm, numbers)
        printed.append(line)
    for reference in inputs[1:]:
        for arm in arms(pd.read_csv(reference), titles):
            numbers, line = _spread(arm, len(arm.planned))
            tidy += _rows(arm, numbers)
            printed.append(line)
    return Table(long(tidy), pd.DataFrame(printed).fillna(""), beside.note)


def _spread(arm: Arm, full: int) -> tuple[dict[str, float], dict[str, str]]:
    """Mean and deviation of an arm that has ``full`` runs when all are done: as numbers, and as the start of a line."""
    errors = summarise(arm.values())
    cells = {name: counted(percent(getattr(errors, name), 2), errors.n, full) for name in ("mean", "std")}
    return {"n": errors.n, "mean": errors.mean, "std": errors.std}, {"": arm.label} | cells


def _rows(arm: Arm, numbers: Mapping[str, float]) -> list[Row]:
    of = {"method": arm.label}
    return run_rows(of, arm.errors) + number_rows(of, numbers)
