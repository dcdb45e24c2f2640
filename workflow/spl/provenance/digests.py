"""The sha256 of many files: on all cores, and from a cache for files that have not changed since.

What was found to agree is remembered beside it, for quick audits alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from spl.attempts.plain_file import read_plain
from spl.provenance.files import digest, write_whole
from spl.provenance.ledger import MADE
from spl.provenance.progress import with_progress

# By path: size, times and inode of a file when it was hashed, and its sha256.
Cache = dict[str, tuple[list[int], str]]
CACHE = TypeAdapter(Cache)
NAMES = TypeAdapter(list[str])


def digests(paths: Iterable[Path], cache: Path, quick: bool) -> dict[Path, str | None]:
    """The sha256 of each file or folder; None if there is nothing at a path, or nothing readable.

    Args:
        paths: of files and folders.
        cache: file that is written for the next call.
        quick: use the cached sha256 of a file whose size, times and inode are unchanged. Ordinary means cannot set back
            the time of an inode's last change.
    """
    known: Cache = _read(cache) if quick else {}
    first = _one_for_each_file(paths)
    distinct = list(dict.fromkeys(first.values()))
    # hashlib lets other threads run while it works.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = with_progress(pool.map(lambda path: _digest(path, known), distinct), len(distinct), "reading files")
        found = dict(zip(distinct, results, strict=True))
    entries = {path: found[one] for path, one in first.items()}
    updated = {**_read(cache), **{str(path): entry for path, entry in entries.items() if entry}}
    _remember(cache, updated)
    return {path: entry and entry[1] for path, entry in entries.items()}


def _one_for_each_file(paths: Iterable[Path]) -> dict[Path, Path]:
    """Each path with the first one of the same file: a small archive may have a thousand names of one large file."""
    first = dict[Path | tuple[int, int], Path]()

    def file(path: Path) -> Path | tuple[int, int]:
        with suppress(OSError):
            if (state := path.stat()).st_nlink > 1:
                return state.st_dev, state.st_ino
        return path

    return {path: first.setdefault(file(path), path) for path in paths}


def read_agreed(memory: Path) -> set[str]:
    """Which results were found to agree with each other by the last audit; none without a readable file."""
    try:
        return set(NAMES.validate_json(read_plain(memory)))
    except (OSError, ValidationError):
        return set()


def write_agreed(memory: Path, agreed: Iterable[str]) -> None:
    """Remember for :func:`read_agreed` which results agree."""
    _remember(memory, sorted(agreed))


def _remember(place: Path, content: Any) -> None:
    """Write for the next audit; nothing where a link in received results would lead, where there are no results, or on
    a read-only file system."""
    with suppress(OSError):
        if place.parent.parent.is_dir() and _is_at_home(place.parent):
            write_whole(place, json.dumps(content))


def _is_at_home(folder: Path) -> bool:
    """Whether a folder below a study's may be written to: behind a link to the study only where its jobs were at work,
    as on a scratch disk, since a link may also have come with what somebody sent."""
    if folder.is_symlink():
        return False
    return not any(place.is_symlink() for place in folder.parents) or (folder.parent / MADE).is_dir()


def _digest(path: Path, known: Cache) -> tuple[list[int], str] | None:
    try:
        state = path.stat()
        stamp = [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino]
        entry = known.get(str(path))
        if entry and entry[0] == stamp and not path.is_dir():
            return entry
        return stamp, digest(path)
    except OSError:  # missing, unreadable, or a pipe
        return None


def _read(cache: Path) -> Cache:
    try:
        return CACHE.validate_json(read_plain(cache))
    except (OSError, ValidationError):
        return {}
