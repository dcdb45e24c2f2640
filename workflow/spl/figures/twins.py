"""The disagreement of twins, runs that differ in a small disturbance of their initial weights, during training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from spl.analysis.formats import counted
from spl.analysis.twins import divergence
from spl.figures.style import COLUMN, Percent, from_zero, look_of, new_figure


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """A line through the means over the pairs of twins of each method, and a band from the least to the largest.

    Args:
        parameter: ``titles`` of the methods to draw.
        inputs: the experiment's summary, and the predictions and metrics of its finished runs.

    Returns:
        the figure; a row for each pair and evaluation, as :func:`spl.analysis.twins.divergence` gives them.
    """
    summary = pd.read_csv(inputs[0])
    shown = divergence(summary, inputs)
    figure = new_figure(COLUMN, 2.7)
    axis = figure.subplots()
    drawn = parameter["titles"].keys() & set(shown["method"])
    for method in (method for method in dict.fromkeys(summary["method"]) if method in drawn):
        own = shown[shown["method"] == method]
        planned = (summary["method"] == method) & (summary["initial_noise"] > 0)
        by_step, look = own.groupby("step")["disagreement"], look_of(method, parameter)
        mean = by_step.mean()
        axis.fill_between(mean.index, by_step.min(), by_step.max(), color=look.colour, alpha=0.15, linewidth=0)
        marks: dict[str, Any] = {"marker": look.marker, "markersize": 3.5, "markevery": max(1, len(mean) // 7)}
        label = counted(parameter["titles"][method], own["twin"].nunique(), int(planned.sum()))
        axis.plot(mean.index, mean, linestyle=look.line, color=look.colour, linewidth=1.2, label=label, **marks)
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.yaxis.set_major_formatter(Percent())
    axis.set_xlim(left=0)
    from_zero(axis)
    axis.set(xlabel="iterations", ylabel="test images on which twins disagree")
    if len(shown):
        figure.legend(loc="outside upper center", ncols=2)
    return figure, shown
