"""Tables of one line for each method and one column for each value of a setting (Tables 9, 11, 12 and 13)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import by_run
from spl.analysis.formats import bold, counted, percent
from spl.analysis.statistics import summarise
from spl.study.labels import setting_name, setting_value
from spl.tables.layout import Row, Table, long, number_rows, run_rows


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Mean error of every method at every value of one setting, in ascending order; the lowest of a line is bold.

    Args:
        parameter: ``titles`` of the methods and ``setting``, the column of the summary that varies; it may be "seed";
            perhaps ``without``: which ``runs`` stand for the value 0 of which ``method``.
        inputs: the experiment's summary; after it those that list these runs.

    Raises:
        ValueError: runs of one cell have the same fold and seed, so that something else varies too.
    """
    setting = parameter["setting"]
    summary = pd.read_csv(inputs[0])
    if without := parameter.get("without", {}).get("runs"):
        listed = pd.concat(map(pd.read_csv, inputs[1:])).drop_duplicates("run")
        zero = listed[listed["run"].isin(without)].assign(**{"method": parameter["without"]["method"], setting: 0.0})
        summary = pd.concat([summary, zero])
    if summary.duplicated(list(dict.fromkeys(["method", setting, "fold", "seed"]))).any():
        raise ValueError(f"{inputs[0]}: runs that differ in more than {setting} cannot share a cell of a table")
    values = sorted(summary[setting].unique())
    full = int(summary.groupby(["method", setting]).size().max())
    tidy: list[Row] = []
    printed = []
    for method, runs in summary.groupby("method", sort=False):
        title = parameter["titles"][method]
        cells = {}
        for value, own in runs.groupby(setting):
            of = {"method": title, setting: value}
            done = own.set_index(["fold", "seed"]).dropna(subset="error_last")
            cell = cells[value] = summarise(done["error_last"].to_numpy())
            tidy += run_rows(of, by_run(done, "error_last"))
            tidy += number_rows(of, {"n": cell.n, "mean": cell.mean, "std": cell.std})
        lowest = min((cell.mean for cell in cells.values() if cell.n), default=None)
        shown = dict.fromkeys(map(setting_value, values), "–")
        for value, cell in cells.items():
            text = counted(percent(cell.mean, 2), cell.n, full)
            shown[setting_value(value)] = bold(text) if cell.mean == lowest else text
        printed.append({setting_name(setting): title} | shown)
    return Table(long(tidy), pd.DataFrame(printed))
