"""What is remembered of each image of the unlabelled pool, from one visit to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

NEVER = -1


def last_of_each(positions: Tensor, counted: Tensor) -> Tensor:
    """For each row of a batch, the last row that counts and shows the same image: a batch may draw an image twice.

    Args:
        positions: int64 (n,), places of the images in the pool.
        counted: bool (n,), the rows that count.

    Returns:
        int64 (n,), rows; :data:`NEVER` where no row of the image counts.
    """
    import torch

    order = torch.arange(len(positions), device=positions.device)
    same = positions[:, None] == positions
    return torch.where(same & counted, order, NEVER).amax(1)
