"""The files of published data sets: where they lie, where they are downloaded from, and whether they are whole."""

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
PATIENCE = 60
"""Seconds without a byte after which a download has failed."""


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

    def locate(self, root: Path | None, downloads: Path) -> list[Path]:
        """Where to read the files: in ``root`` if given, else where they are, else where a download will put them.

        Raises:
            InputError: ``root`` does not hold them in any of the layouts.
        """
        if root is not None:
            return self._within(root) or self._refuse(root)
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
        forms = (f"{one[0]} and {len(one) - 1} more" if len(one) > 1 else one[0] for one in self.layouts)
        raise InputError(f"{missing}: no such file; expected a folder with {', or '.join(forms)}")


def download(torchvision: str, path: Path) -> None:
    """Download one file to ``path``, which appears only when it is whole.

    Args:
        torchvision: as in :class:`PublishedFiles`.
        path: its name says which of the files.

    Raises:
        InputError: it cannot be had, or is not the file that torchvision knows.
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


def read_published(path: Path, md5: str, unpack: Callable[[bytes], bytes] = bytes) -> bytes:
    """Read a file that must be what was published.

    Args:
        path: of the file.
        md5: of its content.
        unpack: how to decompress the file to its content.

    Raises:
        InputError: it is absent, truncated, altered or another file.
    """
    try:
        content = unpack(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: expected a whole file with md5 {md5}: {error}") from error
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != md5:
        raise InputError(f"{path}: expected content with md5 {md5}, found {len(content):,} bytes with md5 {found}")
    return content


FASHION_MNIST_MD5S = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}
"""Of the decompressed files: the compressed ones that torchvision knows and Debian's differ in their gzip headers."""


def _below(folder: str, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" for name in names)


_CIFAR_10 = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta")
_CIFAR_100 = ("train", "test", "meta")
_FASHION_MNIST = tuple(FASHION_MNIST_MD5S)
_COMPRESSED = tuple(f"{name}.gz" for name in _FASHION_MNIST)

CIFAR_10_FILES = PublishedFiles(
    "CIFAR10", (("cifar-10-python.tar.gz",), _below("cifar-10-batches-py", _CIFAR_10), _CIFAR_10)
)
CIFAR_100_FILES = PublishedFiles(
    "CIFAR100", (("cifar-100-python.tar.gz",), _below("cifar-100-python", _CIFAR_100), _CIFAR_100)
)
FASHION_MNIST_FILES = PublishedFiles(
    "FashionMNIST",
    (_COMPRESSED, _below("FashionMNIST/raw", _COMPRESSED), _below("FashionMNIST/raw", _FASHION_MNIST), _FASHION_MNIST),
    system=Path("/usr/share/datasets/fashion-mnist"),  # Debian's package dataset-fashion-mnist
)
