"""Random draws by counter: each draw of a run follows from (seed, stream, step) alone.

No generator state is carried from step to step, so a resumed run draws what an uninterrupted one draws, and two
methods with the same seed see the same images in the same views.
"""

from __future__ import annotations

import hashlib

import numpy as np

STEP_WORD = 3  # of the four 64-bit words of Philox's counter; the generator itself counts in the lowest


def generator(seed: int, stream: str, step: int = 0) -> np.random.Generator:
    """The generator of one draw: Philox, with seed and stream as its key and the step in its counter.

    Draws of different steps never overlap: each has 2^192 blocks of the counter to itself.

    Args:
        seed: the training seed.
        stream: name of the draw, such as "labelled batch".
        step: counts from 0.
    """
    key = hashlib.blake2b(f"{seed}:{stream}".encode(), digest_size=16).digest()
    counter = np.zeros(4, dtype=np.uint64)
    counter[STEP_WORD] = step
    return np.random.Generator(np.random.Philox(key=np.frombuffer(key, dtype="<u8"), counter=counter))
