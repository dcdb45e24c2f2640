"""FixMatch whose weight jumps to a part of 1 at the threshold and grows smoothly from there: how much the jump matters.

The weight is 1[s >= tau] (j + (1 - j) Phi_tau(s)^r) with the setting ``jump``, j: FixMatch at 1, Smooth FixMatch at 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spl.methods.indicator import reaches
from spl.methods.method import Method
from spl.methods.smoothness import smooth

if TYPE_CHECKING:
    from torch import Tensor

    from spl.methods.method import Threshold
    from spl.study.settings import Settings


def jumping(score: Tensor, threshold: Threshold, settings: Settings) -> Tensor:
    """The weight of each pseudo-label; arguments as :func:`spl.methods.indicator.exceeds`."""
    smoothly = settings.jump + (1 - settings.jump) * smooth(score, threshold, settings)
    return reaches(score, threshold, settings) * smoothly


METHOD = Method(
    "FixMatch with a jump",
    jumping,
    reads=("power", "jump"),
    calibration=("fixmatch", "jump-fixmatch"),
    defaults={"lambda_u": "calibrated"},
)
