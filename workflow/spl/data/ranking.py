"""A seeded order of anything, the same on every machine and under every library version."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def ranked(stream: str, seed: int, indices: NDArray[np.int64], names: Sequence[str] | None = None) -> NDArray[np.int64]:
    """Order indices by the sha256 of ``stream:seed:index``, or of ``stream:seed:name`` where they have names.

    A prefix of the order is a uniform draw without replacement, and a longer prefix contains a shorter one. No random
    number generator is involved, so no library can change the draw. Adding or removing a name leaves the order of the
    others as it is.

    Args:
        stream: what is drawn; different streams of one seed are independent.
        seed: any integer.
        indices: int64 (n,), without duplicates.
        names: a name for each possible index.

    Returns:
        int64 (n,), the same indices in the drawn order.
    """
    labels = indices.tolist() if names is None else [names[index] for index in indices.tolist()]
    keys = [hashlib.sha256(f"{stream}:{seed}:{label}".encode()).digest() for label in labels]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return indices[np.array(order, dtype=np.int64)]
