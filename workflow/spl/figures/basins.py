"""Basins of attraction: last errors of an experiment's runs, their smallest column sums and smallest recalls."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from spl.analysis.arms import arm_labels
from spl.figures.style import PAGE, Percent, look_of, new_figure
from spl.study.appearance import GREY, Look

# Distance of touching dots, and minimum width of a panel, in inches
DOT, PANEL = 5.4 / 72, 1.4

QUANTITIES = {
    "error_last": "last error",
    "smallest_column": "smallest column / images",
    "smallest_recall": "smallest recall",
}
# The limits of the study that a collapsed class is below, both of them.
LIMIT_OF = {"smallest_column": "partly_collapsed", "smallest_recall": "recall"}
# Legend entries, by the worst collapse of a class in a run
KINDS = {
    "none": "high basin",
    "partly": "low basin: a class partly collapsed",
    "wholly": "low basin: a class wholly collapsed",
}
LIMIT = "a collapsed class is below both limits"


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """A dot for each run: its last error, the frequency of its least predicted class, and its smallest recall.

    Each method has a row for each of its variants and numbers of labels. Dots are filled in the high basin, hollow if a
    class is partly collapsed, and crossed out if a class is wholly collapsed.

    Args:
        parameter: ``titles`` of the methods to draw; ``basins``, the limits of the study.
        inputs: the experiment's summary.
    """
    titles, done = parameter["titles"], pd.read_csv(inputs[0], dtype={"collapsed": str}).dropna(subset="error_last")
    runs = done[done["method"].isin(titles)].assign(row=lambda runs: _rows(runs, titles))
    collapsed = np.where(runs["collapsed"].notna(), "wholly", np.where(runs["basin"] == "low", "partly", "none"))
    shown = runs.assign(collapse=collapsed)[["run", "method", "row", *QUANTITIES, "basin", "collapse"]]
    shown = shown.sort_values(["row", "error_last"], kind="stable")
    spans = {"error_last": 1.1 * shown["error_last"].max(), **dict.fromkeys(LIMIT_OF, 1.0)}
    by_row = shown.groupby("row", observed=True)
    levels = pd.DataFrame(
        {quantity: by_row[quantity].transform(stack_levels, spans[quantity] * DOT / PANEL) for quantity in QUANTITIES}
    )
    heights = levels.groupby(shown["row"], observed=True).max().max(axis=1)[::-1] + 3
    floors = heights.cumsum() - heights

    figure = new_figure(PAGE, 1.05 + DOT * heights.sum(), gap=0.12)
    panels = dict(zip(QUANTITIES, figure.subplots(1, len(QUANTITIES), sharey=True), strict=True))
    for quantity, axis in panels.items():
        dots = shown.assign(height=shown["row"].map(floors).astype(float) + levels[quantity])
        for method, collapse in product(titles, KINDS):
            group = dots[(dots["method"] == method) & (dots["collapse"] == collapse)]
            for mark in _marks(look_of(method, parameter), collapse):
                axis.plot(group[quantity], group["height"], **mark)
        for floor in floors:
            axis.axhline(floor - 0.8, color=GREY, linewidth=0.4)
        axis.set(xlim=(-0.03 * spans[quantity], spans[quantity]), ylim=(-0.9, heights.sum() - 1))
        axis.set_xlabel(QUANTITIES[quantity])
        axis.xaxis.set_major_locator(MaxNLocator(3))
        axis.xaxis.set_major_formatter(Percent())
        axis.spines["left"].set_visible(False)
        axis.tick_params(axis="y", length=0)
    panels["error_last"].set_yticks(floors + (heights - 3) / 2, floors.index)
    for quantity, limit in LIMIT_OF.items():
        panels[quantity].axvline(parameter["basins"][limit], color=GREY, linestyle="--", linewidth=0.8)
    legend: dict[str, Any] = {
        name: tuple(Line2D([], [], **mark) for mark in _marks(Look(GREY, "o"), collapse))
        for collapse, name in KINDS.items()
    }
    legend[LIMIT] = Line2D([], [], color=GREY, linestyle="--", linewidth=0.8)
    names = [KINDS["none"], LIMIT, KINDS["partly"], KINDS["wholly"]]
    figure.legend([legend[name] for name in names], names, loc="outside upper center", ncols=2)
    return figure, shown


def _rows(runs: pd.DataFrame, titles: Mapping[str, str]) -> pd.Categorical:
    """The label of each run's row; methods, and the rows of each, in the order of the study."""
    labels = arm_labels(runs, titles)
    arms = zip(runs["method"], runs["variant"].astype(object).fillna(""), strict=True)
    rows = pd.Series([labels[arm] for arm in arms], runs.index)
    if len(set(runs["labels"])) > 1:
        rows += runs["labels"].map(", {:,} labels".format)
    order = runs["method"].map(list(dict.fromkeys(runs["method"])).index).sort_values(kind="stable").index
    return pd.Categorical(rows, rows[order].unique())


def _marks(look: Look, collapse: str) -> list[dict[str, Any]]:
    """The markers that make up a dot, as arguments of ``plot``."""
    face = look.colour if collapse == "none" else "white"
    dot = {"linestyle": "", "color": look.colour, "markeredgewidth": 0.8}
    cross = [dot | {"marker": "x", "markersize": 5.5}] if collapse == "wholly" else []
    return [dot | {"marker": look.marker, "markersize": 4, "markerfacecolor": face}, *cross]


def stack_levels(values: pd.Series[float], distance: float) -> NDArray[np.int64]:
    """The lowest level of each dot at which it overlaps no other dot.

    Args:
        values: float (n,), positions of the dots.
        distance: distance at which two dots of a level touch.

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
