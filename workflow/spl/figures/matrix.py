"""One confusion matrix as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from spl.analysis.collapse import collapsed_classes
from spl.figures.style import ORANGE

NAMED = 10
"""With more classes, their names would overlap."""


def file_of_run(inputs: list[Path], run: str, name: str) -> Path:
    """The file of that name in a run's folder, among others.

    Raises:
        StopIteration: it is not there.
    """
    return next(path for path in inputs if path.as_posix().endswith(f"runs/{run}/{name}"))


def show_matrix(axis: Axes, confusion: NDArray[np.int64], basins: Mapping[str, float]) -> AxesImage:
    """Shades of the share of each true class, with a frame around the columns of collapsed classes.

    Args:
        axis: where to draw; bare, but for the matrix.
        confusion: int (classes, classes), rows true, columns predicted.
        basins: the limits by which a class counts as collapsed, wholly or partly.
    """
    shares = confusion / confusion.sum(axis=1, keepdims=True)
    image = axis.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    wholly, partly = collapsed_classes(confusion, basins)
    for column in wholly + partly:
        width = 1.5 if len(confusion) <= NAMED else 0.5
        axis.axvspan(column - 0.5, column + 0.5, fill=False, edgecolor=ORANGE, linewidth=width)
    axis.set_anchor("N")
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    axis.set_xticks([])
    axis.set_yticks([])
    return image


def add_scale(figure: Figure, axis: Axes, image: AxesImage) -> None:
    """What the shades mean, in a bar beside the last matrix and as high as it."""
    bar = figure.colorbar(image, cax=axis.inset_axes((1.06, 0, 0.05, 1)))
    bar.set_label("share of the true class", fontsize=7)
    bar.ax.tick_params(labelsize=7)


def fit_height(figure: Figure) -> None:
    """Take away what square matrices leave free at the bottom of a figure that is higher than it needs to be."""
    figure.draw_without_rendering()
    figure.set_figheight(figure.get_tightbbox().height + 0.1)
