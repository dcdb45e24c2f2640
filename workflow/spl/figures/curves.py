"""Figures 7, 8 and 9: metrics of training against iterations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from spl.figures.style import COLUMN, LINES, Percent, from_zero, look_of, new_figure


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """One curve per run.

    Args:
        parameter: ``column`` of the metrics to draw, with values between 0 and 1, or "test_accuracy"; ``label`` of its
            axis; ``curves`` with ``label`` and ``method`` of each; optionally ``change_over``, the share of the steps
            over whose end the change of each curve is told.
        inputs: metrics of the runs, one file per curve.

    Returns:
        the figure; a row per point of each curve.
    """
    column = parameter["column"]
    figure = new_figure(COLUMN, 2.7)
    axis = figure.subplots()
    shown = []
    for number, (curve, path) in enumerate(zip(parameter["curves"], inputs, strict=True)):
        metrics = pd.read_csv(path).assign(test_accuracy=lambda metrics: 1 - metrics["test_error"])
        colour, line = look_of(curve["method"], parameter).colour, LINES[number % len(LINES)]
        axis.plot(metrics["step"], metrics[column], linestyle=line, color=colour, linewidth=1.1, label=curve["label"])
        shown.append(metrics[["step", column]].assign(curve=curve["label"]))
    if "change_over" in parameter:
        axis.set_title(_changes(shown, column, parameter["change_over"]))
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.yaxis.set_major_formatter(Percent())
    axis.set_xlim(left=0)
    from_zero(axis)
    axis.set(xlabel="iterations", ylabel=parameter["label"])
    figure.legend(loc="outside upper center", ncols=2)
    return figure, pd.concat(shown)[["curve", "step", column]]


def _changes(shown: list[pd.DataFrame], column: str, share: float) -> str:
    """By how many points the mean of each curve over the last share of the steps differs from the share before."""
    told = []
    for curve in shown:
        steps = curve["step"]
        late, later = (steps > steps.max() * (1 - parts * share) for parts in (2, 1))
        change = curve.loc[later, column].mean() - curve.loc[late & ~later, column].mean()
        if not np.isnan(change):
            told.append(f"{curve['curve'].iloc[0]} {100 * change:+.1f}".replace("-", "−"))
    return f"change over the last {100 * share:g} % of the steps:\n{', '.join(told)} points" if told else ""
