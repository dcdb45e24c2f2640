"""A user's own folder of images, ImageNet for one."""

from pathlib import Path

from spl.data.image_folder import list_images, open_image_folder
from spl.data.source import Description, Source


def describe_image_folder(root: Path, side: int) -> Description:
    """The description of the images that :func:`spl.data.image_folder.list_images` lists.

    Args:
        root: the folder.
        side: height and width in pixels to which images are resized.
    """
    listing = list_images(root)
    return Description(listing.train_counts, side, listing.classes, listing.digest)


SOURCE = Source(open_image_folder, describe_image_folder)
