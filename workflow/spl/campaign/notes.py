"""What stands in the way of notes among the results, in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spl.errors import InputError


@contextmanager
def noting(results: Path) -> Iterator[None]:
    """Report what the system refuses to write below the results of a study.

    Raises:
        InputError: naming the place, and what stands in the way.
    """
    try:
        yield
    except OSError as error:
        reason = f"{error.filename or results}: {error.strerror}"
        raise InputError(obstacle(results) or f"{reason}; expected a folder to write to, with room") from error


def obstacle(results: Path) -> str | None:
    """What is in the place of a folder: a link that leads nowhere, as after its target was removed, or a file."""
    for place in (*reversed(results.parents), results):
        if place.is_symlink() and not place.exists():
            return f"{place}: expected a folder, found a link to {place.readlink()}, which is not there"
        if place.exists() and not place.is_dir():
            return f"{place}: expected a folder, found a file"
    return None
