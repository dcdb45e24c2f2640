"""The table of one column for each number of random labels (Table 5)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import arms, gains, run_names
from spl.analysis.formats import counted, spread
from spl.analysis.statistics import corrected, summarise
from spl.study.labels import setting_value
from spl.tables.layout import Row, Table, gain_cells, gain_columns, long, number_rows, run_rows
from spl.tables.literature import Published


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Compare the methods with the baseline at every number of labels.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``; what :class:`Published` reads.
        inputs: the experiment's summary.
    """
    titles, baseline = parameter["titles"], parameter["baseline"]
    sizes = {int(str(labels)): arms(runs, titles) for labels, runs in pd.read_csv(inputs[0]).groupby("labels")}
    won = corrected(
        {(labels, arm): one for labels, found in sizes.items() for arm, one in gains(found, baseline).items()}
    )
    full = max(len(run_names(found)) for found in sizes.values())
    beside = Published(parameter, inputs[0])
    tidy: list[Row] = []
    columns: dict[str, dict[str, str]] = {}
    for labels, found in sizes.items():
        column = columns[setting_value(labels)] = {}
        for arm in found:
            of_arm = summarise(arm.values())
            numbers: dict[str, float] = {"n": of_arm.n, "mean": of_arm.mean, "std": of_arm.std}
            column[arm.label] = counted(spread(of_arm.mean, of_arm.std), of_arm.n, full)
            numbers |= beside.numbers(arm, labels)
            column |= {f"{arm.label}, {name}": cell for name, cell in beside.cells(arm, labels).items()}
            if (labels, arm.label) in won:
                numbers |= gain_columns(won[labels, arm.label])
                compared = gain_cells(won[labels, arm.label], f"gain wrt {titles[baseline]}", full=full)
                column |= {f"{arm.label}: {name}": cell for name, cell in compared.items()}
            of = {"method": arm.label, "labels": labels}
            tidy += run_rows(of, arm.errors) + number_rows(of, numbers)
    rows = list(dict.fromkeys(row for column in columns.values() for row in column))
    printed = {"labels": rows} | {size: [column.get(row, "–") for row in rows] for size, column in columns.items()}
    return Table(long(tidy), pd.DataFrame(printed), beside.note)
