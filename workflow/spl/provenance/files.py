"""Files by their content: digests, listings, and writing a file whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from spl.errors import InputError


def digest(path: Path) -> str:
    """The sha256 of a file, or of the sorted list of the images of a data set with theirs, in hexadecimal digits.

    Jobs read no other folders than such data sets, and nothing else in them.

    Raises:
        OSError: nothing lies there, or what is neither: whoever opened a pipe would wait.
    """
    if path.is_dir():
        found = ((name, path / name) for name in _images(path))
        # As JSON, so that no name can look like two lines.
        listing = "".join(f"{digest(one) if one.is_file() else ''}  {json.dumps(name)}\n" for name, one in found)
        return hashlib.sha256(f"folder\n{listing}".encode()).hexdigest()
    if path.exists() and not path.is_file():
        raise OSError(f"{path}: expected a file or a folder")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _images(folder: Path) -> list[str]:
    """The images that a folder is read for, by name; none if it is no data set."""
    from spl.data.image_folder import list_images  # of jobs, those alone load it that read such a folder

    try:
        found = list_images(folder)
    except InputError:
        return []
    return sorted([*found.train, *found.test])


def files_below(folder: Path) -> Iterator[Path]:
    """All files in a folder and in those below it, behind links to folders, too, but for such as lead back."""
    for place, folders, names in os.walk(folder, followlinks=True):
        above = Path(place).resolve()
        folders[:] = [one for one in folders if not above.is_relative_to(Path(place, one).resolve())]
        yield from (path for path in (Path(place, name) for name in names) if path.is_file())


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
