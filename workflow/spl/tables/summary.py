"""Tables of one line for each method: mean, standard deviation, gain over the baseline, p-value (Table 1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.statistics import gain, summarise
from spl.tables.arms import arms, baseline_of, paired, run_names
from spl.tables.form import Table, counted, gain_cells, gain_columns, percent
from spl.tables.published import Published


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Compare the arms of one experiment with its baseline.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``; what :class:`Published` reads.
        inputs: the experiment's summary.
    """
    titles = parameter["titles"]
    found = arms(pd.read_csv(inputs[0]), titles)
    full = len(run_names(found))
    beside = Published(parameter, inputs[0])
    tidy, printed = [], []
    for arm in found:
        of_arm = summarise(arm.values())
        row = {"method": arm.label, "n": of_arm.n, "mean": of_arm.mean, "std": of_arm.std}
        line = {"": arm.label, "mean": counted(percent(of_arm.mean, 2), of_arm.n, full), "std": percent(of_arm.std, 2)}
        row |= beside.numbers(arm)
        line |= dict.fromkeys(beside.names, "–") | beside.cells(arm)
        if arm.method != parameter["baseline"]:
            won = gain(*paired(arm, baseline_of(arm, found, parameter["baseline"])))
            row |= gain_columns(won)
            line |= gain_cells(won, titles[parameter["baseline"]], full)
        tidy.append(row)
        printed.append(line)
    return Table(pd.DataFrame(tidy), pd.DataFrame(printed).fillna(""), beside.note)
