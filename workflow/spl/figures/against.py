"""Figures 2 and 3: the error against one training setting."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from spl.figures.style import COLUMN, Percent, from_zero, look_of, mark_partial, new_figure, ticks_at


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """Last error of the runs of an experiment against the setting that varies between them.

    Args:
        parameter: as for :func:`error_against`.
        inputs: the experiment's summary.
    """
    figure, shown = error_against(pd.read_csv(inputs[0]), parameter)
    figure.legend(loc="outside upper center", ncols=2)
    return figure, shown


def error_against(summary: pd.DataFrame, parameter: Mapping[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """A dot for each run, and a line through the means of each method, with their standard deviations.

    The marker of a mean is hollow where runs are missing.

    Args:
        summary: one row per run.
        parameter: ``setting``, the column that varies between runs; ``label`` of its axis; ``titles`` of
            the methods to draw.

    Returns:
        the figure, without its legend; a row per finished run, with its error and the mean, both between 0 and 1.

    Raises:
        ValueError: the runs of a method differ in more than the setting, fold and seed.
    """
    setting, titles = parameter["setting"], parameter["titles"]
    keys = ["method", setting, "fold", "seed"]
    planned = summary.loc[summary["method"].isin(titles), [*keys, "error_last"]].sort_values(keys, ignore_index=True)
    if planned.duplicated(keys).any():
        raise ValueError(f"several runs of one method, {setting}, fold and seed cannot share a dot")
    by_value = planned.groupby(["method", setting])["error_last"]
    planned = planned.assign(
        mean=by_value.transform("mean"),
        std=by_value.transform("std"),
        partial=by_value.transform(lambda errors: errors.isna().any()),
    )
    shown = planned.dropna(subset="error_last", ignore_index=True)

    figure = new_figure(COLUMN, 2.7)
    axis = figure.subplots()
    for method in (method for method in dict.fromkeys(summary["method"]) if method in set(shown["method"])):
        runs, look = shown[shown["method"] == method], look_of(method, parameter)
        means = runs.drop_duplicates(setting)
        axis.plot(runs[setting], runs["error_last"], "o", color=look.colour, alpha=0.5, markersize=3, markeredgewidth=0)
        axis.plot(
            means[setting],
            means["mean"],
            linestyle=look.line,
            color=look.colour,
            marker=look.marker,
            markersize=4,
            label=titles[method],
        )
        several = means.dropna(subset="std")
        axis.errorbar(several[setting], several["mean"], several["std"], fmt="none", ecolor=look.colour, elinewidth=0.8)
        mark_partial(axis, means[means["partial"]].set_index(setting)["mean"], look.colour, look.marker)
    ticks_at(axis, planned[setting])
    from_zero(axis)
    axis.yaxis.set_major_formatter(Percent())
    axis.set(xlabel=parameter["label"], ylabel="error of the last checkpoint")
    return figure, shown.drop(columns=["std", "partial"])
