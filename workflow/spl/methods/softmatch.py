"""SoftMatch (Chen et al., ICLR 2023): the weight is a truncated Gaussian of the score, smooth and never quite 0.

The weight is exp(-(min(s - mean, 0))^2 n^2 / (2 variance)) with n = 2 (section 3.1; n is USB's ``n_sigma``), where s
is the score of the weak view after uniform alignment (section 3.2). Mean and variance of the scores are moving
averages with decay 0.999, which the batch joins before it is weighted. The pseudo-label is that of the network's own
probabilities, not of the aligned ones. Order and initial values, mean 1 / classes and variance 1, are those of USB's
code (semilearn 0.3.2).

There is no threshold: the setting ``threshold`` has no effect. lambda_u is 1. Each process of a run sees all scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spl.methods.alignment import Alignment
from spl.methods.exact import exponential
from spl.methods.method import Guidance, Method
from spl.methods.moving_average import follow

if TYPE_CHECKING:
    from torch import Tensor, device

    from spl.methods.method import BatchPredictions, Threshold
    from spl.study.settings import Settings

DEVIATIONS = 2  # USB's n_sigma: the Gaussian has half the standard deviation of the scores


class ScoreMoments(Alignment):
    """Mean and variance of the aligned scores, as moving averages."""

    def __init__(self, pool: int, classes: int, settings: Settings, where: device | None = None) -> None:
        import torch

        super().__init__(pool, classes, settings, where)
        self.mean = torch.full((), 1 / classes, device=where)
        self.variance = torch.ones((), device=where)

    def observe(self, batch: BatchPredictions) -> Guidance:
        """No threshold, but the aligned scores float (n,) and the two moments, which this batch has joined."""
        score = self.align(batch).amax(1)
        everyone = batch.gather(score)
        follow(self.mean, everyone.mean(), self.settings.prediction_ema)
        correction = min(1, len(everyone) - 1)  # of a single score the variance is 0
        follow(self.variance, everyone.var(correction=correction), self.settings.prediction_ema)
        return Guidance(0.0, (score, self.mean, self.variance))

    def tensors(self) -> dict[str, Tensor]:
        """The moments, and the mean prediction for alignment."""
        return {**super().tensors(), "mean": self.mean, "variance": self.variance}


def truncated_gaussian(
    score: Tensor, threshold: Threshold, settings: Settings, aligned: Tensor, mean: Tensor, variance: Tensor
) -> Tensor:
    """The weight of each pseudo-label: 1 above the mean, a Gaussian below.

    Args:
        score: float (n,), not used: the aligned one decides.
        threshold: not used.
        settings: not used.
        aligned: float (n,), the aligned scores.
        mean, variance: of aligned scores, scalars.
    """
    import torch

    below = (aligned - mean).clamp(max=0)
    width = (2 * variance / DEVIATIONS**2).clamp(min=torch.finfo(variance.dtype).tiny)  # equal scores: weight 1
    return exponential(-(below * below) / width)


METHOD = Method("SoftMatch", truncated_gaussian, state=ScoreMoments, reads=("prediction_ema",))
