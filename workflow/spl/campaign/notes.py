"""What Snakemake notes about a campaign among the results: written whole or not at all, or refused in one line."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spl.errors import InputError


def write_note(path: Path, content: bytes) -> None:
    """Write a file atomically, and its folder if that is not there.

    Nothing is written through a link that waits in the place of the temporary file, as in results that somebody sent:
    its name cannot be foreseen, and it must be new.

    Raises:
        OSError: the system refuses: see :func:`noting`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


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
