"""The predictions of a run for the test images, and the confusion matrices computed from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from spl.data.store import ClassNumbers, mapped_arrays


@dataclass(frozen=True)
class Predictions:
    """What a run predicted at its evaluations.

    Attributes:
        predicted: uint8 or uint16 (evaluations, test images), numbers of classes of the data set.
        true: as predicted, (test images,).
        classes: number of classes of the data set; each has test images.
    """

    predicted: ClassNumbers
    true: ClassNumbers
    classes: int

    def confusion(self, evaluation: int) -> NDArray[np.int64]:
        """The confusion matrix of one evaluation: int64 (classes, classes), rows true, columns predicted."""
        cells = self.true.astype(np.int64) * self.classes + self.predicted[evaluation]
        return np.bincount(cells, minlength=self.classes**2).reshape(self.classes, self.classes)

    def confusion_matrices(self) -> Iterator[NDArray[np.int64]]:
        """The confusion matrix of each evaluation, one after the other: together they can exceed the memory."""
        return map(self.confusion, range(len(self.predicted)))


def read_predictions(path: Path) -> Predictions:
    """Read the ``predictions.safetensors`` of a run; of the file, only evaluations that are used are read."""
    arrays = mapped_arrays(path)
    with safe_open(path, "np") as file:
        return Predictions(arrays["predicted"], arrays["true"], int(file.metadata()["classes"]))
