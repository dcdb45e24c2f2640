"""A run has one writer at a time: a newer one asks the holder to save and end, and follows when that one is gone.

The claim is a lock of the operating system on a file, so that it ends with the process, however that ends. The name of
the newest claimant lies beside it.
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

from spl.attempts.slurm import job
from spl.errors import InputError, InterruptedTrainingError

LOCK = "writer.json"
PAUSE = 0.5
"""Seconds between two looks at what others do."""


class Writer:
    """The right to write a run, as a context: entering it waits for the holder to end.

    Args:
        folder: of the run's checkpoints.
        interrupted: asked while waiting whether to give up.
        tell: called with one line for each thing a person should know.
    """

    def __init__(self, folder: Path, interrupted: Callable[[], bool], tell: Callable[[str], None]) -> None:
        self.name = f"{time.time_ns()}-{socket.gethostname()}-{os.getpid()}"
        self.lock = folder / LOCK
        self.newest = folder / "newest-writer"
        self.interrupted = interrupted
        self.tell = tell

    def __enter__(self) -> Self:
        """Wait until nobody else writes the run.

        Raises:
            InputError: the file system has no locks.
            InterruptedTrainingError: a still newer writer came, or waiting was interrupted.
        """
        self.lock.parent.mkdir(parents=True, exist_ok=True)
        replacing = self.newest.with_suffix(f".{os.getpid()}")
        replacing.write_text(self.name)
        replacing.replace(self.newest)
        self.file = self.lock.open("a+")
        try:
            self._wait()
        except BaseException:
            self.file.close()
            raise
        self.file.truncate(0)
        self.file.write(json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "job": job()}))
        self.file.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let the next one write."""
        self.file.close()

    def replaced(self) -> bool:
        """Whether a newer writer wants the run."""
        try:
            return self.newest.read_text() != self.name
        except (OSError, ValueError):  # a file system that does not answer, or not sensibly, is no reason to end
            return False

    def _wait(self) -> None:
        told = False
        while not self._lock():
            if not told:
                self.file.seek(0)
                self.tell(f"waiting until an older writer of this run has saved its state: {self.file.read()}")
                told = True
            time.sleep(PAUSE)
            if self.interrupted() or self.replaced():
                break
        if self.interrupted():
            raise InterruptedTrainingError("interrupted before the run was free")
        if self.replaced():
            raise InterruptedTrainingError("left to a newer writer of this run")

    def _lock(self) -> bool:
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
    """Whether somebody writes a run now; its writer does not notice the question."""
    try:
        with (folder / LOCK).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
