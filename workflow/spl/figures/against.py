"""Figures 2 and 3: the error against one setting of the training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from spl.figures.style import COLUMN, LOOKS, new_figure, percent, ticks_at


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """Last error of an experiment's runs against the setting that they vary.

    Args:
        parameter: as :func:`error_against`.
        inputs: the experiment's summary.
    """
    return error_against(pd.read_csv(inputs[0]), parameter)


def error_against(summary: pd.DataFrame, parameter: Mapping[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """A dot for each run, a line through the mean of the runs of each method and value.

    Args:
        summary: one row for each run.
        parameter: ``setting``, the column that the runs vary; ``label`` of its axis; ``titles`` of the methods to draw.

    Returns:
        the figure; a row for each run, its error and the mean, both as shares.

    Raises:
        ValueError: runs that differ in more than the setting, fold and seed.
    """
    setting, titles = parameter["setting"], parameter["titles"]
    keys = ["method", setting, "fold", "seed"]
    shown = summary.loc[summary["method"].isin(titles), [*keys, "error_last"]].sort_values(keys, ignore_index=True)
    if shown.duplicated(keys).any():
        raise ValueError(f"several runs of one method, {setting}, fold and seed cannot share a dot")
    shown["mean"] = shown.groupby(["method", setting])["error_last"].transform("mean")

    figure = new_figure(COLUMN, 2.7)
    axis = figure.subplots()
    for method in (one for one in titles if one in set(shown["method"])):
        runs, look = shown[shown["method"] == method], LOOKS[method]
        means = runs.drop_duplicates(setting)
        axis.plot(runs[setting], runs["error_last"], "o", color=look.colour, alpha=0.5, markersize=3, markeredgewidth=0)
        axis.plot(
            means[setting], means["mean"], color=look.colour, marker=look.marker, markersize=4, label=titles[method]
        )
    ticks_at(axis, shown[setting])
    axis.yaxis.set_major_formatter(percent())
    axis.set_xlabel(parameter["label"])
    axis.set_ylabel("error of the last checkpoint")
    figure.legend(loc="outside upper center", ncols=2)
    return figure, shown
