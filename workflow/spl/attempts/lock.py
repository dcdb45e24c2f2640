"""One process at a time trains a run; a newer one asks the older one to save and end, and takes over from it.

The lock is the operating system's, on a file: it is released when its process ends, however that happens. Beside it
lies the name of the newest process that wants it.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from spl.attempts.slurm import own_job_number
from spl.errors import InputError, InterruptedTrainingError

LOCK = "writer.json"
# Seconds between two tries to get the lock.
PAUSE = 0.5


class RunLock:
    """The right to train a run, as a context: entering it waits until the present holder has ended.

    Args:
        folder: of the run's checkpoints.
        interrupted: called while waiting; returns whether to give up.
        tell: called with each line that the user should see.
    """

    def __init__(self, folder: Path, interrupted: Callable[[], bool], tell: Callable[[str], None]) -> None:
        self.name = f"{time.time_ns()}-{socket.gethostname()}-{os.getpid()}"
        self.lock = folder / LOCK
        self.newest = folder / "newest-writer"
        self.interrupted = interrupted
        self.tell = tell

    def __enter__(self) -> Self:
        """Wait for the lock, and write host, process and SLURM job into its file.

        Raises:
            InputError: the file system has no locks.
            InterruptedTrainingError: an even newer process wants the lock, or waiting was interrupted.
        """
        self.lock.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.newest.with_suffix(f".{os.getpid()}")
        temporary.write_text(self.name)
        temporary.replace(self.newest)
        self.file = self.lock.open("a+")
        try:
            self._wait()
        except BaseException:
            self.file.close()
            raise
        self.file.truncate(0)
        holder = {"host": socket.gethostname(), "pid": os.getpid(), "job": own_job_number()}
        self.file.write(json.dumps(holder))
        self.file.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Release the lock."""
        self.file.close()

    def replaced(self) -> bool:
        """Whether a newer process wants the lock."""
        try:
            return self.newest.read_text() != self.name
        except (OSError, ValueError):  # a file system that fails for a moment is no reason to end
            return False

    def _wait(self) -> None:
        announced = False
        while not self._try_lock():
            if not announced:
                self.file.seek(0)
                self.tell(f"waiting until the process that trains this run has saved and ended: {self.file.read()}")
                announced = True
            time.sleep(PAUSE)
            if self.interrupted() or self.replaced():
                break
        if self.interrupted():
            raise InterruptedTrainingError("interrupted while waiting for the process that trains this run")
        if self.replaced():
            raise InterruptedTrainingError("a newer process trains this run")

    def _try_lock(self) -> bool:
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise InputError(
                f"{self.lock}: expected a file system with locks: {error.strerror}; "
                "without them a run could be trained twice at once: see `directory` of Snakemake's profile"
            ) from error
        return True


def is_held(folder: Path) -> bool:
    """Whether a process trains the run with these checkpoints now; the process does not notice the check."""
    if not (folder / LOCK).is_file():  # a pipe would be waited for
        return False
    try:
        with (folder / LOCK).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
