"""Files where somebody else may have left others, as among results that were sent.

Reading waits for no pipe, and takes no more than fits memory; writing follows no link.
"""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

# Bytes of one record or memory, far more than any has: a file may have holes, take no room on a disk, and fill memory.
MOST = 2**26


def read_plain(path: Path, most: int = MOST) -> bytes:
    """The bytes of a file.

    Raises:
        OSError: there is none, or more than ``most`` bytes; or a pipe or a device, which would be waited for.
    """
    if path.exists() and not path.is_file():
        raise FileNotFoundError(errno.ENOENT, "expected a file", str(path))
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size <= most and len(content := file.read(most + 1)) <= most:
            return content
    raise OSError(errno.EFBIG, f"expected at most {most:,} bytes", str(path))


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
