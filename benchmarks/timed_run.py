"""Train on random images for a few seconds, and print the steps per second.

``timed_run.py TASK``, TASK being JSON: ``method``, ``settings``, ``pixels``, ``classes``, ``seconds`` and ``waits``. If
it waits, it prints a line when it is warm, and goes on when a line comes, so that several such runs are timed together.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from spl.study.labels import CALIBRATED

if TYPE_CHECKING:
    from spl.study.settings import Settings

IMAGES = 1000
WARM = {False: 5, True: 50}  # steps before a measurement begins; on CUDA kernels are loaded and a graph is recorded
FEWEST = 3  # steps that a measurement takes at least
ENDLESS = 2**40  # steps: neither the schedule nor an evaluation ends a measurement


@dataclass
class Stopwatch:
    """Times steps: called after each of them with the number of steps done, it returns whether to stop."""

    seconds: float
    waits: bool
    cuda: bool
    first: int = 0
    began: float = 0.0

    def __call__(self, done: int) -> bool:
        """Look at the clock; the first process of a run prints, the others follow it."""
        from spl.training.processes import rank

        if rank() or done < WARM[self.cuda]:
            return False
        if not self.first:
            self._finish_queue()
            if self.waits:
                print("warm", flush=True)
                sys.stdin.readline()
            self.first, self.began = done, time.perf_counter()
        elif done - self.first >= FEWEST and time.perf_counter() - self.began >= self.seconds:
            self._finish_queue()
            print((done - self.first) / (time.perf_counter() - self.began), flush=True)
            return True
        return False

    def _finish_queue(self) -> None:
        """Wait for the device, which computes behind the host."""
        if self.cuda:
            import torch

            torch.cuda.synchronize()


def train_randomly(method: str, settings: dict[str, Any], pixels: int, classes: int, stopwatch: Stopwatch) -> None:
    """Train on random colour images until the stopwatch says stop."""
    from spl.data.splits import Split
    from spl.data.store import Dataset
    from spl.errors import InterruptedTrainingError
    from spl.training.loop import train

    draw = np.random.default_rng(0)
    images = draw.integers(256, size=(max(IMAGES, classes), 3, pixels, pixels), dtype=np.uint8)
    known = np.arange(len(images)) % classes
    dataset = Dataset(images, known, images[:classes], known[:classes])
    split = Split("random", 0, [*range(classes)], [], None, [1] * classes, np.bincount(known).tolist())
    endless = {"steps": ENDLESS, "stop": None, "evaluate_every": ENDLESS, "evaluate_late_every": ENDLESS}
    numbers = {name: 1.0 for name, value in settings.items() if value == CALIBRATED}
    used = cast("Settings", SimpleNamespace(**(settings | endless | numbers)))
    grey = [125.0] * 3, [60.0] * 3
    with suppress(InterruptedTrainingError):
        train(dataset, grey, split, method, used, 0, print, interrupted=stopwatch)


def main(task: dict[str, Any]) -> None:
    """Train in as many processes as the settings say."""
    from spl.training import instructions

    settings = task["settings"]
    instructions.limit(settings["instructions"])  # before torch is imported
    from spl.training.processes import launch

    stopwatch = Stopwatch(task["seconds"], task["waits"], settings["device"] == "cuda")
    work = train_randomly, task["method"], settings, task["pixels"], task["classes"], stopwatch
    launch(settings["processes"], settings["device"], *work)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
