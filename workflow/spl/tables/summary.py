"""Tables of one line for each method: mean, standard deviation, gain over the baseline, p-value (Table 1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.statistics import corrected, summarise
from spl.tables.arms import arms, gains, run_names
from spl.tables.form import Table, counted, gain_cells, gain_columns, long, number_rows, percent, run_rows
from spl.tables.published import Published


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Compare the arms of one experiment with its baseline.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``; what :class:`Published` reads.
        inputs: the experiment's summary.
    """
    titles, baseline = parameter["titles"], parameter["baseline"]
    found = arms(pd.read_csv(inputs[0]), titles)
    won = corrected(gains(found, baseline))
    full = len(run_names(found))
    beside = Published(parameter, inputs[0])
    tidy, printed = [], []
    for arm in found:
        of_arm = summarise(arm.values())
        numbers: dict[str, float] = {"n": of_arm.n, "mean": of_arm.mean, "std": of_arm.std}
        line = {"": arm.label, "mean": counted(percent(of_arm.mean, 2), of_arm.n, full), "std": percent(of_arm.std, 2)}
        numbers |= beside.numbers(arm)
        line |= dict.fromkeys(beside.names, "–") | beside.cells(arm)
        if arm.label in won:
            numbers |= gain_columns(won[arm.label])
            line |= gain_cells(won[arm.label], f"gain wrt {titles[baseline]}", full=full)
        of = {"method": arm.label}
        tidy += run_rows(of, arm.errors) + number_rows(of, numbers)
        printed.append(line)
    return Table(long(tidy), pd.DataFrame(printed).fillna(""), beside.note)
