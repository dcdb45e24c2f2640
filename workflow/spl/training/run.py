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

from spl.data.datasets import read_dataset
from spl.data.splits import read_split
from spl.study.weights import read_weights
from spl.training.checkpoints import Checkpoints
from spl.training.evaluation import Evaluation
from spl.training.loop import train
from spl.training.processes import rank

if TYPE_CHECKING:
    from spl.study.settings import Settings


def train_run(
    parameter: Mapping[str, Any],
    data: Path,
    split: Path,
    calibration: Path | None,
    folder: Path,
    report: Callable[[Evaluation], None],
    checkpoints: Checkpoints,
    interrupted: Callable[[int], bool],
) -> None:
    """Train one run and write its :data:`spl.study.files.RUN_FILES`.

    The checkpoint after the last step stays: written files can be lost until Snakemake has taken note of them.

    ``metrics.csv`` has one row for each evaluation (columns as :func:`spl.training.loop.train` says), ``confusion.npy`` the
    confusion matrices of the same evaluations, int32 (evaluations, classes, classes), true by predicted.

    Args:
        parameter: the run's canonical parameter, of which ``method``, ``seed`` and ``settings`` decide the training.
        data: folder of the prepared data set.
        split: file of the labelled set.
        calibration: file of the weights that the settings call "calibrated"; None if they call none so.
        folder: where the files go.
        report: called with each evaluation.
        checkpoints: where an earlier attempt at this very run left off, and where this one may.
        interrupted: asked with the steps done, after each, whether to save and stop.

    Raises:
        NotFiniteError, InterruptedTrainingError: nothing is written into the folder.
    """
    dataset, description = read_dataset(data)
    # A plain record, not the study's model: a training that reads a setting its parameter does not hold must fail.
    found = (
        {
            key: value
            for key, value in read_weights(calibration).items()
            if parameter["settings"].get(key) == "calibrated"
        }
        if calibration
        else {}
    )
    settings = cast("Settings", SimpleNamespace(**{**parameter["settings"], **found}))
    trained = train(
        dataset,
        (description["mean"], description["std"]),
        read_split(split),
        parameter["method"],
        settings,
        parameter["seed"],
        report,
        checkpoints,
        interrupted,
    )
    if rank() > 0:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metrics.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, trained.evaluations[0].measures, lineterminator="\n")
        writer.writeheader()
        writer.writerows(evaluation.measures for evaluation in trained.evaluations)
    matrices = np.stack([evaluation.confusion for evaluation in trained.evaluations]).astype(np.int32)
    np.save(folder / "confusion.npy", matrices)
    (folder / "weights.safetensors").write_bytes(save(trained.weights))
    resolved = {**parameter, "calibrated": found}
    (folder / "parameters.json").write_text(json.dumps(resolved, sort_keys=True, indent=1) + "\n")
