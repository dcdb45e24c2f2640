"""Smooth FreeMatch: FreeMatch with the smoothness factor at its thresholds in place of the indicator, in both losses.

Not the paper's, which ends with the remark that its factor may help wherever there is a threshold. The factor weights
the pseudo-labels, and the strong views in the fairness loss. The equilibrium to keep by calibration is FreeMatch's
(equation 25); the weight of the fairness loss, a mean over weights that add up to 1, needs none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spl.methods.freematch import SelfAdaptive
from spl.methods.method import Method
from spl.methods.smoothness import smooth

if TYPE_CHECKING:
    from torch import Tensor

    from spl.study.settings import Settings

LARGEST = 1 - 2**-20  # of thresholds: a mean score may be rounded to 1, where the factor is not defined


def smooth_below_one(score: Tensor, threshold: Tensor, settings: Settings) -> Tensor:
    """The smoothness factor (:func:`spl.methods.smoothness.smooth`) at thresholds float (n,) that may reach 1."""
    return smooth(score, threshold.clamp(max=LARGEST), settings)


METHOD = Method(
    "Smooth FreeMatch",
    smooth_below_one,
    state=SelfAdaptive,
    reads=("power", "prediction_ema", "fairness"),
    calibration=("freematch", "smooth-freematch"),
    defaults={"lambda_u": "calibrated"},
)
