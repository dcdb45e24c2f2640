"""Smooth weights: a pseudo-label counts the more, the further its score exceeds the threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from spl.methods.method import Threshold
    from spl.study.settings import Settings


def smoothness_factor(score: Tensor, threshold: Threshold, power: float = 1.0) -> Tensor:
    """Phi_tau(s)^r = (relu(s - tau) / (1 - tau))^r: from 0 at tau to 1 at score 1 (equation 13, section 3.5).

    Args:
        score: float (n,), the largest class probability of each image.
        threshold: tau, one for all images or float (n,), in [0, 1).
        power: r > 0; 1 is linear, 2 quadratic (-sq), 1/2 the square root (-sqrt).
    """
    linear = (score - threshold).clamp(min=0) / (1 - threshold)
    if power == 1:
        return linear
    # torch's square root of floats is MKL's, which is not the IEEE one, and not the same on all processors. In doubles
    # an error of their last bit does not reach the float: squares and square roots are rounded correctly.
    powered: Tensor = (linear.double() ** power).to(linear.dtype)
    return powered


def smooth(score: Tensor, threshold: Threshold, settings: Settings) -> Tensor:
    """The smoothness factor with the power of the settings: Smooth FixMatch (equations 16 and 21)."""
    return smoothness_factor(score, threshold, settings.power)
