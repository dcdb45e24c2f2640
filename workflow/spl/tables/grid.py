"""Tables of one line for each method and one column for each value of a setting (Tables 9, 11, 12 and 13)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.tables.arms import setting_name, setting_value
from spl.tables.form import Table, bold, counted, percent


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Mean error of every method at every value of one setting, in ascending order; the lowest of a line is bold.

    Args:
        parameter: ``titles`` of the methods and ``setting``, the column of the summary that varies; it may be "seed".
        inputs: the experiment's summary.

    Raises:
        ValueError: runs of one cell have the same fold and seed, so that something else varies too.
    """
    setting = parameter["setting"]
    summary = pd.read_csv(inputs[0])
    if summary.duplicated(list(dict.fromkeys(["method", setting, "fold", "seed"]))).any():
        raise ValueError(f"{inputs[0]}: runs that differ in more than {setting} cannot share a cell of a table")
    cells = summary.groupby(["method", setting], sort=False)["error_last"]
    tidy = cells.agg(n="size", mean="mean", std="std").reset_index()
    values, full = sorted(tidy[setting].unique()), int(tidy["n"].max())
    printed = []
    for method, line in tidy.groupby("method", sort=False):
        shown = dict.fromkeys(map(setting_value, values), "–")
        for value, n, mean in zip(line[setting], line["n"], line["mean"], strict=True):
            cell = counted(percent(mean, 2), n, full)
            shown[setting_value(value)] = bold(cell) if mean == line["mean"].min() else cell
        printed.append({setting_name(setting): parameter["titles"][method]} | shown)
    return Table(tidy.replace({"method": parameter["titles"]}), pd.DataFrame(printed))
