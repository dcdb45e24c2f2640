"""Take our own FixMatch steps with the instructions of one level, to which the environment limits this process.

``limited_step.py SETTINGS CHANNELS SIDE STEPS``, SETTINGS being JSON, takes so many steps on random images for each
line on its standard input and answers it with a line.
"""

from __future__ import annotations

import sys

from spl.study.settings import Settings
from spl.training.backend import set_up_torch
from step import random_pools, whole_step


def main(given: str, channels: int, side: int, steps: int) -> None:
    """Take steps on demand until standard input ends."""
    settings = Settings.model_validate_json(given)
    set_up_torch(settings)
    step = whole_step(settings, random_pools(channels, side))
    for _ in sys.stdin:
        for _ in range(steps):
            step()
        print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
