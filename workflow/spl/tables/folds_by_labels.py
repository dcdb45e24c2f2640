"""Tables of one column for each method and one row for each number of labels and fold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import arms_by_size, run_names
from spl.study.labels import setting_value
from spl.tables.layout import Cell, Numbers, Table, stacked


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """List the errors of every arm, for labelled sets of several sizes.

    Args:
        parameter: ``titles`` of the methods.
        inputs: the experiment's summary.
    """
    numbers = Numbers()
    columns: dict[str, dict[str, str | Cell]] = {}
    for label, sizes in arms_by_size(pd.read_csv(inputs[0]), parameter["titles"]).items():
        column = columns[label] = {}
        for labels, arm in sizes.items():
            errors = numbers.folds({"method": label, "labels": labels}, arm, run_names([arm]))
            column |= {f"{setting_value(labels)}, {name}": error for name, error in errors.items()}
    return numbers.table(stacked("labels, fold", columns))
