"""The content of the page about one run: its learning curve, confusion matrices and parameters."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spl.analysis.predictions import read_predictions

# Evenly spread points of a learning curve; those of the matrices and the best evaluation are added
POINTS = 120
# Number of matrices per run, by the largest number of classes for which it applies
MATRICES = {20: 24, 100: 8}
# Number of evaluations per run if there are too many classes for matrices: the recall of each class is shown
RECALLS = 24
CURVES = ("test_error", "coverage", "purity")


def run_content(run: Path) -> dict[str, Any]:
    """The content of the page about the run in a folder.

    Returns:
        ``evaluations``, their number; ``curve``, the steps and the :data:`CURVES` by name, None for missing values;
        ``steps`` of the matrices; ``matrices``, row by row, or ``recalls``, class by class; ``parameters``.
    """
    metrics = pd.read_csv(run / "metrics.csv")
    predictions = read_predictions(run / "predictions.safetensors")
    most = next((count for limit, count in MATRICES.items() if predictions.classes <= limit), None)
    kept = thinned(len(metrics), most or RECALLS)
    best = metrics["test_error"].to_numpy().argmin()
    points = np.unique([*thinned(len(metrics), POINTS), *kept, best])
    confusion = (predictions.confusion(evaluation) for evaluation in kept)
    curve = {name: [_short(value) for value in metrics[name].iloc[points]] for name in CURVES}
    return {
        "evaluations": len(metrics),
        "curve": {"step": metrics["step"].iloc[points].tolist(), **curve},
        "steps": metrics["step"].iloc[kept].tolist(),
        **({"matrices": [matrix.tolist() for matrix in confusion]} if most else {"recalls": _recalls(confusion)}),
        "parameters": json.loads((run / "parameters.json").read_text()),
    }


def thinned(count: int, most: int) -> NDArray[np.int64]:
    """Indices of ``count`` evaluations to show: ``most`` at most, evenly spread, including the first and the last."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def _recalls(confusion: Iterable[NDArray[np.int64]]) -> list[list[float]]:
    recalled = (np.diagonal(matrix) / matrix.sum(axis=1) for matrix in confusion)
    return [[round(share, 3) for share in shares.tolist()] for shares in recalled]


def _short(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
