"""A thread beside a training run that asks it to stop when it must, and writes its progress to disk."""

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
from spl.attempts.lock import RunLock
from spl.training.evaluation import Evaluation

# Seconds between two checks, between two records of progress, and between two calls to SLURM for the time left.
CHECK, NOTE, ASK = 1.0, 10.0, 600.0
# Share of the time left when a job starts, and at most so many seconds, reserved for saving and leaving.
RESERVE, LARGEST_RESERVE = 0.1, 300.0
OUT_OF_TIME = "its job's time is over"


class SharedState:
    """Progress of a training run and the request to stop it, in memory that all its processes share without locks.

    Attributes:
        reason: why the run shall stop; "" if it need not. Known to the process that started the others.
    """

    def __init__(self) -> None:
        shared = multiprocessing.get_context("spawn").RawValue
        self._stop, self._step = shared("b", 0), shared("q", 0)
        self._error, self._gpu_mb = shared("d", -1), shared("d", 0)
        self.reason = ""

    def request_stop(self, reason: str) -> None:
        """Ask the run to save and end; of several reasons the first counts."""
        self.reason = self.reason or reason
        self._stop.value = 1

    def stop_requested(self) -> bool:
        """Whether the run shall save and end."""
        return bool(self._stop.value)

    def step_done(self, step: int) -> bool:
        """Record the number of steps done; returns whether to save and end."""
        self._step.value = step
        return self.stop_requested()

    def record_evaluation(self, evaluation: Evaluation) -> None:
        """Record the error of an evaluation, and the most GPU memory in use until now."""
        import torch

        self._error.value = evaluation.measures["test_error"]
        if torch.cuda.is_available():
            self._gpu_mb.value = torch.cuda.max_memory_allocated() / 1e6

    @property
    def step(self) -> int:
        """Steps done; 0 before the first step of this attempt."""
        return int(self._step.value)

    @property
    def error(self) -> float | None:
        """Test error, between 0 and 1, of the latest evaluation of this attempt; None before the first."""
        return float(self._error.value) if self._error.value >= 0 else None

    @property
    def gpu_mb(self) -> float:
        """The most GPU memory that the first process held, in MB."""
        return float(self._gpu_mb.value)


@contextmanager
def watchdog(folder: Path, lock: RunLock, state: SharedState, steps: int) -> Iterator[None]:
    """Stop a run when a newer process wants it or its SLURM job runs out of time; keep its progress in its folder.

    ``steps`` is the number of steps of the whole run.
    """
    over = threading.Event()

    def watch() -> None:
        try:
            _watch(over, folder, lock, state, steps)
        except BaseException as error:
            state.request_stop(f"the watchdog failed: {error!r}")
            raise

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _watch(over: threading.Event, folder: Path, lock: RunLock, state: SharedState, steps: int) -> None:
    began = noted = asked = time.monotonic()
    ends = _end_of_job(math.inf)
    reserve = min(LARGEST_RESERVE, RESERVE * (ends - began))
    first: tuple[int, float] | None = None
    last = 0

    def note_now(moment: float) -> None:
        pace = (state.step - first[0]) / (moment - first[1]) if first and moment > first[1] else None
        note_progress(folder, Progress(time.time(), state.step, steps, pace, state.error, moment - began))

    while not over.wait(CHECK):
        moment = time.monotonic()
        if lock.replaced():
            state.request_stop("a newer process trains this run")
        if moment >= min(ends - reserve, asked + ASK) and not state.stop_requested():
            ends, asked = _end_of_job(ends), moment  # the limit may have been changed
            if moment >= ends - reserve:
                state.request_stop(OUT_OF_TIME)
        if first is None and state.step:
            first = state.step, moment
        if state.step != last and moment - noted >= NOTE:
            note_now(moment)
            noted, last = moment, state.step
    if state.step:
        note_now(time.monotonic())


def _end_of_job(unknown: float) -> float:
    """When this job's time is over, on the monotonic clock; ``unknown`` without SLURM or its answer."""
    number = slurm.own_job_number()
    left = slurm.seconds_left(number) if number else None
    return unknown if left is None else time.monotonic() + left
