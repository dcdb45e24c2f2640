"""What is measured during a run: the classes predicted for the test images, and means over the steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spl.data.store import NO_CLASS, ClassNumbers, Dataset
from spl.methods.method import Method
from spl.training.augment import normalise
from spl.training.batches import Pools
from spl.training.processes import share, total

if TYPE_CHECKING:
    from spl.study.settings import Settings

MEASURES = (
    "loss",
    "labelled_loss",
    "labelled_accuracy",
    "unlabelled_loss",
    "unweighted_loss",
    "coverage",
    "right_pseudo_labels",
    "revisited",
    "flipped",
    "moved",
)
"""The measures of every step, averaged between evaluations.

``loss``, of which the step takes the gradient. Over the labelled batch: ``labelled_loss`` and ``labelled_accuracy``.
Over the unlabelled batch: ``unlabelled_loss``, the mean of weight times cross-entropy, without lambda_u;
``unweighted_loss``, the same with weight 1; ``coverage``, the mean weight, which is the share of pseudo-labels that are
selected if weights are 0 or 1; ``right_pseudo_labels``, the mean weight of those that are right, else 0, so that purity
is the ratio of the two (equation 5); and what :meth:`spl.training.history.PoolHistory.visit` measures.
"""

OF_LABELLED = ("loss", "labelled_loss", "labelled_accuracy")
"""The measures that training on labelled images alone has."""

RATIOS = {
    "purity": ("right_pseudo_labels", "coverage"),
    "flips": ("flipped", "revisited"),
    "weight_movement": ("moved", "revisited"),
}
"""What is reported as the ratio of two measures; the first of the two is reported as this ratio alone."""

EVALUATION_BATCH = 512


@dataclass(frozen=True)
class Evaluation:
    """The averaged network after some steps, and the means of the measures since the evaluation before.

    Attributes:
        step: steps done.
        predicted: uint8 (test images,), uint16 if there are more than 256 classes: numbers of classes of the data set.
        measures: one row of the metrics file: ``step``; ``test_error``, a share of the test images; the
            means of :data:`MEASURES` with their :data:`RATIOS`; and ``batch_checksum``, of all batches.
    """

    step: int
    predicted: ClassNumbers
    measures: dict[str, float | int]


def measure_pseudo_labels(
    weight: Tensor, losses: Tensor, right: Tensor, revisited: Tensor, flipped: Tensor, moved: Tensor
) -> Tensor:
    """Those of :data:`MEASURES` that follow :data:`OF_LABELLED`, of one unlabelled batch.

    Args:
        weight: float (n,), of the losses.
        losses: float (n,), cross-entropy of the learning views.
        right: bool (n,), whether the pseudo-label is the true class.
        revisited, flipped, moved: as :meth:`spl.training.history.PoolHistory.visit` returns them.
    """
    return torch.stack([weight * losses, losses, weight, weight * right, revisited, flipped, moved]).mean(1)


def interval_in_steps(interval: int | float, steps: int) -> int:
    """An evaluation interval in steps: given as such, or below 1 as a fraction of the schedule, at least one step."""
    return interval if isinstance(interval, int) else max(1, round(interval * steps))


def is_evaluated(done: int, settings: Settings) -> bool:
    """Whether the network is evaluated after ``done`` steps: regularly, more often in the last fifth, and last."""
    late = done > 0.8 * settings.steps
    interval = settings.evaluate_late_every if late else settings.evaluate_every
    return done % interval_in_steps(interval, settings.steps) == 0 or done == (settings.stop or settings.steps)


def predict_test_images(
    network: nn.Module, averaged: dict[str, Tensor], pools: Pools, dataset: Dataset, known: NDArray[np.int64]
) -> ClassNumbers:
    """The class predicted for each test image, with averaged weights and live batch-norm statistics.

    Args:
        network: its batch-norm statistics are used.
        averaged: weights by parameter name.
        pools: grey levels and device.
        dataset: test images and their classes; the processes of a run divide them among themselves.
        known: int64, class of each output of the classifier.

    Returns:
        as ``predicted`` of an :class:`Evaluation`.
    """
    network.eval()
    part = share(len(dataset.test_classes))
    predicted = torch.zeros(len(dataset.test_classes), dtype=torch.int64)
    images = torch.from_numpy(dataset.test_images[part])
    with torch.no_grad():
        outputs = torch.cat(
            [
                torch.func.functional_call(
                    network, averaged, (normalise(chunk.to(pools.device), pools.mean, pools.std),)
                ).argmax(1)
                for chunk in torch.split(images, EVALUATION_BATCH)
            ]
        )
    network.train()
    predicted[part] = torch.from_numpy(known)[outputs.cpu()]
    # Zero outside of each process's part, so that the sum joins the parts.
    return total(predicted).numpy().astype(np.min_scalar_type(dataset.classes - 1))


def make_evaluation(
    step: int, means: Tensor, predicted: ClassNumbers, dataset: Dataset, checksum: int, method: Method
) -> Evaluation:
    """The evaluation after ``step`` steps, given the means of :data:`MEASURES` since the one before.

    Purity is unknown (NaN) as soon as the truth of any image in the pool is.
    """
    means_of = dict(zip(MEASURES, means.tolist(), strict=True))
    if NO_CLASS in dataset.train_classes:
        means_of["right_pseudo_labels"] = math.nan
    for ratio, (part, whole) in RATIOS.items():
        counted, of = means_of.pop(part), means_of[whole]
        means_of[ratio] = counted / of if of else math.nan
    del means_of["revisited"]
    if method.weight is None:
        means_of |= dict.fromkeys(means_of.keys() - set(OF_LABELLED), math.nan)
    error = float(np.mean(predicted != dataset.test_classes))
    return Evaluation(step, predicted, {"step": step, "test_error": error, **means_of, "batch_checksum": checksum})
