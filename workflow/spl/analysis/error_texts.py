"""The bytes of files that hold errors: of received ones, none that would be waited for, or that would fill memory."""

from __future__ import annotations

import errno
from pathlib import Path

MOST = 2**26


def read_bytes(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        OSError: there is none, something else, such as a pipe, or more than ``MOST`` bytes.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "expected a file", str(path))
    with path.open("rb") as file:
        if len(content := file.read(MOST + 1)) > MOST:
            raise OSError(errno.EFBIG, f"expected at most {MOST:,} bytes", str(path))
    return content
