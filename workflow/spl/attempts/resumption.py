"""From which checkpoint an attempt resumes. A checkpoint that contradicts itself is moved aside before training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from spl.data.store import FILE, ClassNumbers, mapped_arrays

# Names of checkpoints; the last one in order is the newest.
CHECKPOINTS = f"step-{'[0-9]' * 9}-*.safetensors"
# Before the name of a checkpoint that was moved aside: no attempt looks at it again.
ASIDE = "contradicts-"
# What a file raises that is no checkpoint, or no prepared data set.
UNREADABLE = (OSError, SafetensorError, ValueError, LookupError, TypeError)


def share_of_errors(predicted: ClassNumbers, true: ClassNumbers) -> float:
    """The share of test images that are predicted wrongly, the same number as in an evaluation, to the last bit."""
    return int(np.count_nonzero(predicted != true)) / len(true)


def resumed_checkpoint(folder: Path, data: Path, tell: Callable[[str], None]) -> Path | None:
    """The checkpoint that training will go on from; None if it begins at the first step.

    The name of a checkpoint holds the digest of its content, so whoever edits one can rename it. Its recorded errors
    must follow from its predictions, and its last checksum of batches from the one that training would go on with.

    Args:
        folder: of the checkpoints of this run alone.
        data: folder of the prepared data set.
        tell: called with one line for each checkpoint that is moved aside.
    """
    for path in sorted(folder.glob(CHECKPOINTS), reverse=True):
        try:
            if not _is_intact(path):
                continue  # training will say so, and pass it over
            contradiction = _contradiction(path, mapped_arrays(data / FILE)["test_classes"])
        except UNREADABLE:
            continue
        if contradiction is None:
            return path
        aside = path.with_name(f"{ASIDE}{path.name}")
        path.replace(aside)
        tell(f"{path}: not used, {contradiction}; moved to {aside.name}")
    return None


def checkpoint_step(checkpoint: Path) -> int:
    """The steps that were done when a checkpoint was written."""
    return int(checkpoint.name.split("-")[1])


def checkpoint_digest(checkpoint: Path) -> str:
    """The first digits of the sha256 of a checkpoint's content."""
    return checkpoint.stem.split("-")[2]


def _is_intact(path: Path) -> bool:
    """Whether a checkpoint's content is what its name says, and it belongs to the run in whose folder it lies."""
    from spl.training.checkpoints import DIGEST  # and torch, which an audit does without

    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest()[:DIGEST] != checkpoint_digest(path):
            return False
    with safe_open(path, "np") as checkpoint:
        return bool(checkpoint.metadata()["run"] == path.parent.name)


def _contradiction(path: Path, true: ClassNumbers) -> str | None:
    """What in a checkpoint contradicts itself or the data set, with both values; None if nothing does.

    Args:
        path: of an intact checkpoint.
        true: class of each test image.
    """
    with safe_open(path, "np") as file:
        measures = json.loads(file.metadata()["record"])["measures"]
        predicted = file.get_tensor("predicted") if "predicted" in file.keys() else np.empty((0, len(true)))  # noqa: SIM118, a safetensors file has keys() but cannot be iterated
        checksum = int(file.get_tensor("checksum").sum(dtype=np.int64))
    if predicted.shape != (len(measures), len(true)):
        return f"it has predictions {predicted.shape} for {len(measures)} evaluations of {len(true)} test images"
    for row, classes in zip(measures, predicted, strict=True):
        if row["test_error"] != (error := share_of_errors(classes, true)):
            return f"its test error at step {row['step']} is {row['test_error']}, its predictions have {error}"
    if measures and measures[-1]["step"] == checkpoint_step(path) and measures[-1]["batch_checksum"] != checksum:
        return f"its checksum of batches is {measures[-1]['batch_checksum']} in the record, {checksum} in the state"
    return None
