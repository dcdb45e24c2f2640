"""Data sets in one canonical form: uint8 images and their classes, split into training and test.

To add a data set, add an entry to :data:`SOURCES`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spl.errors import InputError
from spl.ranking import ranked

Images = NDArray[np.uint8]
Classes = NDArray[np.int64]


@dataclass(frozen=True)
class Dataset:
    """Images are uint8 (n, channels, height, width), classes int64 (n,) in 0 .. number of classes - 1."""

    train_images: Images
    train_classes: Classes
    test_images: Images
    test_classes: Classes

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.train_classes.max()) + 1


@dataclass(frozen=True)
class Source:
    """Where a data set comes from, and what the study must know of it before it is read.

    Attributes:
        read: returns the data set.
        train_images: number of training images.
        smallest_class: training images in the rarest class.
        side: height and width of an image in pixels.
        classes: names of the classes.
    """

    read: Callable[[], Dataset]
    train_images: int
    smallest_class: int
    side: int
    classes: tuple[str, ...]


DIGITS_TEST_PER_CLASS = 50


def read_digits() -> Dataset:
    """The 1,797 handwritten digits that scikit-learn ships (8 x 8 pixels, grey levels 0-16, here stretched to 0-255).

    They come without a division into training and test: 50 images of each digit, by rank, are the test set, so that
    one collapsed class costs exactly ten points of error.
    """
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    images = np.rint(pixels.reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
    classes = classes.astype(np.int64)
    test = np.concatenate(
        [ranked("digits-test", 0, np.flatnonzero(classes == digit))[:DIGITS_TEST_PER_CLASS] for digit in range(10)]
    )
    in_test = np.zeros(len(classes), dtype=bool)
    in_test[test] = True
    return Dataset(images[~in_test], classes[~in_test], images[in_test], classes[in_test])


SOURCES: dict[str, Source] = {
    "digits": Source(
        read_digits, train_images=1297, smallest_class=124, side=8, classes=tuple(str(digit) for digit in range(10))
    ),
}


def prepare(source: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Bring a data set into canonical form.

    Returns:
        The arrays by name, as :class:`Dataset` holds them, and a description: classes, counts, grey-level mean and
        standard deviation of the training images per channel (0-255), and the sha256 of each array's bytes.
    """
    dataset = SOURCES[source].read()
    arrays: dict[str, NDArray[Any]] = dict(vars(dataset))
    pixels = dataset.train_images.astype(np.float64)
    description = {
        "source": source,
        "classes": list(SOURCES[source].classes),
        "image": list(dataset.train_images.shape[1:]),
        "train_counts": np.bincount(dataset.train_classes).tolist(),
        "test_counts": np.bincount(dataset.test_classes).tolist(),
        "mean": [round(value, 4) for value in pixels.mean(axis=(0, 2, 3)).tolist()],
        "std": [round(value, 4) for value in pixels.std(axis=(0, 2, 3)).tolist()],
        "sha256": {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()},
    }
    return arrays, description


def write_dataset(source: str, folder: Path) -> None:
    """Write ``images.safetensors`` and ``dataset.json`` into the folder."""
    from safetensors.numpy import save

    arrays, description = prepare(source)
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    (folder / "images.safetensors").write_bytes(save(contiguous))
    (folder / "dataset.json").write_text(json.dumps(description, indent=1) + "\n")


def read_dataset(folder: Path) -> tuple[Dataset, dict[str, Any]]:
    """Read what :func:`write_dataset` wrote and check it against its checksums.

    Raises:
        InputError: a file is absent, unreadable, or its content is not what was written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(folder / "images.safetensors")
        description = json.loads((folder / "dataset.json").read_text())
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise InputError(f"{folder}: not a prepared data set: {error}") from error
    for name, digest in description["sha256"].items():
        if name not in arrays or hashlib.sha256(arrays[name].tobytes()).hexdigest() != digest:
            raise InputError(f"{folder / 'images.safetensors'}: {name}: expected the array with sha256 {digest}")
    return Dataset(**arrays), description
