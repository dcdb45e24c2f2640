"""What a data source consists of: how it is read, and what is known of it before.

To add a data source, add a file to the folder ``sources`` that defines ``SOURCE``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spl.data.downloads import PublishedFiles
    from spl.data.store import Dataset, UnreadDataset


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
        read: returns the data set, given the files that :meth:`locate` lists and the data set's options in the study.
        known: what is known before reading; for a user's own folder, the function that describes the folder.
        files: of a published data set.
    """

    read: Callable[..., Dataset | UnreadDataset]
    known: Description | Callable[..., Description]
    files: PublishedFiles | None = None

    @property
    def own_folder(self) -> bool:
        """Whether the data set is the content of a user's folder, so that it cannot be read without ``root``."""
        return not isinstance(self.known, Description)

    def describe(self, root: Path | None, **options: int) -> Description:
        """What the study must know of the data set before it is read.

        Raises:
            InputError: the user's own folder is not as expected.
        """
        return self.known if isinstance(self.known, Description) else self.known(root, **options)

    def locate(self, name: str, root: Path | None) -> list[Path]:
        """The files to read, or the user's own folder; files yet to be downloaded are listed where they will lie.

        Args:
            name: key of the source.
            root: folder named in the study.

        Raises:
            InputError: the folder lacks a file.
        """
        if self.files is not None:
            return self.files.locate(root, name)
        return [] if root is None else [root]
