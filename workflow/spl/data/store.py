"""The store of prepared data sets: uint8 images and their classes on disk, with a checksum of each array."""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from spl.errors import DamagedError, InputError

Images = NDArray[np.uint8]
Classes = NDArray[np.int64]
ClassNumbers = NDArray[np.unsignedinteger[Any]]  # of the smallest type that holds all classes

FILE = "images.safetensors"
NO_CLASS = -1  # of training images that come without one
# In the order in which safetensors writes them: by size of a number, then by name.
ARRAYS = ("test_classes", "train_classes", "test_images", "train_images")
NUMBER_TYPES = {"U8": np.uint8, "U16": np.uint16, "I64": np.int64}  # as safetensors names them
IMAGES_AT_ONCE = 256  # images that are written, hashed and summed together if they are in memory
# Linux's mmap flag; Python 3.13 is the first to name it.
MAP_NORESERVE = 0x4000 if sys.platform == "linux" else 0


@dataclass(frozen=True)
class Dataset:
    """Images are uint8 (n, channels, height, width), classes int64 (n,) in 0 .. number of classes - 1.

    Training images of no known class, which come last and only join the unlabelled pool, have class :data:`NO_CLASS`.
    """

    train_images: Images
    train_classes: Classes
    test_images: Images
    test_classes: Classes

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.train_classes.max()) + 1


@dataclass(frozen=True)
class ImageFiles:
    """Images that are files of their own. They are read while they are stored: together they can exceed the memory.

    Attributes:
        shape: (n, channels, height, width).
        paths: of the n files, below their root.
        images: yields each image, uint8 (channels, height, width), with the sha256 of its file.
    """

    shape: tuple[int, int, int, int]
    paths: Sequence[str]
    images: Iterable[tuple[Images, str]]


@dataclass(frozen=True)
class UnreadDataset:
    """A data set of image files before they are read; classes as in a :class:`Dataset`."""

    train_images: ImageFiles
    train_classes: Classes
    test_images: ImageFiles
    test_classes: Classes


def save_dataset(source: str, classes: Sequence[str], dataset: Dataset | UnreadDataset, folder: Path) -> None:
    """Write ``images.safetensors`` and ``dataset.json`` into the folder.

    Image files are read one after the other, and never all in memory. The description holds the names of the classes,
    counts (``without_class`` where there are such training images), grey-level mean and standard deviation of all
    training images per channel (0-255), the sha256 of the file and of each array's bytes, and, where every image is a
    file of its own, the sha256 of each file by its path.

    Raises:
        InputError: all pixels of a channel are equal, an image cannot be read, or the folder cannot be written.
    """
    path = folder / FILE
    try:
        with path.open("wb") as file:
            sums, digests, files = _write_arrays(dataset, file)
        mean, std = _mean_and_deviation(sums)
        if 0 in std:
            raise InputError(f"{source}: channel {std.index(0)} of all training images: expected pixels that differ")
    except OSError as error:
        path.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    except InputError:
        path.unlink()
        raise
    labelled = dataset.train_classes[dataset.train_classes != NO_CLASS]
    unlabelled = len(dataset.train_classes) - len(labelled)
    description = {
        "source": source,
        "classes": list(classes),
        "image": list(dataset.train_images.shape[1:]),
        "train_counts": np.bincount(labelled).tolist(),
        **({"without_class": unlabelled} if unlabelled else {}),
        "test_counts": np.bincount(dataset.test_classes).tolist(),
        "mean": mean,
        "std": std,
        "sha256": digests,
        "train_files": files["train_images"],
        "test_files": files["test_images"],
    }
    (folder / "dataset.json").write_text(json.dumps(description, indent=1) + "\n")


def _write_arrays(
    dataset: Dataset | UnreadDataset, file: BinaryIO
) -> tuple[NDArray[np.int64], dict[str, str], dict[str, dict[str, str]]]:
    """Write the arrays as safetensors does, block by block.

    Returns:
        the sums of the training images as :func:`_sums`, the sha256 of the file and of each array, and the sha256 of
        each image's file by array and path.
    """
    files: dict[str, dict[str, str]] = {"train_images": {}, "test_images": {}}
    header = _header({name: getattr(dataset, name) for name in ARRAYS})
    whole, digests = hashlib.sha256(header), dict[str, str]()
    file.write(header)
    sums = np.zeros((3, dataset.train_images.shape[1]), dtype=np.int64)
    for name in ARRAYS:
        digest = hashlib.sha256()
        for block in _blocks(getattr(dataset, name), files.get(name, {})):
            content = np.ascontiguousarray(block).reshape(-1).view(np.uint8).data
            file.write(content)
            whole.update(content)
            digest.update(content)
            if name == "train_images":
                sums += _sums(block)
        digests[name] = digest.hexdigest()
    return sums, {FILE: whole.hexdigest(), **digests}, files


def _header(arrays: Mapping[str, NDArray[Any] | ImageFiles]) -> bytes:
    """The header of a safetensors file with these arrays, in their order: its length, and JSON padded to 8 bytes."""
    described, end = {}, 0
    for name, array in arrays.items():
        kind = "U8" if name.endswith("images") else "I64"
        begin, end = end, end + math.prod(array.shape) * np.dtype(NUMBER_TYPES[kind]).itemsize
        described[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [begin, end]}
    text = json.dumps(described, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _blocks(array: NDArray[Any] | ImageFiles, files: dict[str, str]) -> Iterator[NDArray[Any]]:
    """The parts of an array one after the other; the sha256 of each image's file is entered into ``files``."""
    if isinstance(array, ImageFiles):
        for path, (image, digest) in zip(array.paths, array.images, strict=True):
            files[path] = digest
            yield image[np.newaxis]
    else:
        for begin in range(0, len(array), IMAGES_AT_ONCE):
            yield array[begin : begin + IMAGES_AT_ONCE]


def grey_levels(images: Images) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel, from exact sums."""
    return _mean_and_deviation(_sums(images))


def _sums(images: Images) -> NDArray[np.int64]:
    """Number of pixels, their sum and the sum of their squares in each channel, int64 (3, channels), without a copy."""
    pixels = np.full(images.shape[1], images.size // images.shape[1])
    squares = np.einsum("nchw,nchw->c", images, images, dtype=np.int64, casting="unsafe")
    return np.stack([pixels, images.sum(axis=(0, 2, 3), dtype=np.int64), squares])


def _mean_and_deviation(sums: NDArray[np.int64]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel from :func:`_sums`, in integers of any size."""
    of_channels = sums.T.tolist()
    deviations = [math.sqrt(n * square - total**2) / n for n, total, square in of_channels]
    return [round(total / n, 4) for n, total, _ in of_channels], [round(deviation, 4) for deviation in deviations]


def array_digest(array: NDArray[Any]) -> str:
    """The sha256 of an array's bytes."""
    return hashlib.sha256(array.reshape(-1).view(np.uint8).data).hexdigest()


def check_dataset(folder: Path, digest: str) -> None:
    """Check the images of a prepared data set, given the sha256 of their file: ImageNet's takes minutes to hash.

    Raises:
        InputError: a file is absent or unreadable.
        DamagedError: the file is not what was written.
    """
    _, description = read_dataset(folder, checked=())
    expected = description["sha256"].get(FILE)
    if digest != expected:
        read_dataset(folder)  # names the array that is damaged
        raise DamagedError(f"{folder / FILE}: expected the file with sha256 {expected}, found {digest}")


def read_dataset(folder: Path, checked: Sequence[str] = ARRAYS) -> tuple[Dataset, dict[str, Any]]:
    """Read what :func:`save_dataset` wrote and check it against its checksums.

    Args:
        folder: of the files.
        checked: names of the arrays to hash; ImageNet's take minutes.

    Raises:
        InputError: a file is absent or unreadable.
        DamagedError: an array is absent, or one of the checked arrays is not what was written.
    """
    from safetensors import SafetensorError

    try:
        arrays = mapped_arrays(folder / FILE)
        description = json.loads((folder / "dataset.json").read_text())
        digests = {name: str(description["sha256"][name]) for name in ARRAYS}
    except (OSError, SafetensorError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise InputError(f"{folder}: not a prepared data set: {error}") from error
    for name, digest in digests.items():
        if name not in arrays or (name in checked and array_digest(arrays[name]) != digest):
            raise DamagedError(f"{folder / FILE}: {name}: expected the array with sha256 {digest}")
    return Dataset(**{name: arrays[name] for name in ARRAYS}), description


def mapped_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file, in the file's own pages, which processes share.

    A write into an array stays in this process. torch warns of arrays that cannot be written, so the pages are mapped
    copy-on-write; Linux would refuse that for files larger than the memory, for which it would reserve the copies.

    Raises:
        OSError, SafetensorError, ValueError, LookupError: the file is absent or no such file.
    """
    from safetensors import safe_open

    with safe_open(path, "np") as file:  # checks that the header fits the file
        parts = [(name, file.get_slice(name)) for name in file.offset_keys()]
    with path.open("rb") as content:
        access = mmap.PROT_READ | mmap.PROT_WRITE
        pages = mmap.mmap(content.fileno(), 0, flags=mmap.MAP_PRIVATE | MAP_NORESERVE, prot=access)
    arrays, end = dict[str, NDArray[Any]](), len(pages)
    for name, part in reversed(parts):  # one behind the other, up to the end of the file
        kind, shape = np.dtype(NUMBER_TYPES[part.get_dtype()]), tuple(part.get_shape())
        size = math.prod(shape)
        end -= size * kind.itemsize
        arrays[name] = np.frombuffer(pages, kind, size, end).reshape(shape)
    return arrays
