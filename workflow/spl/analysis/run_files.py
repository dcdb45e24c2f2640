"""Which of a job's inputs belongs to which run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def file_of_run(inputs: Iterable[Path], run: str, name: str) -> Path:
    """The input with this name in the folder of a run."""
    return next(path for path in inputs if path.as_posix().endswith(f"runs/{run}/{name}"))
