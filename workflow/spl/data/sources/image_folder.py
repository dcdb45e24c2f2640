"""A user's own folder of images, ImageNet for one."""

import unicodedata
from pathlib import Path

from spl.data.image_folder import list_images, open_image_folder
from spl.data.source import Description, Source
from spl.errors import InputError


def describe_image_folder(root: Path, side: int) -> Description:
    """The description of the images that :func:`spl.data.image_folder.list_images` lists.

    Args:
        root: the folder.
        side: height and width in pixels to which images are resized.

    Raises:
        InputError: as :func:`spl.data.image_folder.list_images`; or a class is spelt in two ways.
    """
    _check_spellings(root)
    listing = list_images(root)
    return Description(listing.train_counts, side, listing.classes, listing.digest)


def _check_spellings(root: Path) -> None:
    """Refuse a class that is spelt in two ways that look the same: macOS writes é as e with an accent, others do not.

    Raises:
        InputError: naming both.
    """
    parts = [root / part for part in ("train", "test", "val")]
    names = {folder.name for part in parts if part.is_dir() for folder in part.iterdir()}
    first: dict[str, str] = {}
    for name in sorted(names):
        other = first.setdefault(unicodedata.normalize("NFC", name), name)
        if other != name:
            raise InputError(f"{root}: expected one spelling of a class, found {other!a} and {name!a}")


SOURCE = Source(open_image_folder, describe_image_folder)
