"""Hard weights: a pseudo-label counts in full or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from spl.methods.method import Threshold
    from spl.study.settings import Settings


def exceeds(score: Tensor, threshold: Threshold, settings: Settings) -> Tensor:
    """Weight 1 where the score exceeds the threshold, else 0: Pseudo-Labeling (equation 3).

    Args:
        score: float (n,), the largest class probability of each image.
        threshold: tau, one for all images or float (n,), in [0, 1).
        settings: not used; the indicator has no shape.
    """
    return (score > threshold).to(score.dtype)


def reaches(score: Tensor, threshold: Threshold, settings: Settings) -> Tensor:
    """Weight 1 where the score reaches the threshold, else 0: FixMatch (equation 20). Arguments as :func:`exceeds`."""
    return (score >= threshold).to(score.dtype)
