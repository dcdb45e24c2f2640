"""Tables of how much the error depends on a setting (sections 4.3.2 and 4.3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.endpoints import KEY, movements
from spl.analysis.formats import counted, spread
from spl.analysis.statistics import Gain, corrected, gain, summarise
from spl.study.labels import setting_value
from spl.tables.layout import Cell, Numbers, Table, gain_cells


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Compare how far the error moves when one setting varies, fold by fold.

    The range of a method on a fold is its largest error over the values of the setting minus its smallest. With a
    default, the rise is its largest error at the values below the default minus its error at the default. A fold counts
    if the method has its runs at all values. A method gains if its range or rise is smaller than that of the baseline
    on the same fold. The comparisons of each statistic are one family.

    Args:
        parameter: ``titles`` of the methods and ``setting``, the column of the summary that varies; optionally the key
            of the ``baseline``, without which nothing is compared, and the ``default`` of the setting.
        inputs: the experiment's summary.

    Raises:
        ValueError: several runs of a method at one value have the same fold and seed.
    """
    summary, setting, default = pd.read_csv(inputs[0]), parameter["setting"], parameter.get("default")
    methods = {str(method): runs for method, runs in summary.groupby("method", sort=False)}
    moved = {method: movements(runs, setting, default) for method, runs in methods.items()}
    full = max(len(runs.groupby(KEY)) for runs in methods.values())
    statistics = [name for name in ("range", "rise") if name in next(iter(moved.values()))]
    baseline = parameter.get("baseline")
    pairs = {
        method: own.merge(moved[baseline], left_index=True, right_index=True, suffixes=("", "_baseline"))
        for method, own in moved.items()
        if baseline not in (None, method)
    }
    comparisons = {
        name: corrected({method: _gain(of_folds, name) for method, of_folds in pairs.items()}) for name in statistics
    }
    numbers = Numbers()
    printed = []
    for method, runs in methods.items():
        title, own = parameter["titles"][method], moved[method]
        for value, at_value in runs.dropna(subset="error_last").groupby(setting):
            numbers.of_runs({"method": title, setting: value}, at_value.set_index(KEY))
        line: dict[str, str | Cell] = {"": title}
        for name in statistics:
            what = {"method": title, "endpoint": name}
            for (fold, seed), value, behind in zip(own.index.tolist(), own[name], own["runs"], strict=True):
                numbers.computed(what | {"fold": fold, "seed": seed}, {name: value}, behind)
            over = summarise(own[name].to_numpy(float))
            values = {"n": over.n, "mean": over.mean, "std": over.std}
            mean = numbers.computed(what, values, chain.from_iterable(own["runs"]))["mean"]
            heading = f"{name} below {setting_value(default)}" if name == "rise" else name
            line[heading] = Cell(counted(spread(over.mean, over.std), over.n, full), mean)
            if method in comparisons[name]:
                compared = comparisons[name][method]
                line |= gain_cells(
                    compared, numbers.compared(what, compared), f"gain of the {name}", f" of the {name}", full
                )
        printed.append(line)
    return numbers.table(pd.DataFrame(printed).fillna(""))


def _gain(pairs: pd.DataFrame, name: str) -> Gain:
    """The gain of one statistic over the folds of two methods."""
    compared = gain(pairs[name].to_numpy(float), pairs[f"{name}_baseline"].to_numpy(float))
    return replace(compared, runs=tuple(chain.from_iterable([*pairs["runs"], *pairs["runs_baseline"]])))
