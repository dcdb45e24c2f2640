"""A seeded order of anything, the same on every machine and under every library version."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def ranked(stream: str, seed: int, indices: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order indices by the sha256 of ``stream:seed:index``.

    A prefix of the order is a uniform draw without replacement, and a longer prefix contains a shorter one. No random
    number generator is involved, so no library can change the draw.

    Args:
        stream: what is drawn; different streams of one seed are independent.
        seed: any integer.
        indices: int64 (n,), without duplicates.

    Returns:
        int64 (n,), the same indices in the drawn order.
    """
    keys = [hashlib.sha256(f"{stream}:{seed}:{index}".encode()).digest() for index in indices.tolist()]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return indices[np.array(order, dtype=np.int64)]
