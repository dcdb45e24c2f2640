"""Smooth FixMatch whose smoothness factor is itself maximised, as a further term of the loss (equation 23)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spl.methods.method import Method, MethodState
from spl.methods.smoothness import smooth, smoothness_factor

if TYPE_CHECKING:
    from torch import Tensor


class FactorLoss(MethodState):
    """The factor as loss: lambda_phi lambda_max times the mean of sg(Phi) (1 - Phi), with the linear factor."""

    def further_loss(self, weak: Tensor, learning: Tensor, weight: Tensor) -> Tensor:
        """Its descent raises the scores of the weak views above the threshold."""
        from torch.nn.functional import softmax

        lambda_phi: float = self.settings.lambda_phi * self.settings.lambda_max
        return lambda_phi * factor_loss(softmax(weak, 1).amax(1), self.settings.threshold)


def factor_loss(score: Tensor, threshold: float) -> Tensor:
    """Mean of sg(Phi) (1 - Phi), whose descent raises the scores above the threshold (equation 23, linear factor).

    Args:
        score: float (n,), differentiable.
        threshold: tau.
    """
    factor = smoothness_factor(score, threshold)
    return (factor.detach() * (1 - factor)).mean()


METHOD = Method(
    "Smooth FixMatch, factor as loss",
    smooth,
    state=FactorLoss,
    reads=("power", "lambda_phi", "lambda_max"),
    through_weak=True,
    calibration=("fixmatch", "smooth-fixmatch"),
    defaults={"lambda_u": "calibrated"},
)
