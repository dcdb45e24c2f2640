"""Whether there are two basins of attraction: the last errors of an experiment, and its most neglected classes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from spl.figures.style import GREY, LOOKS, PAGE, new_figure, percent

DOT, PANEL = 5.2 / 72, 2.1
"""Distance of dots that touch, and the least width of a panel, in inches."""

QUANTITIES = {"error_last": "error of the last checkpoint", "smallest_column": "smallest column sum / test images"}


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """A dot for each run: its last error, and how often it predicts its least predicted class; hollow in the low basin.

    Args:
        parameter: ``titles`` of the methods to draw; ``basins``, whose limit ``partly_collapsed`` separates the basins.
        inputs: the experiment's summary.
    """
    titles, done = parameter["titles"], pd.read_csv(inputs[0]).dropna(subset="error_last")
    columns = ["run", "method", *QUANTITIES, "basin"]
    shown = done.loc[done["method"].isin(titles), columns].sort_values(["method", "error_last"])
    limit = parameter["basins"]["partly_collapsed"]
    spans = {"error_last": 1.1 * shown["error_last"].max(), "smallest_column": max(1.0, limit)}
    by_method = shown.groupby("method")
    levels = pd.DataFrame({one: by_method[one].transform(stacked, spans[one] * DOT / PANEL) for one in QUANTITIES})
    methods = [method for method in reversed(titles) if method in by_method.groups]
    heights = levels.groupby(shown["method"]).max().max(axis=1)[methods] + 3
    floors = heights.cumsum() - heights

    figure = new_figure(PAGE, 0.9 + DOT * heights.sum())
    panels = figure.subplots(1, 2, sharey=True)
    for axis, (quantity, label) in zip(panels, QUANTITIES.items(), strict=True):
        for method, basin in ((method, basin) for method in methods for basin in ("high", "low")):
            runs, look = shown[(shown["method"] == method) & (shown["basin"] == basin)], LOOKS[method]
            face = look.colour if basin == "high" else "white"
            heights_of_dots = floors[method] + levels.loc[runs.index, quantity]
            axis.plot(runs[quantity], heights_of_dots, look.marker, color=look.colour, markersize=4, mfc=face, mew=0.8)
        for floor in floors:
            axis.axhline(floor - 0.8, color=GREY, linewidth=0.4)
        axis.set(xlim=(-0.03 * spans[quantity], spans[quantity]), ylim=(-0.9, heights.sum() - 1), xlabel=label)
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.xaxis.set_major_formatter(percent())
        axis.spines["left"].set_visible(False)
        axis.tick_params(axis="y", length=0)
    panels[0].set_yticks(floors + (heights - 3) / 2, [titles[method] for method in methods])
    panels[1].axvline(limit, color=GREY, linestyle="--", linewidth=0.8)
    kinds = [Line2D([], [], color=GREY, marker="o", linestyle="", markersize=4, mfc=face) for face in (GREY, "white")]
    border = Line2D([], [], color=GREY, linestyle="--", linewidth=0.8)
    labels = ["high basin", "low basin: a class collapsed", "below: collapsed, at least partly"]
    figure.legend([*kinds, border], labels, loc="outside upper center", ncols=3)
    return figure, shown


def stacked(values: pd.Series[float], distance: float) -> NDArray[np.int64]:
    """The lowest level of each dot at which it overlaps no other.

    Args:
        values: float (n,), where the dots lie.
        distance: at which two dots of a level touch.

    Returns:
        int (n,), from 0.
    """
    places = values.to_numpy()
    levels = np.zeros(len(places), dtype=np.int64)
    last: list[float] = []
    for dot in np.argsort(places, kind="stable"):
        free = (level for level, place in enumerate(last) if places[dot] - place >= distance)
        levels[dot] = next(free, len(last))
        last[levels[dot] : levels[dot] + 1] = [places[dot]]
    return levels
