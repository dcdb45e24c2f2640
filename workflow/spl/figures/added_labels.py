"""Figures of labels that are added to finished runs: the error against their number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spl.analysis.additions import AddedLabels, read_additions
from spl.figures.style import PAGE, Percent, from_zero, mark_partial, new_figure, ticks_at
from spl.study.appearance import AMBER, BLUE, GREEN, Look
from spl.text.mathtext import mathtext

CURVES = {
    "resumed": Look(BLUE, "s"),
    "from initial weights, equal steps": Look(AMBER, "^"),
    "from initial weights, equal total steps": Look(GREEN, "D"),
}
LINES = dict(zip(CURVES, ("-", "--", "-."), strict=True))
# Distance of neighbouring curves, a share of the axis, so that their bars do not overlap
APART = 0.012
COLUMNS = 2


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """Three curves for each method: a dot for each run, a line through the means, bars of one standard deviation.

    Resumed runs and those of equal total steps begin at the same runs, with the fewest labels. The marker of a mean is
    hollow where runs are missing; a method without finished runs has no axes.

    Arguments as :func:`spl.analysis.additions.read_additions`.

    Returns:
        the figure; a row per finished run and curve, with its error and the mean of the curve, both between 0 and 1.
    """
    planned = pd.concat(_points(read_additions(parameter, inputs)), ignore_index=True)
    by_value = planned.groupby(["method", "curve", "labels"], sort=False)["error_last"]
    planned = planned.assign(
        mean=by_value.transform("mean"),
        std=by_value.transform("std"),
        partial=by_value.transform(lambda errors: errors.isna().any()),
    )
    methods = list(dict.fromkeys(planned.dropna(subset="error_last")["method"]))
    columns = min(COLUMNS, len(methods))
    rows = -(-len(methods) // columns)
    figure = new_figure(PAGE, 0.6 + 2.3 * rows)
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for method, axis in zip(methods, axes, strict=False):
        _draw_method(axis, planned[planned["method"] == method])
        axis.set_title(mathtext(method))
    for axis in axes[len(methods) :]:
        axis.remove()
    for axis in axes[::columns]:
        axis.set_ylabel("error of the last checkpoint")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(CURVES))
    return figure, planned.dropna(subset="error_last", ignore_index=True).drop(columns=["std", "partial"])


def _points(additions: list[AddedLabels]) -> Iterator[pd.DataFrame]:
    """The runs of each curve with their number of labels."""
    begun = set[str]()
    for added in additions:
        arms = dict(zip(CURVES, (added.after, added.equal_steps, added.equal_total), strict=True))
        if added.method not in begun:
            begun.add(added.method)
            for curve in ("resumed", "from initial weights, equal total steps"):
                yield _errors(added.method, curve, added.start, added.before.planned)
        for curve, arm in arms.items():
            yield _errors(added.method, curve, added.end, arm.planned)


def _errors(method: str, curve: str, labels: int, runs: pd.DataFrame) -> pd.DataFrame:
    return runs.reset_index()[["fold", "seed", "error_last"]].assign(method=method, curve=curve, labels=labels)[
        ["method", "curve", "labels", "fold", "seed", "error_last"]
    ]


def _draw_method(axis: Axes, planned: pd.DataFrame) -> None:
    step = APART * (planned["labels"].max() - planned["labels"].min())
    for number, (curve, look) in enumerate(CURVES.items()):
        runs = planned[planned["curve"] == curve]
        runs = runs.assign(place=runs["labels"] + (number - 1) * step)
        means = runs.drop_duplicates("labels").dropna(subset="mean")
        axis.plot(runs["place"], runs["error_last"], "o", color=look.colour, alpha=0.5, markersize=3, markeredgewidth=0)
        axis.plot(
            means["place"],
            means["mean"],
            LINES[curve],
            color=look.colour,
            marker=look.marker,
            markersize=4,
            label=curve,
        )
        several = means.dropna(subset="std")
        axis.errorbar(several["place"], several["mean"], several["std"], fmt="none", ecolor=look.colour, elinewidth=0.8)
        mark_partial(axis, means[means["partial"]].set_index("place")["mean"], look.colour, look.marker)
    ticks_at(axis, planned["labels"])
    from_zero(axis)
    axis.yaxis.set_major_formatter(Percent())
    axis.set_xlabel("number of labels")
