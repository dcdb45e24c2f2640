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

    def visit(self, positions: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compare a batch with what is remembered of its images, and remember it instead.

        An image that the batch shows twice is compared twice with its visit before; the last one is remembered.

        Args:
            positions: int64 (n,), places in the pool of this process's images.
            labels: int64 (n,), their pseudo-labels.
            weights: float (n,), of these.

        Returns:
            Of each of these images, float (n,): ``revisited``, 1 if it was visited before; ``flipped``, 1 if its
            pseudo-label was another one then; ``moved``, by how much its weight has changed since. Else 0.
        """
        before = self.labels[positions]
        revisited = (before != NEVER).float()
        flipped = (before != labels) * revisited
        moved = (weights - self.weights[positions]).abs() * revisited
        positions, labels, weights = joined(positions), joined(labels), joined(weights)
        last = last_of_each(positions, positions > NEVER)
        self.labels[positions] = labels[last].int()
        self.weights[positions] = weights[last]
        return revisited, flipped, moved
