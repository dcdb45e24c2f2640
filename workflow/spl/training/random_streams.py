"""Random draws by counter: each draw of a run follows from (seed, stream, step) alone.

No generator state is carried from step to step, so a resumed run draws what an uninterrupted one draws, and two
methods with the same seed see the same images in the same views.
"""

from __future__ import annotations

import hashlib

import torch


def generator(seed: int, stream: str, step: int = 0) -> torch.Generator:
    """A CPU generator for one draw.

    Args:
        seed: the training seed.
        stream: name of the draw, such as "labelled batch".
        step: counts from 0.
    """
    digest = hashlib.blake2b(f"{seed}:{stream}:{step}".encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little"))
