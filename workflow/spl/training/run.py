"""The files of a run: its inputs are read, its results written."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from safetensors.torch import save

from spl.data.splits import read_split
from spl.data.store import read_dataset
from spl.study.files import RunInputs
from spl.study.weights import read_weights
from spl.training.checkpoints import Checkpoints
from spl.training.evaluation import Evaluation
from spl.training.inheritance import CLASSES, read_final_state
from spl.training.loop import train
from spl.training.processes import rank

if TYPE_CHECKING:
    from spl.study.settings import Settings


def train_run(
    parameter: Mapping[str, Any],
    inputs: RunInputs,
    output: Path,
    report: Callable[[Evaluation], None],
    checkpoints: Checkpoints,
    interrupted: Callable[[int], bool],
) -> None:
    """Train one run and write its :data:`spl.study.files.RUN_FILES`.

    The checkpoint after the last step stays: until Snakemake has recorded the files, it may delete them.

    ``metrics.csv`` has one row for each evaluation (columns as in :class:`spl.training.evaluation.Evaluation`),
    ``predictions.safetensors`` the class ``predicted`` for each test image at the same evaluations (evaluations, test
    images) and the ``true`` one (test images,), both uint8, or uint16 if there are more than 256 ``classes``; their
    number is in the metadata.

    Args:
        parameter: the run's canonical parameter; ``method``, ``seed`` and ``settings`` determine the result.
        inputs: the files that it reads. The caller has checked the data: each process would hash all of it.
        output: folder of the written files.
        report: called with each evaluation.
        checkpoints: of earlier attempts at this run and of this one.
        interrupted: called after each step with the number of steps done: whether to save and stop.

    Raises:
        NotFiniteError, InterruptedTrainingError: nothing is written into the folder.
    """
    dataset, description = read_dataset(inputs.data, checked=())
    weights = read_weights(inputs.calibration) if inputs.calibration else {}
    calibrated = {name: value for name, value in weights.items() if parameter["settings"].get(name) == "calibrated"}
    # A plain record, not the study's model: reading a setting that the parameter does not hold must fail.
    settings = cast("Settings", SimpleNamespace(**{**parameter["settings"], **calibrated}))
    trained = train(
        dataset,
        (description["mean"], description["std"]),
        read_split(inputs.split),
        parameter["method"],
        settings,
        parameter["seed"],
        report,
        checkpoints,
        interrupted,
        read_final_state(inputs.start) if inputs.start else None,
    )
    if rank() > 0:
        return
    output.mkdir(parents=True, exist_ok=True)
    with (output / "metrics.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, trained.evaluations[0].measures, lineterminator="\n")
        writer.writeheader()
        writer.writerows(evaluation.measures for evaluation in trained.evaluations)
    predicted = np.stack([evaluation.predicted for evaluation in trained.evaluations])
    classes = {"predicted": predicted, "true": dataset.test_classes.astype(predicted.dtype)}
    tensors = {name: torch.from_numpy(numbers) for name, numbers in classes.items()}
    (output / "predictions.safetensors").write_bytes(save(tensors, {"classes": str(dataset.classes)}))
    (output / "weights.safetensors").write_bytes(save(trained.weights | {CLASSES: torch.from_numpy(trained.known)}))
    resolved = {**parameter, "calibrated": calibrated}
    (output / "parameters.json").write_text(json.dumps(resolved, sort_keys=True, indent=1) + "\n")
