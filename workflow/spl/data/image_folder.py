"""A folder of images in class folders: ``train/<class>/*`` and ``test/<class>/*`` (or ``val``), PNG or JPEG.

Images of no known class may lie beside ``train``, in ``unlabeled/*`` or ``unlabeled/<any>/*`` (or ``unlabelled``).
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spl.data.store import NO_CLASS, ImageFiles, UnreadDataset
from spl.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg")
UNLABELLED = ("unlabeled", "unlabelled")  # folders of images without a class; a data set has one of them at most
IMAGES_AHEAD = 4  # images that each core reads ahead: all of them can exceed the memory
FORMATS = ("PNG", "JPEG")  # whatever a file is called: for some other formats Pillow starts programs
BACKGROUND = "white"  # of images with transparent parts
REPORTED = 20  # unreadable images that are named before reading ends
KINDS = 6  # kinds of passed over files that are named
DEPTH = 24  # offset of a PNG's bits per channel: its first chunk is the header
ORIENTATION = 0x0112  # tag of EXIF
# What puts an image upright, as Pillow calls it, by its orientation; 1 is upright
TURNS = {
    2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE",
    8: "ROTATE_90",
}  # fmt: skip
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # the last: bytes that are not UTF-8

ReadImage = tuple[NDArray[np.uint8], str]  # (3, side, side), and the sha256 of the file
PassedOver = defaultdict[str, list[str]]  # paths by kind of file, with "%" for the s of the plural


@dataclass(frozen=True)
class Listing:
    """The images of a folder.

    Attributes:
        classes: names of the class folders, in the order of :func:`natural`.
        train, test: paths of the images below the root, with "/", sorted: the order of a directory has no influence.
            Training images without a class come last.
        passed_over: one line on what else lies in the folder; "" if nothing does.
    """

    classes: tuple[str, ...]
    train: tuple[str, ...]
    test: tuple[str, ...]
    passed_over: str = ""

    def numbers(self, paths: Sequence[str]) -> NDArray[np.int64]:
        """The class of each path, int64 (n,), numbered in the order of ``classes``, or ``NO_CLASS``."""
        number = {name: place for place, name in enumerate(self.classes)}
        return np.array([number.get(class_of(path), NO_CLASS) for path in paths], dtype=np.int64)

    @property
    def train_counts(self) -> tuple[int, ...]:
        """Training images of each class."""
        counted = Counter(class_of(path) for path in self.train)
        return tuple(counted[name] for name in self.classes)

    @property
    def digest(self) -> str:
        """The sha256 of all paths."""
        return hashlib.sha256("\n".join([*self.train, *self.test]).encode()).hexdigest()


def class_of(path: str) -> str:
    """The class of an image by its path below the root; "" if it has none."""
    part, name = path.split("/")[:2]
    return "" if part in UNLABELLED else name


def natural(name: str) -> tuple[list[str | int], str]:
    """A key that sorts names by their letters, and the numbers in them by value: 1, 2, 10."""
    # Text and numbers alternate, so that text is compared with text only.
    return [int(part) if place % 2 else part for place, part in enumerate(re.split("([0-9]+)", name))], name


def list_images(root: Path) -> Listing:
    """List a folder of images; hidden files, other kinds of files and deeper folders are passed over.

    Raises:
        InputError: there is no class, a class is empty, training and test have different classes, a folder cannot be
            read, or a name cannot be printed.
    """
    passed: PassedOver = defaultdict(list)
    folders, images = _sort_out(root, "", passed)
    passed["image% outside of the class folders"] += images
    held_out = "val" if "val" in folders and not _sort_out(root, "test", defaultdict(list))[0] else "test"
    train, test = (_list_part(root, part, passed) for part in ("train", held_out))
    for classes, others, part in ((train, test, held_out), (test, train, "train")):
        for name in sorted(classes.keys() - others.keys()):
            hint = f", and images without a class in {root / name}" if name in UNLABELLED else ""
            expected = f"the same classes in train and {held_out}{hint}"
            raise InputError(f"{root / part / name}: no such folder; expected {expected}")
    pools = [name for name in folders if name in UNLABELLED]
    if len(pools) > 1:
        raise InputError(f"{root}: expected images without a class in one folder, found {' and '.join(sorted(pools))}")
    passed["folder%"] += sorted({*folders} - {"train", held_out, *pools})
    without_class = [path for pool in pools for path in _list_pool(root, pool, passed)]
    paths = [sorted(path for images in part.values() for path in images) for part in (train, test)]
    paths[0] += sorted(without_class)
    for path in filter(UNPRINTABLE.search, chain(*paths)):
        raise InputError(f"{root}: {path!r}: expected a name in UTF-8 without control characters")
    return Listing(tuple(sorted(train, key=natural)), tuple(paths[0]), tuple(paths[1]), _describe(root, passed))


def _list_part(root: Path, part: str, passed: PassedOver) -> dict[str, list[str]]:
    """The images of each class."""
    names, images = _sort_out(root, part, passed)
    passed["image% outside of the class folders"] += images
    if not names:
        raise InputError(f"{root / part}: no class folders; expected {root}/{part}/<class>/ with PNG or JPEG images")
    classes = {}
    for name in names:
        deeper, classes[name] = _sort_out(root, f"{part}/{name}", passed)
        passed["folder%"] += [f"{part}/{name}/{folder}" for folder in deeper]
        if not classes[name]:
            raise InputError(f"{root / part / name}: no image; expected PNG or JPEG files in every class")
    return classes


def _list_pool(root: Path, pool: str, passed: PassedOver) -> Iterator[str]:
    """The images in a folder and in the folders in it, for many tools can only write class folders."""
    folders, images = _sort_out(root, pool, passed)
    yield from images
    for folder in folders:
        deeper, images = _sort_out(root, f"{pool}/{folder}", passed)
        passed["folder%"] += [f"{pool}/{folder}/{name}" for name in deeper]
        yield from images


def _sort_out(root: Path, folder: str, passed: PassedOver) -> tuple[list[str], list[str]]:
    """The names of the folders in a folder, and the paths of its images; everything else is passed over."""
    folders, images = list[str](), list[str]()
    for entry in _entries(root / folder):
        path = f"{folder}/{entry.name}".removeprefix("/")
        suffix = Path(entry.name).suffix.lower()
        if entry.name.startswith("."):
            passed["hidden file%"].append(path)
        elif _is_folder(entry):
            folders.append(entry.name)
        elif suffix in SUFFIXES:
            images.append(path)
        else:
            passed[f"{suffix} file%" if re.fullmatch(r"\.[a-z0-9]{1,9}", suffix) else "other file%"].append(path)
    return folders, images


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """The entries of a folder; none where no folder is.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False


def _describe(root: Path, passed: PassedOver) -> str:
    """One line on what was passed over: how many of what, and where the first of them lies."""
    kinds = sorted((kind for kind in passed if passed[kind]), key=lambda kind: (-len(passed[kind]), kind))
    parts = []
    for kind in kinds[:KINDS]:
        first = min(passed[kind])
        name = repr(first) if UNPRINTABLE.search(first) else first
        many = len(passed[kind]) > 1
        parts.append(f"{len(passed[kind]):,} {kind.replace('%', 's' * many)} ({name}{', ...' * many})")
    if rest := sum(len(passed[kind]) for kind in kinds[KINDS:]):
        parts.append(f"{rest:,} of other kinds")
    return f"{root}: passed over {', '.join(parts)}" if parts else ""


def open_image_folder(root: Path, side: int) -> UnreadDataset:
    """The images of a folder, (n, 3, side, side), and their classes; the images are read when they are stored.

    Args:
        root: the folder.
        side: pixels.

    Raises:
        InputError: as :func:`list_images`; when the images are read, as :func:`read_images`.
    """
    listing = list_images(root)
    if listing.passed_over:
        print(listing.passed_over, file=sys.stderr)  # the log of the job

    def part(paths: Sequence[str], others: Sequence[str]) -> ImageFiles:
        return ImageFiles((len(paths), 3, side, side), paths, read_images(root, paths, side, others))

    return UnreadDataset(
        part(listing.train, ()),
        listing.numbers(listing.train),
        part(listing.test, listing.train),  # the test images are stored first
        listing.numbers(listing.test),
    )


def read_images(root: Path, paths: Iterable[str], side: int, others: Iterable[str] = ()) -> Iterator[ReadImage]:
    """Read images in RGB (:func:`as_rgb`), the shorter side resized (bilinear, antialiased), the centre cut out.

    All cores read, a few images ahead.

    Args:
        root: folder that the paths start from.
        paths: of the images, below the root.
        side: pixels.
        others: paths of images that are only looked through if one of the others cannot be read, to name all of those.

    Yields:
        each image, uint8 (3, side, side), with the sha256 of its file.

    Raises:
        InputError: files cannot be read as images; one line for each, up to :data:`REPORTED`.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            reading = _read_ahead(pool, root, paths, side)
            for image in reading:
                try:
                    read = image.result()
                except InputError as error:
                    from spl.text.printable import in_lines

                    rest = chain(reading, _read_ahead(pool, root, others, side))
                    raise InputError(in_lines(_unreadable(root, error, rest))) from error
                yield read
        finally:
            pool.shutdown(cancel_futures=True)


def _read_ahead(pool: ThreadPoolExecutor, root: Path, paths: Iterable[str], side: int) -> Iterator[Future[ReadImage]]:
    """The images in their order, a few of which are read ahead."""
    reading = deque[Future[ReadImage]]()
    for path in paths:
        reading.append(pool.submit(_read_image, root / path, side))
        if len(reading) > IMAGES_AHEAD * (os.cpu_count() or 1):
            yield reading.popleft()
    while reading:
        yield reading.popleft()


def _unreadable(root: Path, first: InputError, rest: Iterable[Future[ReadImage]]) -> Iterator[str]:
    """A line for each image that cannot be read."""
    errors = (image.exception() for image in rest)
    others = (str(error) for error in errors if isinstance(error, InputError))
    yield from islice(chain([str(first)], others), REPORTED)
    if next(others, None):
        yield f"{root}: further images that cannot be read; only the first {REPORTED} are named"


def _read_image(path: Path, side: int) -> ReadImage:
    from PIL import Image, UnidentifiedImageError
    from torchvision.transforms.functional import center_crop, resize

    try:
        if not path.is_file():  # a pipe or a device would never end
            raise FileNotFoundError("not a file")
        content = path.read_bytes()
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            depth = content[DEPTH] if image.format == "PNG" else 8
            picture = center_crop(resize(as_rgb(image, depth), [side]), [side])
    except UnidentifiedImageError as error:
        raise InputError(f"{path}: expected a readable PNG or JPEG image, found something else") from error
    # Pillow's decoders raise many kinds of errors on a damaged file: SyntaxError and struct.error among others.
    except Exception as error:
        raise InputError(f"{path}: expected a readable PNG or JPEG image: {' '.join(str(error).split())}") from error
    return np.asarray(picture).transpose(2, 0, 1), hashlib.sha256(content).hexdigest()


def as_rgb(image: Image.Image, depth: int) -> Image.Image:
    """An image of any mode in RGB with 8 bits per channel, as a viewer shows it on a white page.

    Of several frames the first counts. Of 16 bits per channel the upper 8 count. The orientation in the EXIF data is
    applied. Palettes, grey levels and CMYK are converted by Pillow's formulas, without colour profiles. Transparent
    parts show :data:`BACKGROUND`.

    Args:
        image: as Pillow opens a PNG or JPEG file.
        depth: bits per channel in the file.
    """
    from PIL import Image

    turn = _turn(image)
    key = image.info.get("transparency")  # of grey and RGB images: the one level or colour that is transparent
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("L", "RGB") and key is not None:
        levels = [_in_8_bits(level, depth) for level in np.atleast_1d(key).tolist()]
        image.info["transparency"] = levels[0] if image.mode == "L" else tuple(levels)
    if image.has_transparency_data:
        page = Image.new("RGBA", image.size, BACKGROUND)
        image = Image.alpha_composite(page, image.convert("RGBA"))
    image = image.convert("RGB")
    return image if turn is None else image.transpose(Image.Transpose[turn])


def _in_8_bits(level: int, depth: int) -> int:
    """A level of so many bits as Pillow stretches or cuts those of the pixels."""
    level &= 2**depth - 1
    return level >> 8 if depth == 16 else level * 255 // (2**depth - 1)


def _turn(image: Image.Image) -> str | None:
    """What puts an image upright, by its EXIF data; None if it is upright or they cannot be read, as in viewers."""
    try:
        return TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # Pillow raises many kinds of errors on damaged EXIF data
        return None


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
