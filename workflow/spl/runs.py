"""The files of a run: what a training reads and leaves behind."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from safetensors.torch import save

from spl.datasets import read_dataset
from spl.splits import read_split
from spl.training import Evaluation, train

if TYPE_CHECKING:
    from spl.settings import Settings


def train_run(
    parameter: Mapping[str, Any], data: Path, split: Path, folder: Path, report: Callable[[Evaluation], None]
) -> None:
    """Train one run and write its :data:`spl.plan.RUN_FILES`.

    ``metrics.csv`` has one row for each evaluation (columns as :func:`spl.training.train` says), ``confusion.npy`` the
    confusion matrices of the same evaluations, int32 (evaluations, classes, classes), true by predicted.

    Args:
        parameter: the run's canonical parameter, of which ``method``, ``seed`` and ``settings`` decide the training.
        data: folder of the prepared data set.
        split: file of the labelled set.
        folder: where the files go.
        report: called with each evaluation.
    """
    dataset, description = read_dataset(data)
    # A plain record, not the study's model: a training that reads a setting its parameter does not hold must fail.
    settings = cast("Settings", SimpleNamespace(**parameter["settings"]))
    trained = train(
        dataset,
        (description["mean"], description["std"]),
        read_split(split),
        parameter["method"],
        settings,
        parameter["seed"],
        report,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "parameters.json").write_text(json.dumps(parameter, sort_keys=True, indent=1) + "\n")
    with (folder / "metrics.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, trained.evaluations[0].measures, lineterminator="\n")
        writer.writeheader()
        writer.writerows(evaluation.measures for evaluation in trained.evaluations)
    matrices = np.stack([evaluation.confusion for evaluation in trained.evaluations]).astype(np.int32)
    np.save(folder / "confusion.npy", matrices)
    (folder / "weights.safetensors").write_bytes(save(trained.weights))
