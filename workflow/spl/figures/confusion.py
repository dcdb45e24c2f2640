"""The confusion matrices of the best and the worst run of an experiment, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spl.analysis.arms import run_in_words
from spl.analysis.predictions import read_predictions
from spl.analysis.run_files import file_of_run
from spl.figures.matrix import NAMED, add_scale, class_names, fit_height, show_matrix
from spl.figures.style import PAGE, new_figure


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """Last evaluation of the runs with the lowest and the highest last error.

    Args:
        parameter: ``titles`` of methods, names of ``classes``, and ``basins`` with the thresholds of collapse.
        inputs: the experiment's summary, and the predictions of its finished runs.
    """
    summary = pd.read_csv(inputs[0])
    ordered = summary.dropna(subset="error_last").sort_values("error_last", kind="stable").to_dict("records")
    chosen = (("best", ordered[0]), ("worst", ordered[-1]))
    classes = parameter["classes"]
    figure = new_figure(PAGE, PAGE)
    shown = []
    for axis, (which, run) in zip(figure.subplots(1, 2), chosen, strict=True):
        matrix = read_predictions(file_of_run(inputs, run["run"], "predictions.safetensors")).confusion(-1)
        image = show_matrix(axis, matrix, parameter["basins"])
        if len(classes) <= NAMED:
            shares = matrix / matrix.sum(axis=1, keepdims=True)
            for row, column in zip(*matrix.nonzero(), strict=True):
                colour = "white" if shares[row, column] > 0.5 else "black"
                axis.text(column, row, str(matrix[row, column]), ha="center", va="center", fontsize=5.5, color=colour)
            names = class_names(classes)
            columns = [f"{name}, {total}" for name, total in zip(names, matrix.sum(axis=0), strict=True)]
            axis.set_xticks(range(len(classes)), columns, fontsize=7, rotation=90)
            axis.set_yticks(range(len(classes)), names, fontsize=7)
        arm, rest = run_in_words(run, summary, parameter["titles"])
        equal = int((summary["error_last"] == run["error_last"]).sum())
        tied = f"one of {equal} runs with " if equal > 1 else ""
        axis.set_title(f"{which}: {arm}\n{rest}, {tied}error {100 * run['error_last']:.1f} %")
        axis.set(xlabel="predicted class, and its column's sum", ylabel="true class")
        shown += [
            (which, run["run"], classes[row], classes[column], int(matrix[row, column]))
            for row, column in np.ndindex(*matrix.shape)
        ]
    add_scale(figure, axis, image)
    fit_height(figure)
    return figure, pd.DataFrame(shown, columns=["which", "run", "true", "predicted", "test_images"])
