"""Figures 7, 8 and 9: metrics of training against iterations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from spl.figures.style import COLUMN, LINES, Percent, from_zero, look_of, new_figure


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """One curve per run.

    Args:
        parameter: ``column`` of the metrics to draw, with values between 0 and 1, or "test_accuracy"; ``label`` of its
            axis; ``curves`` with ``label`` and ``method`` of each.
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
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.yaxis.set_major_formatter(Percent())
    axis.set_xlim(left=0)
    from_zero(axis)
    axis.set(xlabel="iterations", ylabel=parameter["label"])
    figure.legend(loc="outside upper center", ncols=2)
    return figure, pd.concat(shown)[["curve", "step", column]]
