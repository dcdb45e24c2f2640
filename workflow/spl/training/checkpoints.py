"""Checkpoints of a run: written completely or not at all, checked before use, the previous one kept."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

INTERVAL = 300.0  # seconds between two checkpoints by default
KEPT = 2
DIGEST = 16
# How file systems refuse to sync a folder that they cannot sync.
CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


@dataclass(frozen=True)
class Checkpoint:
    """Everything that a run carries from step to step.

    Attributes:
        step: steps done.
        tensors: by name.
        record: everything else, as JSON.
    """

    step: int
    tensors: dict[str, Tensor]
    record: dict[str, Any]


class Checkpoints:
    """The checkpoints of one run, in a folder of their own.

    A file's name ends with the sha256 of its content, so that a torn or damaged file is recognised.

    Args:
        folder: belongs to one identity of the run (parameter, split and data).
        interval: seconds between two checkpoints.
        tell: called with one line for each event that a person should know of.
    """

    def __init__(self, folder: Path, interval: float, tell: Callable[[str], None]) -> None:
        self.folder = folder
        self.interval = interval
        self.tell = tell
        self.last = time.monotonic()

    def due(self) -> bool:
        """Whether the interval has passed since the last checkpoint."""
        return time.monotonic() - self.last >= self.interval

    def write(self, checkpoint: Checkpoint) -> bool:
        """Write a checkpoint and remove all but the newest two; False, with a line, if it cannot be written."""
        self.last = time.monotonic()
        content = save(checkpoint.tensors, {"record": json.dumps(checkpoint.record), "run": self.folder.name})
        digest = hashlib.sha256(content).hexdigest()[:DIGEST]
        path = self.folder / f"step-{checkpoint.step:09d}-{digest}.safetensors"
        temporary = path.with_suffix(f".{os.getpid()}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            _sync_folder(self.folder)
            for old in self._newest_first()[KEPT:]:
                old.unlink()
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            self.tell(f"no checkpoint at step {checkpoint.step}: {error.strerror}: {self.folder}")
            return False
        return True

    def read(self) -> Checkpoint | None:
        """The newest intact checkpoint, if there is one."""
        for path in self._newest_first():
            try:
                checkpoint = _read(path)
            except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
                self.tell(f"{path}: not used, {error}")
                continue
            self.tell(f"resuming after step {checkpoint.step} from {path}")
            return checkpoint
        return None

    def newest(self) -> Path | None:
        """Path of the newest checkpoint, if there is one."""
        return next(iter(self._newest_first()), None)

    def _newest_first(self) -> list[Path]:
        return sorted(self.folder.glob(f"step-{'[0-9]' * 9}-*.safetensors"), reverse=True)


def _read(path: Path) -> Checkpoint:
    if hashlib.sha256(path.read_bytes()).hexdigest()[:DIGEST] != path.stem.split("-")[2]:
        raise ValueError("its content is not what was written")
    with safe_open(path, "pt") as file:
        if file.metadata()["run"] != path.parent.name:
            raise ValueError("it is another run's")
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, a safetensors file has keys() but cannot be iterated
        record = json.loads(file.metadata()["record"])
    checkpoint = Checkpoint(int(path.stem.split("-")[1]), tensors, record)
    _check_evaluations(checkpoint)
    return checkpoint


def _check_evaluations(checkpoint: Checkpoint) -> None:
    """Refuse a record of measures that does not fit the predictions of the same evaluations.

    Raises:
        ValueError, KeyError, TypeError: it does not.
    """
    steps = [int(measures["step"]) for measures in checkpoint.record["measures"]]
    predictions = len(checkpoint.tensors.get("predicted", ()))
    if len(steps) != predictions:
        raise ValueError(f"it holds measures of {len(steps)} evaluations and predictions of {predictions}")
    if steps != sorted(set(steps)) or max(steps, default=0) > checkpoint.step:
        raise ValueError("its evaluations are not in the order of the steps before it")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in CANNOT_SYNC:
            raise
    finally:
        os.close(descriptor)
