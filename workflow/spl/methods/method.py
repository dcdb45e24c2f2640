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


@dataclass(frozen=True)
class BatchPredictions:
    """What the network predicts for one batch, as a method sees it: without gradient, this process's share.

    Attributes:
        labelled: float (b, classes), probabilities of the labelled images.
        targets: int64 (b,), their classes.
        weak: float (n, classes), probabilities of the weak views of the unlabelled images.
        positions: int64 (n,), places of these images in the unlabelled pool.
        gather: the rows of all processes, given those of this one.
    """

    labelled: Tensor
    targets: Tensor
    weak: Tensor
    positions: Tensor
    gather: Gather


@dataclass(frozen=True)
class Guidance:
    """How one unlabelled batch is learnt.

    Attributes:
        threshold: of the weights, one for all images or float (n,).
        statistics: further arguments of the method's weight.
        probabilities: float (n, classes), in place of the network's: score and pseudo-label are their maximum (for
            example after distribution alignment); None for the network's own.
        targets: float (n, classes), what the views learn in place of the pseudo-label (for example sharpened
            probabilities); None for the pseudo-label.
    """

    threshold: Threshold
    statistics: tuple[Tensor, ...] = ()
    probabilities: Tensor | None = None
    targets: Tensor | None = None


class MethodState:
    """What a method carries from step to step. This one carries nothing: every image has the threshold of the settings.

    A method with moving averages, memories or a further loss derives from it. Its tensors are saved in checkpoints and
    restored from them. In a run of several processes each of them holds the same state, so that whatever changes the
    state must be gathered from all of them first.

    Args:
        pool: number of images in the unlabelled pool.
        classes: outputs of the classifier.
        settings: of the run; at least those that the method reads.
        where: the device of the state's tensors; None is the CPU.
    """

    def __init__(self, pool: int, classes: int, settings: Settings, where: device | None = None) -> None:
        self.settings = settings

    def observe(self, batch: BatchPredictions) -> Guidance:
        """Take note of one batch and say how its unlabelled images are learnt; called once in each step."""
        return Guidance(self.settings.threshold)

    def further_loss(self, weak: Tensor, learning: Tensor, weight: Tensor) -> Tensor | None:
        """A further term of the loss, a scalar with gradient; called after :meth:`observe` of the same step.

        Args:
            weak: float (n, classes), logits of the weak views; with gradient if the method's ``through_weak``.
            learning: float (n, classes), logits of the views that learn, with gradient.
            weight: float (n,), of the pseudo-labels.

        Returns:
            None if the method has no such term.
        """
        return None

    def tensors(self) -> dict[str, Tensor]:
        """The tensors of the state by name; writing into them sets the state."""
        return {}


@dataclass(frozen=True)
class Method:
    """One way to learn from unlabelled images.

    Attributes:
        title: the name in tables and figures.
        weight: the weight of each pseudo-label's loss, from 0 to 1, given scores float (n,), the threshold, the
            settings, and the statistics of the state's guidance; None trains on labelled images alone.
        learns: the view that learns the pseudo-label; "weak" is the view that also yields it (Pseudo-Labeling).
        state: what the method carries from step to step, and its further loss if it has one.
        reads: settings that the method reads beyond the threshold.
        through_weak: whether the further loss also has a gradient through the weak views.
        calibration: the two methods whose short runs calibrate its loss weights: the one whose equilibrium to keep, and
            the one to weigh (equations 25 and 26).
        defaults: settings in which the method's own recipe differs from the common one.
    """

    title: str
    weight: Weight | None
    learns: Literal["strong", "weak"] = "strong"
    state: type[MethodState] = MethodState
    reads: tuple[str, ...] = ()
    through_weak: bool = False
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
        if self.strong_view:
            names |= {"randaugment", "cutout"}
        return frozenset(names)
