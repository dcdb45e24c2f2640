"""One attempt at a run: the only one at a time, ended before its job's time is over, and on record."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from spl.attempts import slurm
from spl.attempts.journal import FAILURE, note, now
from spl.attempts.lock import Writer
from spl.attempts.watchdog import OUT_OF_TIME, Position, watched
from spl.errors import DamagedError, FailedBeforeError, InterruptedTrainingError, NotFiniteError
from spl.training.checkpoints import Checkpoints
from spl.training.evaluation import Evaluation
from spl.training.processes import launch
from spl.training.run import train_run

PATIENCE = 600.0
"""Seconds that a job waits for SLURM to end it."""


def attempt(
    parameter: Mapping[str, Any],
    data: Path,
    split: Path,
    calibration: Path | None,
    output: Path,
    folder: Path,
    identity: str,
    interval: float,
    report: Callable[[Evaluation], None],
    tell: Callable[[str], None],
) -> None:
    """Train a run, from where an earlier attempt left off.

    SIGINT, SIGTERM, SIGUSR1, a newer writer and the end of the job's time make it save and end. In the last case, and
    after a SIGTERM that does not come with the end of its job, it puts the job back into the queue.

    Args:
        parameter: the run's canonical parameter.
        data, split, calibration, output: as :func:`spl.training.run.train_run` says.
        folder: of the run's checkpoints; no other run has it.
        identity: names what may go on from these checkpoints, as :func:`spl.provenance.identity.run_identity`.
        interval: seconds between two checkpoints.
        report: called with each evaluation, in the first process of the training.
        tell: called with one line for each thing a person should know.

    Raises:
        InputError: the inputs cannot be used, or the machine lacks a device.
        NotFiniteError, FailedBeforeError: more of the same would not mend it; ``failed.json`` says why.
        InterruptedTrainingError: after a checkpoint was written.
    """
    position = Position()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda number, _: position.stop(signal.Signals(number).name))
    settings = parameter["settings"]
    kept = Checkpoints(folder / identity, interval, tell)
    before = kept.newest()
    try:
        with Writer(folder, position.asked, tell) as writer:
            inputs = parameter, data, split, calibration, output, partial(_evaluated, position, report), kept
            with (
                _remembered(folder, kept),
                _recorded(folder, kept, position, settings["processes"]),
                watched(folder, writer, position, settings["steps"]),
            ):
                launch(settings["processes"], settings["device"], train_run, *inputs, position.after)
    except InterruptedTrainingError:
        if kept.newest() != before:  # what has saved nothing would begin there again and again
            _leave(position.why, tell)
        raise


def _evaluated(position: Position, report: Callable[[Evaluation], None], evaluation: Evaluation) -> None:
    position.evaluated(evaluation)
    report(evaluation)


@contextmanager
def _remembered(folder: Path, kept: Checkpoints) -> Iterator[None]:
    """Refuse what failed for good before, and remember what does now."""
    record, identity = folder / FAILURE, kept.folder.name
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        failure = json.loads(record.read_text())
        if failure["identity"] == identity:
            raise FailedBeforeError(f"failed on {failure['time']}: {failure['reason']}; to try again remove {record}")
    try:
        yield
    except (NotFiniteError, DamagedError) as error:
        with suppress(OSError):
            record.write_text(json.dumps({"identity": identity, "time": now(), "reason": str(error)}) + "\n")
        raise
    record.unlink(missing_ok=True)


@contextmanager
def _recorded(folder: Path, kept: Checkpoints, position: Position, processes: int) -> Iterator[None]:
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
            memory_mb=round(_memory_mb(processes)),
            gpu_memory_mb=round(position.gpu_mb),
        )


def _memory_mb(processes: int) -> float:
    """The most memory of this process, and of those that train if they are others: as many times the largest."""
    own, largest = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (own + (processes * largest if processes > 1 else 0)) * 1024 / 1e6


def _leave(why: str, tell: Callable[[str], None]) -> None:
    """Put this job back into the queue, unless SLURM is ending it already, and wait to be ended; or return.

    A job that ends by itself has failed, in SLURM's eyes, also in the time that a preempted one is given.
    """
    number = slurm.job()
    if not number or why not in (OUT_OF_TIME, signal.SIGTERM.name):
        return
    if slurm.may_go_on(number) and not slurm.requeue(number):
        tell(f"SLURM does not put job {number} back into the queue")
        return
    tell(f"saved, waiting for SLURM to end job {number}: {why}")
    time.sleep(PATIENCE)
