"""The store of prepared data sets: uint8 images and their classes on disk, with a checksum of each array."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spl.errors import DamagedError, InputError

Images = NDArray[np.uint8]
Classes = NDArray[np.int64]
ClassNumbers = NDArray[np.unsignedinteger[Any]]  # of the smallest type that holds all classes

ARRAYS = ("train_images", "train_classes", "test_images", "test_classes")
NUMBER_TYPES = {"U8": np.uint8, "I64": np.int64}  # as safetensors names them


@dataclass(frozen=True)
class Dataset:
    """Images are uint8 (n, channels, height, width), classes int64 (n,) in 0 .. number of classes - 1.

    Where every image is a file of its own, ``train_files`` and ``test_files`` hold the sha256 of each by its path below
    the root, in the order of the images; else they are empty.
    """

    train_images: Images
    train_classes: Classes
    test_images: Images
    test_classes: Classes
    train_files: Mapping[str, str] = field(default_factory=dict)
    test_files: Mapping[str, str] = field(default_factory=dict)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.train_classes.max()) + 1


def save_dataset(source: str, classes: Sequence[str], dataset: Dataset, folder: Path) -> None:
    """Write ``images.safetensors`` and ``dataset.json`` into the folder.

    The description holds the names of the classes, counts, grey-level mean and standard deviation of the training
    images per channel (0-255), the sha256 of each array's bytes, and, where every image is a file of its own, the
    sha256 of each file by its path.

    Raises:
        InputError: all pixels of a channel are equal, or the folder cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    arrays = {name: np.ascontiguousarray(getattr(dataset, name)) for name in ARRAYS}
    mean, std = grey_levels(dataset.train_images)
    if 0 in std:
        raise InputError(f"{source}: channel {std.index(0)} of all training images: expected pixels that differ")
    description = {
        "source": source,
        "classes": list(classes),
        "image": list(dataset.train_images.shape[1:]),
        "train_counts": np.bincount(dataset.train_classes).tolist(),
        "test_counts": np.bincount(dataset.test_classes).tolist(),
        "mean": mean,
        "std": std,
        "sha256": {name: array_digest(array) for name, array in arrays.items()},
        "train_files": dict(dataset.train_files),
        "test_files": dict(dataset.test_files),
    }
    images, described = folder / "images.safetensors", folder / "dataset.json"
    try:
        save_file(arrays, images)  # as they lie in memory: ImageNet's have no room for a copy
    except SafetensorError as error:
        raise InputError(f"{images}: cannot be written: {error}") from error
    described.write_text(json.dumps(description, indent=1) + "\n")
    images.chmod(described.stat().st_mode)  # nobody but the owner could read what `save_file` writes


def grey_levels(images: Images) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel, from exact sums and without a copy of the images in floats."""
    n = images.size // images.shape[1]
    sums = images.sum(axis=(0, 2, 3), dtype=np.int64).tolist()
    squares = np.einsum("nchw,nchw->c", images, images, dtype=np.int64, casting="unsafe").tolist()
    deviations = [math.sqrt(n * square - channel**2) / n for channel, square in zip(sums, squares, strict=True)]
    return [round(channel / n, 4) for channel in sums], [round(deviation, 4) for deviation in deviations]


def array_digest(array: NDArray[Any]) -> str:
    """The sha256 of an array's bytes."""
    return hashlib.sha256(array.reshape(-1).view(np.uint8).data).hexdigest()


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
        arrays = _mapped(folder / "images.safetensors")
        description = json.loads((folder / "dataset.json").read_text())
        digests = {name: str(description["sha256"][name]) for name in ARRAYS}
        train_files, test_files = (dict(description[name]) for name in ("train_files", "test_files"))
    except (OSError, SafetensorError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise InputError(f"{folder}: not a prepared data set: {error}") from error
    for name, digest in digests.items():
        if name not in arrays or (name in checked and array_digest(arrays[name]) != digest):
            raise DamagedError(f"{folder / 'images.safetensors'}: {name}: expected the array with sha256 {digest}")
    whole = {name: arrays[name] for name in ARRAYS}
    return Dataset(**whole, train_files=train_files, test_files=test_files), description


def _mapped(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file, in the file's own pages: the processes of a run share one copy."""
    from safetensors import safe_open

    with safe_open(path, "np") as file:  # checks that the header fits the file
        parts = [(name, file.get_slice(name)) for name in file.offset_keys()]
    arrays, end = {}, path.stat().st_size
    for name, part in reversed(parts):  # one behind the other, up to the end of the file
        kind, shape = np.dtype(NUMBER_TYPES[part.get_dtype()]), tuple(part.get_shape())
        end -= math.prod(shape) * kind.itemsize
        arrays[name] = np.memmap(path, kind, "c", end, shape).view(np.ndarray)
    return arrays
