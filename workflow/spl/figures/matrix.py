"""Drawing a confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from spl.analysis.collapse import collapsed_classes
from spl.figures.style import FONT
from spl.study.appearance import ORANGE
from spl.text.mathtext import mathtext

# Maximum number of classes whose names fit beside a matrix
NAMED = 10
# Letters of a class's name; a longer one would leave no room for the matrix.
LONGEST = 30


def show_matrix(axis: Axes, confusion: NDArray[np.int64], basins: Mapping[str, float]) -> AxesImage:
    """Draw the matrix as shades, each row relative to its true class, with frames around columns of collapsed classes.

    Args:
        axis: axes to draw on; ticks and spines are removed.
        confusion: int (classes, classes), rows true, columns predicted.
        basins: thresholds of wholly and of partly collapsed classes.
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
    axis.set(xticks=[], yticks=[])
    return image


def add_scale(figure: Figure, axis: Axes, image: AxesImage) -> None:
    """Add a colour bar beside the last matrix, as high as the matrix."""
    bar = figure.colorbar(image, cax=axis.inset_axes((1.06, 0, 0.05, 1)))
    bar.set_label("share of the true class", fontsize=7)
    bar.ax.tick_params(labelsize=7)


def class_names(classes: Sequence[str]) -> list[str]:
    """Names of classes as the font can print them.

    A name with letters that the font lacks becomes the class's place in the data set: "class 3" for the third. So does
    the end of a long name, whose beginning others may share.
    """
    letters = get_font(findfont(FONT)).get_charmap()
    names = []
    for place, name in enumerate(classes, start=1):
        number = f"class {place}"
        if not letters.keys() >= {*map(ord, name)}:
            names.append(number)
        elif len(name) > LONGEST:
            names.append(mathtext(f"{name[: LONGEST - len(number) - 2]}… {number}"))
        else:
            names.append(mathtext(name))
    return names


def fit_height(figure: Figure) -> None:
    """Reduce the height of a figure to its content: square matrices leave space at the bottom."""
    figure.draw_without_rendering()
    figure.set_figheight(figure.get_tightbbox().height + 0.1)
