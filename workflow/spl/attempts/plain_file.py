"""Reading files that somebody else may have left among results: no wait for a pipe, and no more than fits memory."""

from __future__ import annotations

import errno
import os
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
