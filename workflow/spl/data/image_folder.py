"""A folder of images in class folders: ``train/<class>/*`` and ``test/<class>/*`` (or ``val``), PNG or JPEG."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spl.data.store import ImageFiles, UnreadDataset
from spl.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg")
IMAGES_AHEAD = 4  # images that each core reads ahead: all of them can exceed the memory
FORMATS = ("PNG", "JPEG")  # whatever a file is called: for some other formats Pillow starts programs
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # the last: bytes that are not UTF-8


@dataclass(frozen=True)
class Listing:
    """The images of a folder.

    Attributes:
        classes: names of the class folders, sorted.
        train, test: paths of the images below the root, with "/", sorted: the order of a directory has no influence.
    """

    classes: tuple[str, ...]
    train: tuple[str, ...]
    test: tuple[str, ...]

    def numbers(self, paths: Sequence[str]) -> NDArray[np.int64]:
        """The class of each path, int64 (n,), numbered in the order of ``classes``."""
        number = {name: place for place, name in enumerate(self.classes)}
        return np.array([number[path.split("/")[1]] for path in paths], dtype=np.int64)

    @property
    def train_counts(self) -> tuple[int, ...]:
        """Training images of each class."""
        counted = Counter(path.split("/")[1] for path in self.train)
        return tuple(counted[name] for name in self.classes)

    @property
    def digest(self) -> str:
        """The sha256 of all paths."""
        return hashlib.sha256("\n".join([*self.train, *self.test]).encode()).hexdigest()


def list_images(root: Path) -> Listing:
    """List a folder of images; hidden files and other kinds of files are passed over.

    Raises:
        InputError: there is no class, a class is empty, training and test have different classes, or a name cannot be
            printed.
    """
    held_out = "test" if _folders(root / "test") else "val"
    train, test = (_list_part(root, part) for part in ("train", held_out))
    for classes, others, part in ((train, test, held_out), (test, train, "train")):
        for name in sorted(classes.keys() - others.keys()):
            raise InputError(f"{root / part / name}: no such folder; expected the same classes in train and {held_out}")
    paths = [tuple(sorted(path for images in part.values() for path in images)) for part in (train, test)]
    for path in filter(UNPRINTABLE.search, (*paths[0], *paths[1])):
        raise InputError(f"{root}: {path!r}: expected a name in UTF-8 without control characters")
    return Listing(tuple(sorted(train)), *paths)


def _list_part(root: Path, part: str) -> dict[str, list[str]]:
    classes = {name: _images(root, f"{part}/{name}") for name in _folders(root / part)}
    if not classes:
        raise InputError(f"{root / part}: no class folders; expected {root}/{part}/<class>/ with PNG or JPEG images")
    return classes


def _folders(folder: Path) -> list[str]:
    return [entry.name for entry in _entries(folder) if Path(entry).is_dir()]


def _images(root: Path, folder: str) -> list[str]:
    images = [f"{folder}/{entry.name}" for entry in _entries(root / folder) if is_image(entry.name)]
    if not images:
        raise InputError(f"{root / folder}: no image; expected PNG or JPEG files in every class")
    return images


def is_image(name: str) -> bool:
    """Whether a file of this name is taken for an image."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """The entries of a folder that are not hidden; none where no folder can be read."""
    try:
        return [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except OSError:
        return []


def open_image_folder(root: Path, side: int) -> UnreadDataset:
    """The images of a folder, (n, 3, side, side), and their classes; the images are read when they are stored.

    Args:
        root: the folder.
        side: pixels.

    Raises:
        InputError: as :func:`list_images`; when the images are read, as :func:`read_images`.
    """
    listing = list_images(root)

    def part(paths: Sequence[str]) -> ImageFiles:
        return ImageFiles((len(paths), 3, side, side), paths, read_images(root, paths, side))

    return UnreadDataset(
        part(listing.train), listing.numbers(listing.train), part(listing.test), listing.numbers(listing.test)
    )


def read_images(root: Path, paths: Iterable[str], side: int) -> Iterator[tuple[NDArray[np.uint8], str]]:
    """Read images as RGB, the shorter side resized to ``side`` pixels (bilinear, antialiased), the centre cut out.

    All cores read, a few images ahead.

    Args:
        root: folder that the paths start from.
        paths: of the images, below the root.
        side: pixels.

    Yields:
        each image, uint8 (3, side, side), with the sha256 of its file.

    Raises:
        InputError: a file cannot be read as an image.
    """
    readers = os.cpu_count() or 1
    reading = deque[Future[tuple[NDArray[np.uint8], str]]]()
    with ThreadPoolExecutor(readers) as pool:
        try:
            for path in paths:
                reading.append(pool.submit(_read_image, root / path, side))
                if len(reading) > IMAGES_AHEAD * readers:
                    yield reading.popleft().result()
            while reading:
                yield reading.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _read_image(path: Path, side: int) -> tuple[NDArray[np.uint8], str]:
    from PIL import Image, UnidentifiedImageError
    from torchvision.transforms.functional import center_crop, resize

    try:
        if not path.is_file():  # a pipe or a device would never end
            raise FileNotFoundError("not a file")
        content = path.read_bytes()
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.mode.startswith(("I", "F")):  # Pillow would make everything above 255 white
                raise ValueError(f"expected 8 bits a channel, found mode {image.mode}")
            picture = center_crop(resize(image.convert("RGB"), [side]), [side])
    except UnidentifiedImageError as error:
        raise InputError(f"{path}: expected a readable PNG or JPEG image, found something else") from error
    # Pillow's decoders raise many kinds of errors on a damaged file: SyntaxError and struct.error among others.
    except Exception as error:
        raise InputError(f"{path}: expected a readable PNG or JPEG image: {error}") from error
    return np.asarray(picture).transpose(2, 0, 1), hashlib.sha256(content).hexdigest()


def write_image_folder(root: Path, part: str, images: NDArray[np.uint8], classes: NDArray[np.int64]) -> None:
    """Write images as ``<part>/<class>/<index>.png`` below a folder, grey ones as RGB.

    Args:
        root: must exist.
        part: "train" or "test".
        images: uint8 (n, 1 or 3, height, width).
        classes: int64 (n,), which also name the folders.
    """
    from PIL import Image

    for index, (image, number) in enumerate(zip(images, classes.tolist(), strict=True)):
        path = root / part / str(number) / f"{index:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0)).save(path)
