"""Data sets in one canonical form: uint8 images and their classes, split into training and test.

To add a data set, add an entry to :data:`SOURCES`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spl.data.downloads import (
    CIFAR_10_FILES,
    CIFAR_100_FILES,
    DOWNLOADS,
    FASHION_MNIST_FILES,
    FASHION_MNIST_MD5S,
    PublishedFiles,
    read_published,
)
from spl.data.image_folder import list_images, read_images, write_image_folder
from spl.data.ranking import ranked
from spl.errors import DamagedError, InputError

Images = NDArray[np.uint8]
Classes = NDArray[np.int64]


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


ARRAYS = ("train_images", "train_classes", "test_images", "test_classes")
KINDS = {"U8": np.uint8, "I64": np.int64}
"""Of their numbers, as safetensors names them."""


@dataclass(frozen=True)
class Description:
    """What the study must know of a data set before it is read.

    Attributes:
        train_counts: training images of each class.
        side: height and width of an image in pixels.
        classes: names of the classes.
        listing: where the images are a user's own files, the sha256 of their names.
    """

    train_counts: tuple[int, ...]
    side: int
    classes: tuple[str, ...]
    listing: str | None = None

    @property
    def train_images(self) -> int:
        """Number of training images."""
        return sum(self.train_counts)

    @property
    def smallest_class(self) -> int:
        """Training images in the rarest class."""
        return min(self.train_counts)


@dataclass(frozen=True)
class Source:
    """Where a data set comes from.

    Attributes:
        read: returns the data set, given the files that :meth:`locate` names and the data set's options in the study.
        known: what there is to know before reading; for a user's own folder, what finds it out.
        files: of a data set that somebody published.
    """

    read: Callable[..., Dataset]
    known: Description | Callable[..., Description]
    files: PublishedFiles | None = None

    @property
    def own_folder(self) -> bool:
        """Whether the data set is what the user's folder happens to hold, so that nothing goes without ``root``."""
        return not isinstance(self.known, Description)

    def describe(self, root: Path | None, **options: int) -> Description:
        """What the study must know of the data set before it is read.

        Raises:
            InputError: the user's own folder is not as expected.
        """
        return self.known if isinstance(self.known, Description) else self.known(root, **options)

    def locate(self, name: str, root: Path | None) -> list[Path]:
        """What to read: files, or the user's own folder; below :data:`spl.data.downloads.DOWNLOADS` if yet to be downloaded.

        Args:
            name: of the source.
            root: folder named in the study.

        Raises:
            InputError: the folder lacks a file.
        """
        if self.files is not None:
            return self.files.locate(root, DOWNLOADS / name)
        return [] if root is None else [root]


DIGITS_TEST_PER_CLASS = 50
DIGITS_COUNTS = (128, 132, 127, 133, 131, 132, 131, 129, 124, 130)


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


def read_digits_from_files() -> Dataset:
    """The digits of :func:`read_digits`, written as RGB files in class folders and read back as a user's own folder.

    They take the way of ImageNet, for a study that has no ImageNet: files, drawn by name, with a checksum each.
    """
    digits = read_digits()
    with TemporaryDirectory() as folder:
        root = Path(folder)
        write_image_folder(root, "train", digits.train_images, digits.train_classes)
        write_image_folder(root, "test", digits.test_images, digits.test_classes)
        return read_image_folder(root, digits.train_images.shape[-1])


def read_cifar_10(*files: Path) -> Dataset:
    """CIFAR-10, uint8 (n, 3, 32, 32), from its archive or from what the archive holds.

    Raises:
        InputError: a file is not the one that torchvision knows.
    """
    from torchvision.datasets import CIFAR10

    return _read_cifar(CIFAR10, files)


def read_cifar_100(*files: Path) -> Dataset:
    """CIFAR-100 with its fine classes; the rest as :func:`read_cifar_10`."""
    from torchvision.datasets import CIFAR100

    return _read_cifar(CIFAR100, files)


def _read_cifar(published: Any, files: Sequence[Path]) -> Dataset:
    from torchvision.datasets.utils import extract_archive

    md5s = dict([*published.train_list, *published.test_list])
    md5s |= {published.filename: published.tgz_md5, published.meta["filename"]: published.meta["md5"]}
    with TemporaryDirectory() as folder:  # torchvision reads its own layout alone
        batches = Path(folder, published.base_folder)
        batches.mkdir()
        for path in files:
            read_published(path, md5s[path.name])
            if path.name == published.filename:
                extract_archive(path, folder)
            else:
                (batches / path.name).symlink_to(path.resolve())
        train, test = (published(folder, train=part) for part in (True, False))
    images = (part.data.transpose(0, 3, 1, 2) for part in (train, test))
    return _together(images, (train.targets, test.targets))


def read_fashion_mnist(*files: Path) -> Dataset:
    """Fashion-MNIST, uint8 (n, 1, 28, 28), from its four files, compressed or not.

    Raises:
        InputError: a file is not the published one.
    """
    from torchvision.datasets import FashionMNIST

    with TemporaryDirectory() as folder:  # torchvision reads its own layout alone
        raw = Path(folder, "FashionMNIST", "raw")
        raw.mkdir(parents=True)
        for path in files:
            name = path.name.removesuffix(".gz")
            unpack = bytes if name == path.name else gzip.decompress
            (raw / name).write_bytes(read_published(path, FASHION_MNIST_MD5S[name], unpack))
        train, test = (FashionMNIST(folder, train=part) for part in (True, False))
    images = (part.data.numpy()[:, np.newaxis] for part in (train, test))
    return _together(images, (train.targets, test.targets))


def _together(images: Iterable[Any], classes: Iterable[Any]) -> Dataset:
    train_images, test_images = images
    train_classes, test_classes = (np.asarray(one, dtype=np.int64) for one in classes)
    return Dataset(train_images, train_classes, test_images, test_classes)


def describe_image_folder(root: Path, side: int) -> Description:
    """What :func:`spl.data.image_folder.list_images` finds in the user's own folder."""
    listing = list_images(root)
    return Description(listing.train_counts, side, listing.classes, listing.digest)


def read_image_folder(root: Path, side: int) -> Dataset:
    """The user's own folder of images, uint8 (n, 3, side, side).

    Raises:
        InputError: as :func:`spl.data.image_folder.list_images` and :func:`spl.data.image_folder.read_images` say.
    """
    listing = list_images(root)
    train_images, train_files = read_images(root, listing.train, side)
    test_images, test_files = read_images(root, listing.test, side)
    train_classes, test_classes = listing.numbers(listing.train), listing.numbers(listing.test)
    return Dataset(train_images, train_classes, test_images, test_classes, train_files, test_files)


CIFAR_10_CLASSES = "airplane automobile bird cat deer dog frog horse ship truck"
CIFAR_100_CLASSES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale
willow_tree wolf woman worm
"""
FASHION_MNIST_CLASSES = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"

SOURCES: dict[str, Source] = {
    "digits": Source(read_digits, Description(DIGITS_COUNTS, 8, tuple("0123456789"))),
    "digits-png": Source(read_digits_from_files, Description(DIGITS_COUNTS, 8, tuple("0123456789"))),
    "cifar-10": Source(read_cifar_10, Description((5_000,) * 10, 32, tuple(CIFAR_10_CLASSES.split())), CIFAR_10_FILES),
    "cifar-100": Source(
        read_cifar_100, Description((500,) * 100, 32, tuple(CIFAR_100_CLASSES.split())), CIFAR_100_FILES
    ),
    "fashion-mnist": Source(
        read_fashion_mnist,
        Description((6_000,) * 10, 28, tuple(FASHION_MNIST_CLASSES.split(","))),
        FASHION_MNIST_FILES,
    ),
    "image-folder": Source(read_image_folder, describe_image_folder),
}


def write_dataset(source: str, folder: Path, files: Sequence[Path] = (), **options: int) -> None:
    """Read a data set and write it in canonical form, as :func:`save_dataset` does.

    Args:
        source: key of :data:`SOURCES`.
        folder: must exist.
        files: as :meth:`Source.locate` gave them.
        options: as the study gives them.

    Raises:
        InputError: a file is absent, damaged or not what was published.
    """
    classes = SOURCES[source].describe(files[0] if files else None, **options).classes
    save_dataset(source, classes, SOURCES[source].read(*files, **options), folder)


def save_dataset(source: str, classes: Sequence[str], dataset: Dataset, folder: Path) -> None:
    """Write ``images.safetensors`` and ``dataset.json`` into the folder.

    The description holds the names of the classes, counts, grey-level mean and standard deviation of the training
    images per channel (0-255), the sha256 of each array's bytes, and, where every image is a file of its own, the
    sha256 of each file by its path.

    Raises:
        InputError: a channel says nothing, or the folder cannot be written.
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
        "sha256": {name: _sha256(array) for name, array in arrays.items()},
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
    deviations = [math.sqrt(n * square - one**2) / n for one, square in zip(sums, squares, strict=True)]
    return [round(one / n, 4) for one in sums], [round(one, 4) for one in deviations]


def _sha256(array: NDArray[Any]) -> str:
    return hashlib.sha256(array.reshape(-1).view(np.uint8).data).hexdigest()


def read_dataset(folder: Path) -> tuple[Dataset, dict[str, Any]]:
    """Read what :func:`write_dataset` wrote and check it against its checksums.

    Raises:
        InputError: a file is absent or unreadable.
        DamagedError: an array is not what was written.
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
        if name not in arrays or _sha256(arrays[name]) != digest:
            raise DamagedError(f"{folder / 'images.safetensors'}: {name}: expected the array with sha256 {digest}")
    whole = {name: arrays[name] for name in ARRAYS}
    return Dataset(**whole, train_files=train_files, test_files=test_files), description


def _mapped(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file, in the file's own pages: the processes of a training share one copy."""
    from safetensors import safe_open

    with safe_open(path, "np") as file:  # checks that the header fits the file
        parts = [(name, file.get_slice(name)) for name in file.offset_keys()]
    arrays, end = {}, path.stat().st_size
    for name, part in reversed(parts):  # one behind the other, up to the end of the file
        kind, shape = np.dtype(KINDS[part.get_dtype()]), tuple(part.get_shape())
        end -= math.prod(shape) * kind.itemsize
        arrays[name] = np.memmap(path, kind, "c", end, shape).view(np.ndarray)
    return arrays
