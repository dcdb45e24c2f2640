"""What is measured during a run: the classes predicted for the test images, and means over the steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spl.data.store import ClassNumbers, Dataset
from spl.methods.method import Method
from spl.methods.smoothness import smoothness_factor
from spl.training.augment import normalise
from spl.training.batches import Pools
from spl.training.processes import share, total

if TYPE_CHECKING:
    from spl.study.settings import Settings

MEASURES = (
    "labelled_loss",
    "labelled_accuracy",
    "unlabelled_loss",
    "unweighted_loss",
    "coverage",
    "right_pseudo_labels",
    "factor",
    "factor_over_confidence",
)
"""The measures of every step, averaged between evaluations.

Over the labelled batch: ``labelled_loss`` and ``labelled_accuracy``. Over the unlabelled batch: ``unlabelled_loss``,
the mean of weight times cross-entropy, without lambda_u; ``unweighted_loss``, the same with weight 1; ``coverage``, the
share of images whose pseudo-label has a weight above 0; ``right_pseudo_labels``, the share whose pseudo-label also is
right, so that purity is the ratio of the two (equation 5); ``factor``, mean Phi (linear, for every method);
``factor_over_confidence``, mean Phi / f_y*(learning view) (equation 26).
"""

EVALUATION_BATCH = 512


@dataclass(frozen=True)
class Evaluation:
    """The averaged network after some steps, and the means of the measures since the evaluation before.

    Attributes:
        step: steps done.
        predicted: uint8 (test images,), uint16 if there are more than 256 classes: numbers of classes of the data set.
        measures: one row of the metrics file: ``step``; ``test_error``, a share of the test images; the
            means of :data:`MEASURES`; ``purity``; and ``batch_checksum`` over all batches since the start.
    """

    step: int
    predicted: ClassNumbers
    measures: dict[str, float | int]


def measure_pseudo_labels(
    score: Tensor, threshold: float | Tensor, weight: Tensor, losses: Tensor, right: Tensor
) -> dict[str, Tensor]:
    """The measures of one unlabelled batch.

    Args:
        score: float (n,), confidence of the pseudo-labels.
        threshold: tau, one for all or float (n,).
        weight: float (n,), of the losses.
        losses: float (n,), cross-entropy of the learning views.
        right: bool (n,), whether the pseudo-label is the true class.
    """
    factor = smoothness_factor(score, threshold)
    confidence = torch.exp(-losses).clamp(min=torch.finfo(losses.dtype).tiny)
    selected = weight > 0
    return {
        "unlabelled_loss": (weight * losses).mean(),
        "unweighted_loss": losses.mean(),
        "coverage": selected.float().mean(),
        "right_pseudo_labels": (selected & right).float().mean(),
        "factor": factor.mean(),
        "factor_over_confidence": (factor / confidence).mean(),
    }


def is_evaluated(done: int, settings: Settings) -> bool:
    """Whether the network is evaluated after ``done`` steps: regularly, more often in the last fifth, and last."""
    late = done > 0.8 * settings.steps
    interval = settings.evaluate_late_every if late else settings.evaluate_every
    return done % interval == 0 or done == settings.steps


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
    predicted[part] = torch.from_numpy(known)[outputs.cpu()]
    # Zero outside of each process's part, so that the sum joins the parts.
    return total(predicted).numpy().astype(np.min_scalar_type(dataset.classes - 1))


def make_evaluation(
    step: int, means: Tensor, predicted: ClassNumbers, true: NDArray[np.int64], checksum: int, method: Method
) -> Evaluation:
    """The evaluation after ``step`` steps, given the means of :data:`MEASURES` since the one before."""
    measures: dict[str, float | int] = {"step": step, "test_error": float(np.mean(predicted != true))}
    measures |= dict(zip(MEASURES, means.tolist(), strict=True))
    right, coverage = measures.pop("right_pseudo_labels"), measures["coverage"]
    measures["purity"] = right / coverage if coverage else math.nan
    if method.weight is None:
        measures |= {name: math.nan for name in MEASURES if name in measures and not name.startswith("labelled_")}
    return Evaluation(step, predicted, measures | {"batch_checksum": checksum})
