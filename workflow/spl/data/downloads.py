"""The files of published data sets: where they lie, how they are downloaded, and whether they are intact."""

from __future__ import annotations

import hashlib
import socket
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from spl.errors import InputError

DOWNLOADS = Path("resources")
PATIENCE = 60  # seconds without a byte after which a download has failed


@dataclass(frozen=True)
class PublishedFiles:
    """The files of one data set.

    Attributes:
        torchvision: the class of torchvision that knows their addresses and checksums.
        layouts: the ways in which a folder may hold them, each as paths below it; the first is that of a download.
        system: where a package of the operating system puts them.
    """

    torchvision: str
    layouts: tuple[tuple[str, ...], ...]
    system: Path | None = None

    def locate(self, root: Path | None, name: str) -> list[Path]:
        """Where to read the files: in ``root``, else in an earlier download, the system's folder or a new download.

        Args:
            root: folder named in the study.
            name: of the data source, and of the folder of its download.

        Raises:
            InputError: ``root`` does not hold them in any of the layouts.
        """
        if root is not None:
            return self._within(root) or self._refuse(root)
        downloads = DOWNLOADS / name
        for folder in (downloads, self.system):
            if folder is not None and (files := self._within(folder)):
                return files
        return [downloads / name for name in self.layouts[0]]

    def _within(self, folder: Path) -> list[Path]:
        for layout in self.layouts:
            files = [folder / name for name in layout]
            if all(file.is_file() for file in files):
                return files
        return []

    def _refuse(self, root: Path) -> list[Path]:
        """Name the first file that the most nearly complete layout lacks."""
        nearest = max(self.layouts, key=lambda layout: sum((root / name).is_file() for name in layout))
        missing = next(root / name for name in nearest if not (root / name).is_file())
        forms = (f"{files[0]} and {len(files) - 1} more" if len(files) > 1 else files[0] for files in self.layouts)
        raise InputError(f"{missing}: no such file; expected a folder with {', or '.join(forms)}")


def below(folder: str, names: Iterable[str]) -> tuple[str, ...]:
    """The paths of files below a folder, as a layout."""
    return tuple(f"{folder}/{name}" for name in names)


def download(torchvision: str, path: Path) -> None:
    """Download one file to ``path``, which appears only when it is complete.

    Args:
        torchvision: as in :class:`PublishedFiles`.
        path: its name is that of the published file.

    Raises:
        InputError: the download failed, or is not the file that torchvision knows.
    """
    from torchvision.datasets.utils import download_url

    address, md5 = _addresses(torchvision)[path.name]
    part = path.with_name(f"{path.name}.part")
    socket.setdefaulttimeout(PATIENCE)
    try:
        download_url(address, path.parent, filename=part.name, md5=md5)
    except (OSError, HTTPException, RuntimeError) as error:
        raise InputError(f"{address}: expected the file with md5 {md5}: {' '.join(str(error).split())}") from error
    part.replace(path)


def _addresses(torchvision: str) -> dict[str, tuple[str, str]]:
    """Address and md5 of each file that can be downloaded, by name."""
    from torchvision import datasets

    published: Any = getattr(datasets, torchvision)
    if issubclass(published, datasets.MNIST):
        return {name: (published.mirrors[0] + name, md5) for name, md5 in published.resources}
    return {published.filename: (published.url, published.tgz_md5)}


def read_verified(path: Path, md5: str, unpack: Callable[[bytes], bytes] = bytes) -> bytes:
    """Read a file and check that it is the published one.

    Args:
        path: of the file.
        md5: of its content.
        unpack: how to decompress the file to its content.

    Raises:
        InputError: the file is absent, truncated, altered or another one.
    """
    try:
        content = unpack(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: expected a whole file with md5 {md5}: {error}") from error
    actual = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if actual != md5:
        raise InputError(f"{path}: expected content with md5 {md5}, found {len(content):,} bytes with md5 {actual}")
    return content
