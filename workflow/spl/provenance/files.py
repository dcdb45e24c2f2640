"""Digests of files and folders, listings, and atomic writing."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from spl.attempts.plain_file import plain_digest, write_note
from spl.errors import InputError


def digest(path: Path) -> str:
    """The sha256 of a file, or of a folder: of the sorted list of its images with the sha256 of each.

    The only folders that jobs read are data sets of images; other files in them do not count.

    Raises:
        OSError: there is nothing, or what :func:`spl.attempts.plain_file.plain_digest` refuses; or an empty folder, as
            that in which a file system is mounted elsewhere.
    """
    if path.is_dir():
        if not any(path.iterdir()):
            raise OSError(f"{path}: expected images, found an empty folder")
        images = {name: path / name for name in _images(path)}
        return digest_of_listing({name: _digest_of_image(file) for name, file in images.items()})
    return plain_digest(path)


def _digest_of_image(file: Path) -> str:
    try:
        return plain_digest(file)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EFBIG):  # nothing that could be read as an image
            return ""
        raise


def digest_of_listing(images: Mapping[str, str]) -> str:
    """The digest of a folder, from the sha256 of each of its images by its path in the folder."""
    # As JSON, so that no name can look like two lines.
    listing = "".join(f"{images[name]}  {json.dumps(name)}\n" for name in sorted(images))
    return hashlib.sha256(f"folder\n{listing}".encode()).hexdigest()


def _images(folder: Path) -> list[str]:
    """The names of a data set's images; none if the folder is not a data set."""
    from spl.data.image_folder import list_images  # loaded only by jobs that read such a folder

    try:
        images = list_images(folder)
    except InputError:
        return []
    return [*images.train, *images.test]


def files_below(folder: Path, enter: Callable[[Path], bool] = lambda _: True) -> Iterator[Path]:
    """Everything below a folder but its folders: files, links, and folders that cannot be read. No link is followed.

    Folders wait in a list, since somebody may have put more of them into one another than functions can call each
    other.

    Args:
        folder: itself, or what it links to, is read.
        enter: which folders are read; others are passed over.
    """
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError:
            yield place
            continue
        for entry in entries:
            path = place / entry.name
            if not entry.is_dir(follow_symlinks=False):
                yield path
            elif enter(path):
                waiting.append(path)


def write_whole(path: Path, text: str) -> None:
    """Write a file atomically: whole or not at all; see :func:`spl.attempts.plain_file.write_note`."""
    write_note(path, text.encode())
