"""The digits as a folder of image files: the path that ImageNet takes, for studies without ImageNet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from spl.data.digits import DIGITS, read_digits
from spl.data.image_folder import open_image_folder, write_image_folder
from spl.data.source import Source
from spl.data.store import UnreadDataset


def read_digits_from_files() -> UnreadDataset:
    """The digits, written as RGB files in class folders and read back like a user's own folder.

    Images are drawn by name and have a checksum each.
    """
    digits = read_digits()
    with TemporaryDirectory() as folder:
        root = Path(folder)
        write_image_folder(root, "train", digits.train_images, digits.train_classes)
        write_image_folder(root, "test", digits.test_images, digits.test_classes)
        opened = open_image_folder(root, digits.train_images.shape[-1])
        # Read now: the folder goes.
        train, test = (replace(part, images=list(part.images)) for part in (opened.train_images, opened.test_images))
        return replace(opened, train_images=train, test_images=test)


SOURCE = Source(read_digits_from_files, DIGITS)
