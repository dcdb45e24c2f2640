"""The table of one column for each number of random labels (Table 5)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import arms, gains, run_names
from spl.analysis.statistics import corrected
from spl.study.labels import setting_value
from spl.tables.layout import Cell, Numbers, Table, gain_cells
from spl.tables.literature_columns import Published


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Compare the methods with the baseline at every number of labels.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``; what :class:`Published` reads.
        inputs: the experiment's summary.
    """
    titles, baseline = parameter["titles"], parameter["baseline"]
    sizes = {int(str(labels)): arms(runs, titles) for labels, runs in pd.read_csv(inputs[0]).groupby("labels")}
    comparisons = corrected(
        {(labels, arm): gain for labels, compared in sizes.items() for arm, gain in gains(compared, baseline).items()}
    )
    full = max(len(run_names(compared)) for compared in sizes.values())
    published = Published(parameter, inputs[0])
    numbers = Numbers()
    columns: dict[str, dict[str, str | Cell]] = {}
    for labels, compared in sizes.items():
        column = columns[setting_value(labels)] = {}
        for arm in compared:
            what = {"method": arm.label, "labels": labels}
            numbers.of_runs(what, arm.runs)
            column[arm.label] = numbers.errors(what, arm, full)["mean ± std"]
            theirs = published.cells(numbers, what, arm, labels)
            column |= {f"{arm.label}, {name}": cell for name, cell in theirs.items()}
            if (labels, arm.label) in comparisons:
                gain = comparisons[labels, arm.label]
                cells = gain_cells(gain, numbers.compared(what, gain), f"gain wrt {titles[baseline]}", full=full)
                column |= {f"{arm.label}: {name}": cell for name, cell in cells.items()}
    rows = list(dict.fromkeys(row for column in columns.values() for row in column))
    printed: dict[str, list[Any]] = {"labels": rows}
    printed |= {size: [column.get(row, "–") for row in rows] for size, column in columns.items()}
    return numbers.table(pd.DataFrame(printed), published.note)
