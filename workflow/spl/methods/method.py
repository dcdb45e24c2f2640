"""What a method consists of: the weight of each pseudo-label, the view that learns it, and the state behind the weight.

To add a method, add a file to this folder that defines ``METHOD``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # the study reads the methods, and planning must not wait for torch
    from torch import Tensor, device

    from spl.study.settings import Settings

    Threshold = float | Tensor
    Weight = Callable[..., Tensor]
    Gather = Callable[[Tensor], Tensor]


class MethodState:
    """What a method carries from step to step. This one carries nothing: every image has the threshold of the settings.

    A method with moving averages or memories derives from it. Its tensors are saved in checkpoints and restored from
    them. In a run of several processes each of them holds the same state, so that whatever changes the state must be
    gathered from all of them first.

    Args:
        pool: number of images in the unlabelled pool.
        classes: outputs of the classifier.
        settings: of the run; at least those that the method reads.
        where: the device of the state's tensors; None is the CPU.
    """

    def __init__(self, pool: int, classes: int, settings: Settings, where: device | None = None) -> None:
        self.settings = settings

    def observe(self, probabilities: Tensor, positions: Tensor, gather: Gather) -> tuple[Threshold, ...]:
        """Take note of one unlabelled batch and return what its weights need; called once in each step.

        Args:
            probabilities: float (n, classes) without gradient, of this process's weak views.
            positions: int64 (n,), places of these images in the unlabelled pool.
            gather: the rows of all processes, given those of this one.

        Returns:
            The threshold, one for all images or float (n,), and any further arguments of the method's weight.
        """
        return (self.settings.threshold,)

    def tensors(self) -> dict[str, Tensor]:
        """The tensors of the state by name; writing into them sets the state."""
        return {}


@dataclass(frozen=True)
class Method:
    """One way to learn from unlabelled images.

    Attributes:
        title: the name in tables and figures.
        weight: the weight of each pseudo-label's loss, given scores float (n,), the threshold, the settings, and
            whatever else the state returns; None trains on labelled images alone.
        learns: the view that learns the pseudo-label; "weak" is the view that also yields it (Pseudo-Labeling).
        state: what the method carries from step to step.
        reads: settings that the weight reads beyond the threshold.
        factor_loss: also maximise the smoothness factor itself through the weak view (equation 23).
        calibration: the two methods whose short runs calibrate its loss weights: the one whose equilibrium to keep, and
            the one to weigh (equations 25 and 26).
        defaults: settings in which the method's own recipe differs from the common one.
    """

    title: str
    weight: Weight | None
    learns: Literal["strong", "weak"] = "strong"
    state: type[MethodState] = MethodState
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
        """Names of the settings that this method reads beyond those that every run needs."""
        if self.weight is None:
            return frozenset()
        names = {"mu", "threshold", "lambda_u", "ramp", *self.reads}
        if self.factor_loss:
            names |= {"lambda_phi", "lambda_max"}
        if self.strong_view:
            names |= {"randaugment", "cutout"}
        return frozenset(names)
