"""What the attempts at a run leave on record beside its checkpoints, and what is read from it.

``journal.jsonl`` has a line for each start and each end of an attempt; ``progress.json`` says how far the latest one
is; ``failed.json`` why more of the same would not help.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

JOURNAL, PROGRESS, FAILURE = "journal.jsonl", "progress.json", "failed.json"


@dataclass(frozen=True)
class Attempt:
    """One attempt at a run.

    Attributes:
        identity: of the run, as :func:`spl.provenance.identity.run_identity` names it.
        begun: time of its start, ISO 8601 with zone.
        host: where.
        job: number of its SLURM job, if it was one.
        first: steps done before it.
        status: "done", "interrupted" or "failed"; "open" as long as it has not ended, or if it was killed.
        reason: why it ended.
        seconds: how long it took.
        memory_mb, gpu_memory_mb: the most that it held.
    """

    identity: str
    begun: str
    host: str
    job: str | None
    first: int
    status: str = "open"
    reason: str = ""
    seconds: float = 0.0
    memory_mb: int = 0
    gpu_memory_mb: int = 0


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes:
        time: of this record, in seconds of the epoch.
        step, steps: done, and of the whole training.
        pace: steps a second in this attempt, if known yet.
        error: of the latest evaluation of this attempt, a share, if there was one.
        seconds: since this attempt began.
    """

    time: float
    step: int
    steps: int
    pace: float | None
    error: float | None
    seconds: float


def note(folder: Path, **event: Any) -> None:
    """Add a line to a run's journal; a disk that does not take it must not end a training."""
    with suppress(OSError), (folder / JOURNAL).open("a") as journal:
        # The line before may have been cut off.
        journal.write("\n" + json.dumps({"time": now(), **event}))


def note_progress(folder: Path, progress: Progress) -> None:
    """Put a record of progress in the place of the last one, whole or not at all."""
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
        with suppress(KeyError, TypeError):  # a line that nobody here wrote
            if event["event"] == "start":
                attempts.append(Attempt(begun=event["time"], **fields))
            elif attempts:
                attempts[-1] = Attempt(**{**vars(attempts[-1]), **fields})
    return attempts


def read_progress(folder: Path) -> Progress | None:
    """The newest record of progress, if there is one."""
    try:
        return Progress(**json.loads((folder / PROGRESS).read_text()))
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def now() -> str:
    """The time as journals write it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _events(folder: Path) -> Iterator[dict[str, Any]]:
    with suppress(OSError):
        for line in (folder / JOURNAL).read_text(errors="replace").splitlines():
            with suppress(ValueError, RecursionError):  # a line that a full disk or a crash cut off
                event = json.loads(line)
                if isinstance(event, dict):
                    yield event
