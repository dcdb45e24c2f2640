"""The figure of ``spl power``: power against the number of folds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from spl.analysis.power import MOST, SIX, TARGETS, Power
from spl.errors import InputError
from spl.figures.style import COLUMN, Percent, new_figure
from spl.study.appearance import GREY, looks_of
from spl.text.mathtext import mathtext

# Without what would change from call to call
METADATA = {".png": {"Software": None}, ".svg": {"Date": None, "Creator": None}}


def check_plot(path: Path) -> None:
    """Refuse a file that cannot be written, before anything is computed."""
    if path.suffix not in METADATA:
        raise InputError(f"--plot {path}: expected a name that ends with .png or .svg")
    if not path.parent.is_dir():
        raise InputError(f"--plot {path}: expected a folder that exists, got {path.parent}")


def draw_power(powers: Sequence[Power]) -> Figure:
    """A line for each comparison, with the two powers that folds are counted for and the paper's number of folds."""
    figure = new_figure(COLUMN, 2.6)
    axis = figure.subplots()
    several = len({power.setting for power in powers}) > 1
    needed = [folds for power in powers for folds in power.needed.values() if folds]
    shown = MOST if len(needed) < len(TARGETS) * len(powers) else max(2 * SIX, max(needed) + 2)
    lines = {}
    looks = looks_of(map(_method, powers))
    for power in powers:
        look = looks[_method(power)]
        name = mathtext(f"{power.label}, {power.setting}" if several else power.label)
        [lines[name]] = axis.plot(
            np.arange(1, MOST + 1), power.by_folds, color=look.colour, marker=look.marker, markersize=2.5, linewidth=1
        )
    for target in TARGETS:
        axis.axhline(target, color=GREY, linewidth=0.6, linestyle=":")
    axis.axvline(SIX, color=GREY, linewidth=0.6, linestyle=":")
    axis.set(xlabel="folds", ylabel="power", xlim=(1, shown), ylim=(0, 1.02))
    axis.yaxis.set_major_formatter(Percent())
    figure.legend(list(lines.values()), list(lines), loc="outside upper center", ncols=2)
    return figure


def _method(power: Power) -> str:
    """The method of a comparison as this project would call it, so that those of the paper look as in its figures."""
    return power.label.lower().replace(" ", "-")


def save_plot(figure: Figure, path: Path) -> None:
    """Write a figure as .png or .svg, the same bytes each time."""
    with matplotlib.rc_context({"svg.hashsalt": "power"}):
        figure.savefig(path, metadata=METADATA[path.suffix])
