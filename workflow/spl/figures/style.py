"""The style of all figures: readable at column width, safe for colour-blind readers, byte-identical when repeated."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import Formatter

from spl.study.appearance import GREY, LOOKS, Look
from spl.text.spreadsheet import write_csv

# Width of a journal column in inches
COLUMN = 3.5
# Width of the text in inches
PAGE = 6.2
# Of curves in their order, so that curves of one method differ, and coinciding ones stay visible
LINES: tuple[Any, ...] = ("-", "--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)))


def look_of(method: str, parameter: Mapping[str, Any]) -> Look:
    """The look of a method: its own in every study, or, for other methods, that among the ``looks`` of a figure."""
    return LOOKS.get(method) or Look(*parameter["looks"][method])


def line_of(look: Look, number: int = 0) -> Any:
    """The style of a method's line, or of its variant with this number."""
    return LINES[(LINES.index(look.line) + number) % len(LINES)]


FONT = "DejaVu Sans"  # comes with matplotlib
RC: Any = {
    "font.family": FONT,
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.4,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "pdf.fonttype": 42,
    "savefig.dpi": 300,
}


def mark_unknown(axis: Axes, limits: tuple[float, float]) -> None:
    """Say in axes without any value that it is unknown, instead of ticks around nothing; ``limits`` are those of x."""
    if axis.lines and all(np.isnan(np.asarray(line.get_ydata(), dtype=float)).all() for line in axis.lines):
        axis.set(xlim=limits, ylim=(0, 1))
        axis.text(0.5, 0.5, "unknown", transform=axis.transAxes, ha="center", color=GREY)


def from_zero(axis: Axes) -> None:
    """Let the vertical axis begin at 0, and leave room above the highest value, so that no marker is cut."""
    axis.update_datalim([(axis.dataLim.x0, 0)])
    axis.autoscale_view(scalex=False)
    axis.set_ylim(bottom=0)


def new_figure(width: float, height: float, gap: float = 0) -> Figure:
    """An empty figure in the common style, in inches; ``gap`` between columns of axes is relative to their width."""
    matplotlib.rcParams.update(matplotlib.rcParamsDefault)
    matplotlib.rcParams.update(RC)
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(wspace=gap or None))


def mark_partial(axis: Axes, means: pd.Series[float], colour: str, marker: str, size: float = 4) -> None:
    """Draw hollow markers over means whose runs are not all done; their index is the position on the axis."""
    if len(means):
        axis.plot(means, marker, color=colour, markerfacecolor="white", markersize=size)


class Percent(Formatter):
    """Prints fractions as percentages, all ticks of an axis with the same number of decimals."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """A single tick."""
        return self.format_ticks([x])[0]

    def format_ticks(self, values: list[float]) -> list[str]:
        """All ticks of an axis."""
        percent = 100 * np.array(values, dtype=float)
        exact = (number for number in range(3) if np.allclose(percent, percent.round(number), rtol=0, atol=1e-6))
        decimals = next(exact, 3)
        return [f"{value:.{decimals}f} %" for value in percent]


def ticks_at(axis: Axes, values: Collection[float]) -> None:
    """Put ticks at the measured values; crowded labels are rotated, and left out where they do not fit."""
    ordered = np.unique(list(values))
    span = np.ptp(ordered)
    labels: dict[float, str] = {}
    for value in ordered:
        if not labels or value - max(labels) > 0.05 * span:
            labels[value] = f"{value:g}"
    room = np.diff(list(labels)).min(initial=span)
    crowded = room < 0.024 * span * max(map(len, labels.values()))  # the width of a digit in a column
    axis.set_xticks(ordered, [labels.get(value, "") for value in ordered], rotation=90 * crowded, fontsize=7)


def save_figure(figure: Figure, shown: pd.DataFrame, stem: Path) -> None:
    """Write ``stem`` with the endings .pdf, .png, and .csv for the numbers that the figure shows."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(stem.with_suffix(".pdf"), metadata={"CreationDate": None, "Producer": None, "Creator": None})
    figure.savefig(stem.with_suffix(".png"), metadata={"Software": None})
    write_csv(shown, stem.with_suffix(".csv"))


def write_figure(parameter: Mapping[str, Any], inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Draw a figure and save it.

    Args:
        parameter: ``module``, whose ``draw`` is called, and ``given``, what it draws beside its inputs.
        inputs: files that the figure reads.
        outputs: the figure's files, the first one of which names the stem.
    """
    figure, shown = importlib.import_module(parameter["module"]).draw(parameter["given"], list(inputs))
    save_figure(figure, shown, outputs[0].with_suffix(""))
