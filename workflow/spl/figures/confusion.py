"""The confusion matrices of the best and the worst run of an experiment, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spl.confusion import collapsed_classes
from spl.figures.style import ORANGE, new_figure


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """Last evaluation of the runs with the lowest and the highest last error.

    Args:
        parameter: ``titles`` of methods, names of ``classes``, and the ``basins`` by which classes count as collapsed.
        inputs: the experiment's summary; the runs lie beside it.
    """
    summary = pd.read_csv(inputs[0])
    runs = inputs[0].parents[1] / "runs"
    ordered = summary.sort_values("error_last", kind="stable").to_dict("records")
    chosen = (("best", ordered[0]), ("worst", ordered[-1]))
    classes = parameter["classes"]
    figure = new_figure(6.2, 3.3)
    shown = []
    for axis, (which, run) in zip(figure.subplots(1, 2), chosen, strict=True):
        matrix = np.load(runs / run["run"] / "confusion.npy", allow_pickle=False)[-1]
        shares = matrix / matrix.sum(axis=1, keepdims=True)
        image = axis.imshow(shares, vmin=0, vmax=1, cmap="Blues")
        for row, column in np.ndindex(*matrix.shape):
            if matrix[row, column]:
                colour = "white" if shares[row, column] > 0.5 else "black"
                axis.text(column, row, str(matrix[row, column]), ha="center", va="center", fontsize=5.5, color=colour)
        wholly, partly = collapsed_classes(matrix, parameter["basins"])
        for column in wholly + partly:
            axis.axvspan(column - 0.5, column + 0.5, fill=False, edgecolor=ORANGE, linewidth=1.5)
        axis.set_title(
            f"{which}: {parameter['titles'][run['method']]}, fold {run['fold']}\nerror {100 * run['error_last']:.1f} %"
        )
        axis.set_yticks(range(len(classes)), classes, fontsize=7)
        axis.set_xlabel("predicted class, and its column's sum")
        columns = [f"{name}\n{total}" for name, total in zip(classes, matrix.sum(axis=0), strict=True)]
        axis.set_xticks(range(len(classes)), columns, fontsize=7)
        axis.set_ylabel("true class")
        axis.spines[:].set_visible(False)
        axis.tick_params(length=0)
        shown += [
            (which, run["run"], classes[row], classes[column], int(matrix[row, column]))
            for row, column in np.ndindex(*matrix.shape)
        ]
    figure.colorbar(image, ax=figure.axes, label="share of the true class", shrink=0.8)
    return figure, pd.DataFrame(shown, columns=["which", "run", "true", "predicted", "test_images"])
