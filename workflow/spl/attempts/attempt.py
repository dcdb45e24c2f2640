"""One attempt at a run: it holds the run's lock, ends before its job's time is over, and leaves a record."""

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
from spl.attempts.lock import RunLock
from spl.attempts.plain_file import read_plain
from spl.attempts.resumption import checkpoint_digest, checkpoint_step, resumed_checkpoint
from spl.attempts.watchdog import OUT_OF_TIME, SharedState, watchdog
from spl.data.store import check_dataset
from spl.errors import DamagedError, FailedBeforeError, InterruptedTrainingError, NotFiniteError
from spl.study.files import RunInputs
from spl.training.checkpoints import Checkpoints
from spl.training.evaluation import Evaluation
from spl.training.processes import launch
from spl.training.run import train_run

# Seconds that a job waits for SLURM to end it.
PATIENCE = 600.0


def attempt(
    parameter: Mapping[str, Any],
    inputs: RunInputs,
    output: Path,
    folder: Path,
    identity: str,
    digest: str,
    interval: float,
    report: Callable[[Evaluation], None],
    tell: Callable[[str], None],
) -> None:
    """Train a run, from its newest checkpoint if there is one.

    SIGINT, SIGTERM, SIGUSR1, SIGHUP (unless nohup ignores it), a newer process and the end of the job's time make it
    save and end. When its time is over, and after a SIGTERM while SLURM lets the job run on, it puts the job back into
    the queue.

    Args:
        parameter: the run's canonical parameter.
        inputs, output: as in :func:`spl.training.run.train_run`.
        folder: of this run's checkpoints alone.
        identity: of the run, as :func:`spl.provenance.identity.run_identity` computes it; only an attempt with the same
            identity resumes from its checkpoints.
        digest: sha256 of the data set's ``images.safetensors``, which the caller records.
        interval: seconds between two checkpoints.
        report: called with each evaluation, in the first of the run's processes.
        tell: called with each line that the user should see.

    Raises:
        InputError: the inputs cannot be used, or the machine lacks a device.
        NotFiniteError, FailedBeforeError: another attempt would fail, too; ``failed.json`` has the reason.
        InterruptedTrainingError: after a checkpoint was written.
    """
    state = SharedState()
    hung_up = [signal.SIGHUP] * (signal.getsignal(signal.SIGHUP) != signal.SIG_IGN)  # the terminal was closed
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, *hung_up):
        signal.signal(number, lambda number, _: state.request_stop(signal.Signals(number).name))
    settings = parameter["settings"]
    checkpoints = Checkpoints(folder / identity, interval, tell)
    before = checkpoints.newest()
    try:
        with RunLock(folder, state.stop_requested, tell) as lock:
            resumed = resumed_checkpoint(checkpoints.folder, inputs.data, tell)
            arguments = parameter, inputs, output, partial(_evaluated, state, report), checkpoints, state.step_done
            with (
                _final_failure(folder, checkpoints),
                _journal_entry(folder, identity, resumed, state, settings["processes"]),
                watchdog(folder, lock, state, settings["stop"] or settings["steps"]),
            ):
                check_dataset(inputs.data, digest)  # once for all processes
                launch(settings["processes"], settings["device"], train_run, *arguments)
    except InterruptedTrainingError:
        if checkpoints.newest() != before:  # a job that saved nothing would repeat the same work for ever
            _leave(state.reason, tell)
        raise


def _evaluated(state: SharedState, report: Callable[[Evaluation], None], evaluation: Evaluation) -> None:
    state.record_evaluation(evaluation)
    report(evaluation)


@contextmanager
def _final_failure(folder: Path, checkpoints: Checkpoints) -> Iterator[None]:
    """Refuse a run that has failed for good, and record such a failure."""
    record, identity = folder / FAILURE, checkpoints.folder.name
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        failure = json.loads(read_plain(record))
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
def _journal_entry(
    folder: Path, identity: str, resumed: Path | None, state: SharedState, processes: int
) -> Iterator[None]:
    """Write the start and the end of an attempt into the journal."""
    began = time.monotonic()
    start = {"first": checkpoint_step(resumed), "checkpoint": checkpoint_digest(resumed)} if resumed else {"first": 0}
    where = {"host": socket.gethostname(), "pid": os.getpid(), "job": slurm.own_job_number()}
    note(folder, event="start", identity=identity, **start, **where)
    status, reason = "done", ""
    try:
        yield
    except BaseException as error:
        status = "interrupted" if isinstance(error, InterruptedTrainingError) else "failed"
        reason = f"{error}: {state.reason}" if state.reason else str(error) or type(error).__name__
        raise
    finally:
        note(
            folder,
            event="end",
            status=status,
            reason=reason,
            seconds=round(time.monotonic() - began, 1),
            memory_mb=round(_memory_mb(processes)),
            gpu_memory_mb=round(state.gpu_mb),
        )


def _memory_mb(processes: int) -> float:
    """Peak memory in MB: of this process, plus ``processes`` times the largest of its children if these train."""
    own, largest = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (own + (processes * largest if processes > 1 else 0)) * 1024 / 1e6


def _leave(reason: str, tell: Callable[[str], None]) -> None:
    """Put this job back into the queue, unless SLURM is ending it already, and wait to be ended; or return.

    SLURM counts a job that ends by itself as failed, even in the grace time of a preempted job.
    """
    number = slurm.own_job_number()
    if not number or reason not in (OUT_OF_TIME, signal.SIGTERM.name):
        return
    if slurm.may_go_on(number) and not slurm.requeue(number):
        tell(f"SLURM refuses to requeue job {number}")
        return
    tell(f"saved, waiting for SLURM to end job {number}: {reason}")
    time.sleep(PATIENCE)
