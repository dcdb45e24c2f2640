"""The methods the paper compares, as one table.

A method says which view of an unlabelled image learns from the pseudo-label that its weak view gives, and how the
score of that pseudo-label becomes a weight of the loss. To add a method, add an entry to :data:`METHODS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # the study reads this table, and planning must not wait for torch
    from torch import Tensor

    from spl.study.settings import Settings

    Threshold = float | Tensor
    Weight = Callable[[Tensor, Threshold, Settings], Tensor]


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


def smoothness_factor(score: Tensor, threshold: Threshold, power: float = 1.0) -> Tensor:
    """Phi_tau(s)^r = (relu(s - tau) / (1 - tau))^r: from 0 at tau to 1 at score 1 (equation 13, section 3.5).

    Args:
        score: float (n,), the largest class probability of each image.
        threshold: tau, one for all images or float (n,), in [0, 1).
        power: r > 0; 1 is linear, 2 quadratic (-sq), 1/2 the square root (-sqrt).
    """
    linear = (score - threshold).clamp(min=0) / (1 - threshold)
    return linear if power == 1 else linear**power


def smooth(score: Tensor, threshold: Threshold, settings: Settings) -> Tensor:
    """The smoothness factor with the power of the settings: Smooth FixMatch (equations 16 and 21)."""
    return smoothness_factor(score, threshold, settings.power)


@dataclass(frozen=True)
class Method:
    """One way to learn from unlabelled images.

    Attributes:
        title: the name in tables and figures.
        weight: how scores become weights; None trains on labelled images alone.
        learns: the view that learns the pseudo-label; "weak" means the one view that also gives it (Pseudo-Labeling).
        class_thresholds: lower the threshold of classes that are predicted less often (FlexMatch).
        reads: settings that the weight reads beyond the threshold.
        factor_loss: also maximise the smoothness factor itself through the weak view (equation 23).
        calibration: the two methods whose short runs calibrate its loss weights: the one whose equilibrium to keep, and
            the one to weigh (equations 25 and 26).
        defaults: settings in which the method's own recipe differs from the common one.
    """

    title: str
    weight: Weight | None
    learns: Literal["strong", "weak"] = "strong"
    class_thresholds: bool = False
    reads: tuple[str, ...] = ()
    factor_loss: bool = False
    calibration: tuple[str, str] | None = None
    defaults: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def strong_view(self) -> bool:
        """Whether unlabelled images are also seen in a strong view."""
        return self.weight is not None and self.learns == "strong"

    @property
    def settings(self) -> frozenset[str]:
        """Names of the settings that this method reads beyond those that every training needs."""
        if self.weight is None:
            return frozenset()
        names = {"mu", "threshold", "lambda_u", "ramp", *self.reads}
        if self.factor_loss:
            names |= {"lambda_phi", "lambda_max"}
        if self.strong_view:
            names |= {"randaugment", "cutout"}
        return frozenset(names)


PSEUDO_LABEL = Method("Pseudo-Labeling", exceeds, learns="weak", defaults={"mu": 1, "ramp": 0.4})
FIXMATCH = Method("FixMatch", reaches)
SMOOTH_FIXMATCH = Method(
    "Smooth FixMatch",
    smooth,
    reads=("power",),
    calibration=("fixmatch", "smooth-fixmatch"),
    defaults={"lambda_u": "calibrated"},
)

METHODS: dict[str, Method] = {
    "supervised": Method("Fully supervised", None),
    "pseudo-label": PSEUDO_LABEL,
    "smooth-pseudo-label": replace(
        PSEUDO_LABEL,
        title="Smooth Pseudo-Labeling",
        weight=smooth,
        reads=("power",),
        calibration=("pseudo-label", "smooth-pseudo-label"),
        defaults={**PSEUDO_LABEL.defaults, "lambda_u": "calibrated"},
    ),
    "fixmatch": FIXMATCH,
    "flexmatch": replace(FIXMATCH, title="FlexMatch", class_thresholds=True),
    "smooth-fixmatch": SMOOTH_FIXMATCH,
    "smooth-fixmatch-sq": replace(
        SMOOTH_FIXMATCH,
        title="Smooth FixMatch-sq",
        calibration=("fixmatch", "smooth-fixmatch-sq"),
        defaults={"power": 2, "lambda_u": "calibrated"},
    ),
    "smooth-fixmatch-sqrt": replace(
        SMOOTH_FIXMATCH,
        title="Smooth FixMatch-sqrt",
        calibration=("fixmatch", "smooth-fixmatch-sqrt"),
        defaults={"power": 0.5, "lambda_u": "calibrated"},
    ),
    "smooth-fixmatch-factor": replace(SMOOTH_FIXMATCH, title="Smooth FixMatch, factor as loss", factor_loss=True),
}
