"""How pseudo-labels change from one visit of an image to the next: the mechanism of section 3.3, measured."""

from __future__ import annotations

import torch
from torch import Tensor

from spl.methods.pool_memory import NEVER, last_of_each
from spl.training.processes import joined


class PoolHistory:
    """The latest pseudo-label and weight of each image of the unlabelled pool; the same in each process of a run.

    Args:
        pool: number of its images.
        device: of the tensors.
    """

    def __init__(self, pool: int, device: torch.device) -> None:
        self.labels = torch.full((pool,), NEVER, dtype=torch.int32, device=device)
        self.weights = torch.zeros(pool, device=device)

    def tensors(self) -> dict[str, Tensor]:
        """Labels int32 (pool,), :data:`NEVER` before the first visit, and weights float (pool,)."""
        return {"labels": self.labels, "weights": self.weights}

    def visit(self, positions: Tensor, labels: Tensor, weights: Tensor) -> dict[str, Tensor]:
        """Compare a batch with what is remembered of its images, and remember it instead.

        An image that the batch shows twice is compared twice with its visit before; the last one is remembered.

        Args:
            positions: int64 (n,), places in the pool of this process's images.
            labels: int64 (n,), their pseudo-labels.
            weights: float (n,), of these.

        Returns:
            Of the whole batch, float scalars: ``revisited``, the share of its images that were visited before;
            ``flipped``, the share whose pseudo-label is another one; ``moved``, the mean of |weight - weight before|
            over the revisited images, times their share.
        """
        positions, labels, weights = joined(positions), joined(labels), joined(weights)
        before = self.labels[positions]
        revisited, flipped = before != NEVER, before != labels
        moved = (weights - self.weights[positions]).abs() * revisited
        last = last_of_each(positions, torch.ones_like(revisited))
        self.labels[positions] = labels[last].int()
        self.weights[positions] = weights[last]
        return {
            "revisited": revisited.float().mean(),
            "flipped": (flipped & revisited).float().mean(),
            "moved": moved.mean(),
        }
