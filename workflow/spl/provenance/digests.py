"""The sha256 of many files: on all cores, and on request of those alone that changed since the last time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from spl.provenance.files import digest, write_whole
from spl.provenance.progress import with_progress

Known = dict[str, tuple[list[int], str]]
"""By path: what the file system said of a file when it was read, and its sha256."""
MEMORY = TypeAdapter(Known)


def digests(paths: Iterable[Path], memory: Path, quick: bool) -> dict[Path, str | None]:
    """The sha256 of what lies at each path; None where nothing does.

    Args:
        paths: files and folders.
        memory: where they are remembered for the next call.
        quick: believe what is remembered of a file that has the same size, times and inode as then. The time of an
            inode's last change cannot be set back by ordinary means.
    """
    known: Known = _read(memory) if quick else {}
    wanted = list(dict.fromkeys(paths))
    # hashlib lets other threads run while it works.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = with_progress(pool.map(lambda path: _digest(path, known), wanted), len(wanted), "reading files")
        found = dict(zip(wanted, done, strict=True))
    everything = {**_read(memory), **{str(path): one for path, one in found.items() if one}}
    with suppress(OSError):  # a folder that cannot be written can be audited
        memory.parent.mkdir(parents=True, exist_ok=True)
        write_whole(memory, json.dumps(everything))
    return {path: one and one[1] for path, one in found.items()}


def _digest(path: Path, known: Known) -> tuple[list[int], str] | None:
    try:
        state = path.stat()
        stamp = [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino]
        remembered = known.get(str(path))
        if remembered and remembered[0] == stamp and not path.is_dir():
            return stamp, remembered[1]
        return stamp, digest(path)
    except OSError:  # nothing, what cannot be read, or a pipe
        return None


def _read(memory: Path) -> Known:
    try:
        return MEMORY.validate_json(memory.read_bytes())
    except (OSError, ValidationError):
        return {}
