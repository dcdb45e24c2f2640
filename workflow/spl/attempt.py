"""One attempt at a run: the only one at a time, ended before its job's time is over, and on record."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from spl import slurm
from spl.checkpoints import Checkpoints
from spl.distributed import launch
from spl.errors import DeviceError, FailedBeforeError, InputError, InterruptedTrainingError, NotFiniteError
from spl.evaluation import Evaluation
from spl.journal import FAILURE, Progress, note, note_progress, now
from spl.provenance.fingerprint import training_code
from spl.runs import run_identity, train_run
from spl.writer import Writer

TICK = 1.0
NOTE = 10.0
"""Seconds between two looks for a reason to end, and between two records of progress."""
RESERVE, LARGEST_RESERVE = 0.1, 300.0
"""Part of the time that a job has left, and the seconds at most, that are kept for saving and leaving."""
OUT_OF_TIME = "its job's time is over"
PATIENCE = 600.0
"""Seconds that a job waits for SLURM to end it."""


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


def attempt(
    parameter: Mapping[str, Any],
    data: Path,
    split: Path,
    calibration: Path | None,
    output: Path,
    folder: Path,
    interval: float,
    report: Callable[[Evaluation], None],
    tell: Callable[[str], None],
) -> None:
    """Train a run, from where an earlier attempt left off.

    SIGINT, SIGTERM, SIGUSR1, a newer writer and the end of the job's time make it save and end. In the last case, and
    after a SIGTERM that does not come with the end of its job, it puts the job back into the queue.

    Args:
        parameter: the run's canonical parameter.
        data, split, calibration, output: as :func:`spl.runs.train_run` says.
        folder: of the run's checkpoints; no other run has it.
        interval: seconds between two checkpoints.
        report: called with each evaluation, in the first process of the training.
        tell: called with one line for each thing a person should know.

    Raises:
        InputError: the inputs cannot be used, the machine lacks a device, or the code is not what was planned.
        NotFiniteError, FailedBeforeError: more of the same would not mend it; ``failed.json`` says why.
        InterruptedTrainingError: after a checkpoint was written.
    """
    _check_code(parameter)
    position = Position()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda number, _: position.stop(signal.Signals(number).name))
    settings = parameter["settings"]
    try:
        with Writer(folder, position.asked, tell) as writer:
            kept = Checkpoints(folder / run_identity(parameter, data, split, calibration), interval, tell)
            inputs = parameter, data, split, calibration, output, partial(_evaluated, position, report), kept
            with (
                _remembered(folder, kept),
                _recorded(folder, kept, position),
                _watched(folder, writer, position, settings["steps"]),
            ):
                launch(settings["processes"], settings["device"], train_run, *inputs, position.after)
    except InterruptedTrainingError:
        _leave(position.why, tell)
        raise


def _check_code(parameter: Mapping[str, Any]) -> None:
    planned, present = parameter["code"], training_code(parameter["method"])
    if planned != present:
        raise InputError(
            f"code of {parameter['method']}: expected what was planned, {planned[:12]}, found {present[:12]}: "
            "it was edited since; start Snakemake again"
        )


def _evaluated(position: Position, report: Callable[[Evaluation], None], evaluation: Evaluation) -> None:
    position.evaluated(evaluation)
    report(evaluation)


@contextmanager
def _remembered(folder: Path, kept: Checkpoints) -> Iterator[None]:
    """Refuse what failed for good before, and remember what does now."""
    record, identity = folder / FAILURE, kept.folder.name
    with suppress(FileNotFoundError):
        failure = json.loads(record.read_text())
        if failure["identity"] == identity:
            raise FailedBeforeError(f"failed on {failure['time']}: {failure['reason']}; to try again remove {record}")
    try:
        yield
    except DeviceError:  # another machine may have it
        raise
    except (NotFiniteError, InputError) as error:
        record.write_text(json.dumps({"identity": identity, "time": now(), "reason": str(error)}) + "\n")
        raise
    record.unlink(missing_ok=True)


@contextmanager
def _recorded(folder: Path, kept: Checkpoints, position: Position) -> Iterator[None]:
    """Write the start and the end of an attempt into the journal."""
    began, newest = time.monotonic(), kept.newest()
    found = int(newest.name.split("-")[1]) if newest else 0
    where = {"host": socket.gethostname(), "pid": os.getpid(), "job": slurm.job()}
    note(folder, event="start", identity=kept.folder.name, first=found, **where)
    status, reason = "done", ""
    try:
        yield
    except BaseException as error:
        status = "interrupted" if isinstance(error, InterruptedTrainingError) else "failed"
        reason = f"{error}: {position.why}" if position.why else str(error) or type(error).__name__
        raise
    finally:
        note(
            folder,
            event="end",
            status=status,
            reason=reason,
            seconds=round(time.monotonic() - began, 1),
            memory_mb=round(_memory_mb()),
            gpu_memory_mb=round(position.gpu_mb),
        )


def _memory_mb() -> float:
    """The most memory of this process and of the largest that it started."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(resource.getrusage(one).ru_maxrss for one in who) * 1024 / 1e6


@contextmanager
def _watched(folder: Path, writer: Writer, position: Position, steps: int) -> Iterator[None]:
    """Look for reasons to end the training, and write down how far it is, while it goes on."""
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(over, folder, writer, position, steps), daemon=True)
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()


def _watch(over: threading.Event, folder: Path, writer: Writer, position: Position, steps: int) -> None:
    began = noted = time.monotonic()
    ends = _end_of_job(math.inf)
    reserve = min(LARGEST_RESERVE, RESERVE * (ends - began))
    first: tuple[int, float] | None = None

    def note_now(moment: float) -> None:
        pace = (position.step - first[0]) / (moment - first[1]) if first and moment > first[1] else None
        note_progress(folder, Progress(time.time(), position.step, steps, pace, position.error, moment - began))

    while not over.wait(TICK):
        moment = time.monotonic()
        if writer.replaced():
            position.stop("a newer writer")
        if moment >= ends - reserve and not position.asked():
            ends = _end_of_job(ends)  # somebody may have given it more time
            if moment >= ends - reserve:
                position.stop(OUT_OF_TIME)
        if first is None and position.step:
            first = position.step, moment
        if first and moment - noted >= NOTE:
            note_now(moment)
            noted = moment
    if position.step:
        note_now(time.monotonic())


def _end_of_job(unknown: float) -> float:
    """When this job's time is over, on the monotonic clock; ``unknown`` where nobody says."""
    number = slurm.job()
    left = slurm.seconds_left(number) if number else None
    return unknown if left is None else time.monotonic() + left


def _leave(why: str, tell: Callable[[str], None]) -> None:
    """Put this job back into the queue, unless SLURM is ending it already, and wait to be ended; or return.

    A job that ends by itself has failed, in SLURM's eyes, also in the time that a preempted one is given.
    """
    number = slurm.job()
    if not number or why not in (OUT_OF_TIME, signal.SIGTERM.name):
        return
    if slurm.is_running(number) and not slurm.requeue(number):
        tell(f"SLURM does not put job {number} back into the queue")
        return
    tell(f"saved, waiting for SLURM to end job {number}: {why}")
    time.sleep(PATIENCE)
