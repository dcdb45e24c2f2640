"""Moving averages of what a network predicts, which several methods keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def follow(average: Tensor, newest: Tensor, decay: float) -> None:
    """Move a moving average in place: decay times itself plus 1 - decay times the newest value, of the same shape."""
    average.lerp_(newest, 1 - decay)


def shares(predicted: Tensor, weight: Tensor, classes: int) -> Tensor:
    """The summed weight of the rows that are predicted as each class, float (classes,).

    Args:
        predicted: int64 (n,).
        weight: float (n,).
        classes: their number.
    """
    import torch

    every = torch.arange(classes, device=predicted.device)
    return ((predicted[:, None] == every) * weight[:, None]).sum(0)  # torch's bincount makes a GPU wait
