"""The records of a run beside its checkpoints.

``journal.jsonl`` has a line for each start and each end of an attempt, ``progress.json`` the progress of the latest
attempt, and ``failed.json`` the reason why another attempt would fail, too. ``refused.json`` is the refusal of the last
submission or start, until one is accepted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from spl.attempts.plain_file import read_plain
from spl.attempts.slurm import own_job_number
from spl.errors import FailedBeforeError, InputError, NotFiniteError

JOURNAL, PROGRESS, FAILURE, REFUSAL = "journal.jsonl", "progress.json", "failed.json", "refused.json"

# No run has more, and nothing that is computed from them overflows; NaN and infinity are none
Count = Annotated[int, Field(ge=0, lt=10**15)]
Amount = Annotated[float, Field(ge=0, lt=1e15)]


@dataclass(frozen=True)
class Attempt:
    """One attempt at a run.

    Attributes:
        identity: of the run, as :func:`spl.provenance.identity.run_identity` computes it.
        begun: time of its start, ISO 8601 with zone.
        host: name of the machine.
        job: number of its SLURM job; None outside SLURM.
        first: steps done before it.
        checkpoint: the first digits of the sha256 of the checkpoint that it resumed from; None if it began anew, and
            in journals of earlier versions.
        status: "done", "interrupted" or "failed"; "open" until it ends, and if it was killed.
        reason: why it ended.
        seconds: how long it took.
        memory_mb, gpu_memory_mb: peak memory.
    """

    identity: str
    begun: str
    host: str
    job: str | None
    first: Count
    status: str = "open"
    reason: str = ""
    seconds: Amount = 0.0
    memory_mb: Count = 0
    gpu_memory_mb: Count = 0
    checkpoint: str | None = None


@dataclass(frozen=True)
class Progress:
    """Progress of an attempt.

    Attributes:
        time: of this record, in seconds since the epoch.
        step, steps: steps done, and steps of the whole run.
        pace: steps per second in this attempt; None until it is known.
        error: test error, between 0 and 1, of the latest evaluation of this attempt; None before the first.
        seconds: since this attempt began.
    """

    time: Amount
    step: Count
    steps: Count
    pace: Annotated[Amount, Field(ge=1e-9)] | Literal[0] | None
    error: Amount | None
    seconds: Amount


@dataclass(frozen=True)
class Refusal:
    """Why a run could not start.

    Attributes:
        time: ISO 8601 with zone.
        reason: SLURM's words, or why the machine or the inputs are not fit.
        by: "SLURM" if it refused the submission, else "spl train".
        job: number of the SLURM job that had started; None outside SLURM, and if SLURM refused it.
    """

    time: str
    reason: str
    by: str
    job: str | None


ATTEMPT, PROGRESS_MADE, REFUSED = TypeAdapter(Attempt), TypeAdapter(Progress), TypeAdapter(Refusal)


def note(folder: Path, **event: Any) -> None:
    """Add a line to a run's journal; a full disk must not end the run."""
    with suppress(OSError), (folder / JOURNAL).open("a") as journal:
        # The line before may have been cut off.
        journal.write("\n" + json.dumps({"time": now(), **event}))


def note_progress(folder: Path, progress: Progress) -> None:
    """Replace the record of progress, atomically; a full disk must not end the run."""
    temporary = folder / f"{PROGRESS}.{os.getpid()}"
    with suppress(OSError):
        try:
            temporary.write_text(json.dumps(vars(progress)))
            temporary.replace(folder / PROGRESS)
        except OSError:
            temporary.unlink()


def read_attempts(folder: Path) -> list[Attempt]:
    """The attempts at a run, in order."""
    attempts: list[Attempt] = []
    for event in _events(folder):
        fields = {key: value for key, value in event.items() if key in Attempt.__dataclass_fields__}
        with suppress(KeyError, ValueError):  # a foreign line
            if event["event"] == "start":
                attempts.append(ATTEMPT.validate_python({**fields, "begun": event["time"]}))
            elif attempts:
                attempts[-1] = ATTEMPT.validate_python({**vars(attempts[-1]), **fields})
    return attempts


def read_progress(folder: Path) -> Progress | None:
    """The newest record of progress; None without a readable one."""
    try:
        return PROGRESS_MADE.validate_json(read_plain(folder / PROGRESS))
    except (OSError, ValueError):
        return None


def note_refusal(folder: Path, reason: str, by: str, job: str | None) -> None:
    """Record that a run could not start; a full disk must not hide the reason itself."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / REFUSAL).write_text(json.dumps(vars(Refusal(now(), reason, by, job))) + "\n")


def read_refusal(folder: Path) -> Refusal | None:
    """The refusal of the last submission or start; None if it was accepted."""
    try:
        return REFUSED.validate_json(read_plain(folder / REFUSAL))
    except (OSError, ValueError):
        return None


def remove_refusal(folder: Path) -> None:
    """A submission or start was accepted."""
    with suppress(OSError):
        (folder / REFUSAL).unlink()


@contextmanager
def refusal_recorded(folder: Path) -> Iterator[None]:
    """Record why a run cannot be trained here, if so: whoever submitted this job then does not try again."""
    remove_refusal(folder)
    try:
        yield
    except (InputError, NotFiniteError, FailedBeforeError) as error:
        note_refusal(folder, str(error), by="spl train", job=own_job_number())
        raise


def now() -> str:
    """The present time as in journals: UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _events(folder: Path) -> Iterator[dict[str, Any]]:
    with suppress(OSError):
        for line in read_plain(folder / JOURNAL).decode(errors="replace").splitlines():
            with suppress(ValueError, RecursionError):  # a line that a full disk or a crash cut off
                event = json.loads(line)
                if isinstance(event, dict):
                    yield event
