"""The watch over a training: reasons to end it are looked for, and how far it is is written down, while it goes on."""

from __future__ import annotations

import math
import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spl.attempts import slurm
from spl.attempts.journal import Progress, note_progress
from spl.attempts.lock import Writer
from spl.training.evaluation import Evaluation

TICK, NOTE, ASK = 1.0, 10.0, 600.0
"""Seconds between two looks for a reason to end, two records of progress, and two questions for the time left."""
RESERVE, LARGEST_RESERVE = 0.1, 300.0
"""Part of the time that a job has left, and the seconds at most, that are kept for saving and leaving."""
OUT_OF_TIME = "its job's time is over"


class Position:
    """How far a training is and whether it shall end: memory that all of its processes share, without locks.

    Attributes:
        why: it shall end; known to the process that started the training.
    """

    def __init__(self) -> None:
        shared = multiprocessing.get_context("spawn").RawValue
        self._stop, self._step = shared("b", 0), shared("q", 0)
        self._error, self._gpu_mb = shared("d", -1), shared("d", 0)
        self.why = ""

    def stop(self, why: str) -> None:
        """Ask the training to save and end; of several reasons the first counts."""
        self.why = self.why or why
        self._stop.value = 1

    def asked(self) -> bool:
        """Whether the training was asked to end."""
        return bool(self._stop.value)

    def after(self, step: int) -> bool:
        """Note that a step is done; whether to save and end."""
        self._step.value = step
        return self.asked()

    def evaluated(self, evaluation: Evaluation) -> None:
        """Note an evaluation, and the GPU memory that led to it."""
        import torch

        self._error.value = evaluation.measures["test_error"]
        if torch.cuda.is_available():
            self._gpu_mb.value = torch.cuda.max_memory_allocated() / 1e6

    @property
    def step(self) -> int:
        """Steps done; 0 before the first of this attempt."""
        return int(self._step.value)

    @property
    def error(self) -> float | None:
        """Error of the latest evaluation of this attempt, if there is one."""
        return float(self._error.value) if self._error.value >= 0 else None

    @property
    def gpu_mb(self) -> float:
        """The most GPU memory that the first process held, in MB."""
        return float(self._gpu_mb.value)


@contextmanager
def watched(folder: Path, writer: Writer, position: Position, steps: int) -> Iterator[None]:
    """Ask a training to end when a newer writer comes or its job's time runs out, and keep a record of its progress.

    Args:
        folder: of the run's checkpoints.
        writer: of the run.
        position: that the training keeps.
        steps: of the whole training.
    """
    over = threading.Event()

    def watch() -> None:
        try:
            _watch(over, folder, writer, position, steps)
        except BaseException as error:
            position.stop(f"nobody watches over it: {error!r}")
            raise

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _watch(over: threading.Event, folder: Path, writer: Writer, position: Position, steps: int) -> None:
    began = noted = asked = time.monotonic()
    ends = _end_of_job(math.inf)
    reserve = min(LARGEST_RESERVE, RESERVE * (ends - began))
    first: tuple[int, float] | None = None
    last = 0

    def note_now(moment: float) -> None:
        pace = (position.step - first[0]) / (moment - first[1]) if first and moment > first[1] else None
        note_progress(folder, Progress(time.time(), position.step, steps, pace, position.error, moment - began))

    while not over.wait(TICK):
        moment = time.monotonic()
        if writer.replaced():
            position.stop("a newer writer")
        if moment >= min(ends - reserve, asked + ASK) and not position.asked():
            ends, asked = _end_of_job(ends), moment  # somebody may have changed it
            if moment >= ends - reserve:
                position.stop(OUT_OF_TIME)
        if first is None and position.step:
            first = position.step, moment
        if position.step != last and moment - noted >= NOTE:
            note_now(moment)
            noted, last = moment, position.step
    if position.step:
        note_now(time.monotonic())


def _end_of_job(unknown: float) -> float:
    """When this job's time is over, on the monotonic clock; ``unknown`` where nobody says."""
    number = slurm.job()
    left = slurm.seconds_left(number) if number else None
    return unknown if left is None else time.monotonic() + left
