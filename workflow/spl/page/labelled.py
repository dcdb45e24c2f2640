"""The labelled sets on the page: the number of labelled images per class, and thumbnails of them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open

from spl.data.splits import Split

# Maximum number of thumbnails per labelled set; at least one per class
MAX_PICTURES = 320
# Maximum height and width of a thumbnail in pixels
MAX_SIDE = 32
# Thumbnails per row of a sheet
COLUMNS = 40
# JPEG quality of colour thumbnails; grey ones are lossless PNG
QUALITY = 80


def labelled_sets(splits: Mapping[str, Split], images: Path) -> dict[str, Any]:
    """The labelled sets of one data set, and one sheet of thumbnails that they share.

    Args:
        splits: by path.
        images: file of the data set's arrays; only the images of the thumbnails are read.

    Returns:
        ``sheet``, a data URL; ``side`` of a thumbnail in pixels; ``columns`` of the sheet; ``sets``, by path of the
        split: ``labelled`` and ``pool``, the numbers of labelled and of unlabelled images per class, in the pool last
        those without a class, if there are any, and ``pictures``, per class the positions of its thumbnails on the
        sheet, in the order drawn.
    """
    with safe_open(images, framework="numpy") as arrays:
        classes = arrays.get_tensor("train_classes")
        chosen = {path: _chosen(split, classes) for path, split in splits.items()}
        shown = {image for classes_of_split in chosen.values() for of_class in classes_of_split for image in of_class}
        places = {image: place for place, image in enumerate(sorted(shown))}
        source = arrays.get_slice("train_images")
        pictures = [_picture(source[image : image + 1][0]) for image in places]
    return {
        "sheet": _sheet(pictures),
        "side": pictures[0].width,
        "columns": COLUMNS,
        "sets": {
            path: {
                "labelled": split.labelled_counts,
                "pool": split.unlabelled_counts,
                "pictures": [[places[image] for image in of_class] for of_class in chosen[path]],
            }
            for path, split in splits.items()
        },
    }


def _chosen(split: Split, classes: NDArray[np.int64]) -> list[list[int]]:
    """Per class the images to show, in the order drawn."""
    most = max(1, MAX_PICTURES // len(split.labelled_counts))
    labelled = np.array(split.labelled)
    return [labelled[classes[labelled] == number][:most].tolist() for number in range(len(split.labelled_counts))]


def _picture(image: NDArray[np.uint8]) -> Image.Image:
    """The thumbnail of an image, uint8 (channels, height, width)."""
    pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    return picture.resize((MAX_SIDE, MAX_SIDE), Image.Resampling.BOX) if picture.width > MAX_SIDE else picture


def _sheet(pictures: list[Image.Image]) -> str:
    """All thumbnails on one sheet, as a data URL."""
    side, grey = pictures[0].width, pictures[0].mode == "L"
    sheet = Image.new(pictures[0].mode, (COLUMNS * side, -(-len(pictures) // COLUMNS) * side))
    for place, picture in enumerate(pictures):
        sheet.paste(picture, (place % COLUMNS * side, place // COLUMNS * side))
    content = BytesIO()
    if grey:
        sheet.save(content, "PNG")
    else:
        sheet.save(content, "JPEG", quality=QUALITY, subsampling=0)
    return f"data:image/{'png' if grey else 'jpeg'};base64,{base64.b64encode(content.getvalue()).decode()}"
