"""FlexMatch's curriculum: a threshold for each class, lower for classes that are predicted less often."""

from __future__ import annotations

import torch
from torch import Tensor

NEVER = -1


class ClassThresholds:
    """Thresholds from the latest confident prediction for each image of the unlabelled pool (FlexMatch, section 3.1).

    Args:
        pool: size of the unlabelled pool.
        classes: outputs of the classifier.
        threshold: tau, the threshold of the class that is learnt best.
        device: where the memory lies; None is the CPU.
    """

    def __init__(self, pool: int, classes: int, threshold: float, device: torch.device | None = None) -> None:
        self.threshold = threshold
        self.latest = torch.full((pool,), NEVER, device=device)
        self.known = torch.arange(NEVER, classes, device=device)

    def of(self, predicted: Tensor) -> Tensor:
        """The threshold of each predicted class: tau M(beta), M(b) = b / (2 - b), beta = count / largest count.

        Images never predicted with confidence count as a class of their own in the largest count (warm-up).

        Args:
            predicted: int64 (n,).

        Returns:
            float (n,), in 0 .. tau.
        """
        counts = (self.latest[:, None] == self.known).sum(0)  # torch's bincount makes a GPU wait
        beta = counts[1:] / counts.max()
        return (self.threshold * beta / (2 - beta))[predicted]

    def remember(self, positions: Tensor, score: Tensor, predicted: Tensor) -> None:
        """Store the predictions whose score reaches tau; of an image drawn twice in a batch, the last one.

        Args:
            positions: int64 (n,), places in the pool.
            score, predicted: float and int64 (n,).
        """
        order = torch.arange(len(positions), device=positions.device)
        confident = torch.where(score >= self.threshold, order, NEVER)
        last = torch.full_like(self.latest, NEVER).scatter_reduce_(0, positions, confident, "amax")[positions]
        self.latest[positions] = torch.where(last > NEVER, predicted[last], self.latest[positions])
