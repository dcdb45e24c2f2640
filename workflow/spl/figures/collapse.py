"""Confusion over training: confusion matrices of the worst run of an experiment at several steps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spl.analysis.arms import run_in_words
from spl.analysis.collapse import column_shares
from spl.analysis.predictions import read_predictions
from spl.analysis.run_files import file_of_run
from spl.figures.matrix import NAMED, add_scale, class_names, fit_height, show_matrix
from spl.figures.style import PAGE, new_figure


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """Evaluations of the run with the highest last error, evenly spread over its steps, including first and last.

    Args:
        parameter: number of ``evaluations``, ``titles`` of methods, names of ``classes``, and ``basins`` with the
            thresholds of collapse.
        inputs: the experiment's summary, and the predictions and metrics of its finished runs.

    Returns:
        the figure; a row per cell of each matrix, with its column sum relative to the test images of the class.
    """
    classes = parameter["classes"]
    summary = pd.read_csv(inputs[0])
    worst = summary.dropna(subset="error_last").sort_values("error_last", kind="stable").to_dict("records")[-1]
    metrics = pd.read_csv(file_of_run(inputs, worst["run"], "metrics.csv"))
    predictions = read_predictions(file_of_run(inputs, worst["run"], "predictions.safetensors"))
    chosen = _spread(metrics["step"].to_numpy(), parameter["evaluations"])

    named, names = len(classes) <= NAMED, class_names(classes)
    side = (PAGE - 1.9) / len(chosen)
    size = min(7, 0.85 * 72 * side / len(classes))
    figure = new_figure(PAGE, PAGE)
    axes = figure.subplots(1, len(chosen), squeeze=False)[0]
    shown = []
    for axis, evaluation in zip(axes, chosen, strict=True):
        matrix, measured = predictions.confusion(evaluation), metrics.iloc[evaluation]
        image = show_matrix(axis, matrix, parameter["basins"])
        axis.set_xlabel("predicted class", fontsize=7)
        axis.set_title(f"step {measured['step']:,.0f}\nerror {100 * measured['test_error']:.1f} %", fontsize=7)
        if named:
            axis.set_xticks(range(len(classes)), names, fontsize=size, rotation=90)
        cells = pd.MultiIndex.from_product([classes, classes], names=["true", "predicted"]).to_frame(index=False)
        cells.insert(0, "step", int(measured["step"]))
        shares = np.tile(column_shares(matrix), len(classes))
        shown.append(cells.assign(test_images=matrix.ravel(), column_share=shares))
    if named:
        axes[0].set_yticks(range(len(classes)), names, fontsize=size)
    axes[0].set_ylabel("true class")
    figure.suptitle(", ".join(run_in_words(worst, summary, parameter["titles"])), fontsize=8)
    add_scale(figure, axes[-1], image)
    fit_height(figure)
    return figure, pd.concat(shown)


def _spread(steps: NDArray[np.int64], count: int) -> list[int]:
    """The evaluations closest to ``count`` evenly spread steps, each once."""
    targets = np.linspace(steps[0], steps[-1], count)
    closest: list[int] = np.unique(np.abs(steps - targets[:, None]).argmin(axis=1)).tolist()
    return closest
