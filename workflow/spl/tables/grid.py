"""Tables of one line for each method and one column for each value of a setting (Tables 9, 11, 12 and 13)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.formats import counted, percent
from spl.analysis.statistics import Summary, summarise
from spl.study.labels import setting_name, setting_value
from spl.tables.layout import Cell, Numbers, Table, lowest_printed


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Mean error of every method at every value of one setting, in ascending order; the lowest at a value
    is bold if there are several methods that do not all print the same.

    Args:
        parameter: ``titles`` of the methods and ``setting``, the column of the summary that varies; it may be "seed";
            optionally ``without``: the ``runs`` that stand for the value 0 of a ``method``.
        inputs: the experiment's summary, followed by those that list these runs.

    Raises:
        ValueError: several runs of one cell have the same fold and seed, so that another setting varies too.
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
    numbers = Numbers()
    cells: dict[str, dict[Any, tuple[Summary, int]]] = {}
    for method, runs in summary.groupby("method", sort=False):
        title = parameter["titles"][method]
        cells[title] = {}
        for value, own in runs.groupby(setting):
            what = {"method": title, setting: value}
            done = own.set_index(["fold", "seed"]).dropna(subset="error_last")
            numbers.of_runs(what, done)
            summarised = summarise(done["error_last"].to_numpy())
            columns = {"n": summarised.n, "mean": summarised.mean, "std": summarised.std}
            cells[title][value] = summarised, numbers.computed(what, columns, done["run"])["mean"]
    lowest = {value: lowest_printed(of[value][0].mean for of in cells.values() if value in of) for value in values}
    printed = []
    for title, of_values in cells.items():
        line: dict[str, str | Cell] = {setting_name(setting): title}
        line |= dict.fromkeys(map(setting_value, values), "–")
        for value, (summarised, number) in of_values.items():
            mean = percent(summarised.mean, 2)
            text = counted(mean, summarised.n, full)
            line[setting_value(value)] = Cell(text, number, bold=mean == lowest[value])
        printed.append(line)
    return numbers.table(pd.DataFrame(printed))
