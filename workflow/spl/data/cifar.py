"""The published files of CIFAR-10 and CIFAR-100, read by torchvision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from spl.data.downloads import PublishedFiles, below, read_verified
from spl.data.store import Dataset


def cifar_files(torchvision: str, archive: str, folder: str, batches: tuple[str, ...]) -> PublishedFiles:
    """The archive, or the batches in the archive's folder, or the batches alone.

    Args:
        torchvision: class of torchvision.
        archive: file name.
        folder: top folder within the archive.
        batches: file names within that folder.
    """
    return PublishedFiles(torchvision, ((archive,), below(folder, batches), batches))


def read_cifar(torchvision: str, files: Sequence[Path]) -> Dataset:
    """Images uint8 (n, 3, 32, 32) and their (fine) classes, from the archive or from the batches.

    Args:
        torchvision: class of torchvision, "CIFAR10" or "CIFAR100".
        files: as :func:`cifar_files` lists them.

    Raises:
        InputError: a file is not the one that torchvision knows.
    """
    from torchvision import datasets
    from torchvision.datasets.utils import extract_archive

    published: Any = getattr(datasets, torchvision)
    md5s = dict([*published.train_list, *published.test_list])
    md5s |= {published.filename: published.tgz_md5, published.meta["filename"]: published.meta["md5"]}
    with TemporaryDirectory() as folder:  # torchvision reads its own layout alone
        batches = Path(folder, published.base_folder)
        batches.mkdir()
        for path in files:
            read_verified(path, md5s[path.name])
            if path.name == published.filename:
                extract_archive(path, folder)
            else:
                (batches / path.name).symlink_to(path.resolve())
        train, test = (published(folder, train=part) for part in (True, False))
    train_images, test_images = (part.data.transpose(0, 3, 1, 2) for part in (train, test))
    train_classes, test_classes = (np.asarray(part.targets, dtype=np.int64) for part in (train, test))
    return Dataset(train_images, train_classes, test_images, test_classes)
