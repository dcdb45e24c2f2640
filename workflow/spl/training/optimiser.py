"""The optimiser: SGD with Nesterov momentum, its learning-rate schedule, and the moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.optim.sgd import sgd
from torch.optim.swa_utils import get_ema_multi_avg_fn

from spl.training.trigonometry import cosine

if TYPE_CHECKING:
    from spl.study.settings import Settings


SCHEDULES: dict[str, Callable[[float], float]] = {
    "fixmatch": lambda done: cosine(7 * math.pi / 16 * done),
    "cosine": lambda done: cosine(math.pi / 2 * done) ** 2,
    "constant": lambda done: 1.0,
}
"""The learning rate after a part of the steps, 0 to 1, as a part of the first one.

"fixmatch" is cos(7 pi k / 16 K), the paper's (FixMatch, section 2.3); "cosine" is (1 + cos(pi k / K)) / 2, which ends
at 0 (SGDR).
"""


def learning_rate(step: int, settings: Settings) -> float:
    """The learning rate in step k of K, from 0: that of the settings times their schedule."""
    return settings.learning_rate * SCHEDULES[settings.schedule](step / settings.steps)


def unlabelled_weight(step: int, settings: Settings) -> float:
    """The weight in force: grows to lambda_u over the first ``ramp`` of the steps (Pseudo-Labeling), else lambda_u."""
    part = min(1.0, step / (settings.ramp * settings.steps)) if settings.ramp else 1.0
    return float(settings.lambda_u) * part


@torch.no_grad()
def descend(
    weights: Mapping[str, nn.Parameter],
    gradients: Sequence[Tensor],
    velocity: Mapping[str, Tensor],
    rate: Tensor,
    settings: Settings,
) -> None:
    """Take one step of SGD; biases and batch norm do not decay.

    This is torch's own SGD in its functional form: the class around it loads torch's compiler, seconds of each run.

    Args:
        weights: those that are trained, by name; updated in place.
        gradients: of these weights, in their order.
        velocity: momentum of each weight by name, updated in place.
        rate: learning rate, a float32 scalar.
        settings: momentum and weight decay.
    """
    for decay, is_matrix in ((settings.weight_decay, True), (0.0, False)):
        group = [
            (weight, gradient, velocity[name])
            for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
            if (weight.ndim > 1) == is_matrix
        ]
        sgd(
            [weight for weight, _, _ in group],
            [gradient for _, gradient, _ in group],
            [momentum for _, _, momentum in group],
            lr=rate,
            momentum=settings.momentum,
            dampening=0.0,
            weight_decay=decay,
            nesterov=settings.momentum > 0,
            maximize=False,
            fused=True,
        )


def average(averaged: Mapping[str, Tensor], weights: Mapping[str, nn.Parameter], decay: float) -> None:
    """Move the averaged weights towards the live ones, in place: decay * averaged + (1 - decay) * live."""
    update = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]  # torch leaves it without type hints
    update(list(averaged.values()), list(weights.values()), 0)
