"""Files where somebody else may have left others, as among results that were sent.

Reading waits for no pipe, and takes no more than fits memory; writing follows no link.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

# Bytes of one record or memory, far more than any has: a file may have holes, take no room on a disk, and fill memory.
MOST = 2**26
# Bytes from which a file may not consist of holes but for so small a part: it would take hours to hash.
LARGE, STORED = 2**30, 1 / 64
MOST_COLUMNS = 1000  # of a table: pandas takes kilobytes for each
PROC = "/proc"  # some of its files have no end


def read_plain(path: Path, most: int = MOST) -> bytes:
    """The bytes of a file.

    Raises:
        OSError: there is none, or more than ``most`` bytes; or a pipe, a device or a file of ``/proc``, which would be
            waited for.
    """
    check_plain(path, most)
    with path.open("rb") as file:
        if _is_of_proc(file.fileno()):
            raise FileNotFoundError(errno.ENOENT, "expected a file on a disk", str(path))
        if len(content := file.read(most + 1)) <= most:
            return content
    raise _too_large(path, most)


def check_plain(path: Path, most: int) -> None:
    """Refuse what a library that takes a path would wait for, or could not hold.

    Raises:
        OSError: as of :func:`read_plain`; but some files of ``/proc`` have no end and no size.
    """
    if path.exists() and not path.is_file():
        raise FileNotFoundError(errno.ENOENT, "expected a file", str(path))
    if path.stat().st_size > most:
        raise _too_large(path, most)


def check_columns(table: bytes) -> None:
    """Refuse a table in CSV with more columns than any has, in whatever row.

    Raises:
        ValueError: it has more.
    """
    if any(line.count(b",") > MOST_COLUMNS for line in table.split(b"\n")):
        raise ValueError(f"expected at most {MOST_COLUMNS:,} columns")


def _too_large(path: Path, most: int) -> OSError:
    return OSError(errno.EFBIG, f"expected at most {most:,} bytes", str(path))


def plain_digest(path: Path) -> str:
    """The sha256 of a file.

    Raises:
        OSError: there is none; or a pipe or a device, a file of ``/proc``, or one that has hardly anything but holes.
    """
    if path.exists() and not path.is_file():
        raise FileNotFoundError(errno.ENOENT, "expected a file", str(path))
    with path.open("rb") as file:
        if not _is_stored(file.fileno()):
            raise OSError(errno.EFBIG, "expected a file with an end, and not of holes", str(path))
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_stored(handle: int) -> bool:
    """Whether a file lies on a disk with what its size promises, apart from some holes."""
    if _is_of_proc(handle):
        return False
    state = os.fstat(handle)
    if state.st_size <= LARGE or state.st_blocks * 512 >= state.st_size * STORED:
        return True
    # Some file systems do not count blocks, or later; none tells of holes where there are none.
    hole = os.lseek(handle, 0, os.SEEK_HOLE)
    os.lseek(handle, 0, os.SEEK_SET)
    return hole == state.st_size


def _is_of_proc(handle: int) -> bool:
    with suppress(OSError):
        return os.fstat(handle).st_dev == os.lstat(PROC).st_dev
    return False


def write_note(path: Path, content: bytes) -> None:
    """Write a file atomically, and its folder if that is not there; a link in its place is replaced.

    Nothing is written through a link that waits in the place of the temporary file: its name cannot be foreseen, and it
    must be new.

    Raises:
        OSError: the system refuses; see :func:`spl.campaign.notes.noting`.
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
