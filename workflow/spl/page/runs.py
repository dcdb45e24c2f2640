"""What the page shows of one training: its learning curve, its confusion matrices, its parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

POINTS = 120
"""Of a learning curve, about: that many evenly spread ones, those of the matrices and the best."""
MATRICES = {20: 24, 100: 8}
"""How many matrices are shown over a training, by the largest number of classes for which they are so many."""
RECALLS = 24
"""How many evaluations are shown where more classes leave room for the recall of each class alone."""
CURVES = ("test_error", "coverage", "purity")


def training(run: Path) -> dict[str, Any]:
    """What is shown of the training in a run's folder.

    Returns:
        ``evaluations``, how many there were; ``curve``, by name the steps and the :data:`CURVES`, None where there is
        no value; ``steps`` of the matrices; ``matrices``, each row by row, or ``recalls``, each class by class, shares;
        ``parameters``.
    """
    metrics = pd.read_csv(run / "metrics.csv")
    confusion = np.load(run / "confusion.npy", allow_pickle=False)
    classes = confusion.shape[1]
    most = next((count for limit, count in MATRICES.items() if classes <= limit), None)
    kept = thinned(len(metrics), most or RECALLS)
    best = metrics["test_error"].to_numpy().argmin()
    points = np.unique([*thinned(len(metrics), POINTS), *kept, best])
    curve = {name: [_short(value) for value in metrics[name].iloc[points]] for name in CURVES}
    return {
        "evaluations": len(metrics),
        "curve": {"step": metrics["step"].iloc[points].tolist(), **curve},
        "steps": metrics["step"].iloc[kept].tolist(),
        **({"matrices": confusion[kept].tolist()} if most else {"recalls": _recalls(confusion[kept])}),
        "parameters": json.loads((run / "parameters.json").read_text()),
    }


def thinned(count: int, most: int) -> NDArray[np.int64]:
    """Which of so many evaluations are shown: evenly spread ones, the first and the last among them.

    Args:
        count: of the evaluations.
        most: how many are shown at most.
    """
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def _recalls(confusion: NDArray[np.int64]) -> list[list[float]]:
    recalled = np.diagonal(confusion, axis1=1, axis2=2) / confusion.sum(axis=2)
    return [[round(share, 3) for share in shares] for shares in recalled.tolist()]


def _short(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
