"""The labelled sets on the page: how many images of each class are labelled, and small pictures of them."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open

from spl.data.splits import Split

SHOWN = 320
"""Images that are shown of a labelled set, at most, unless it has more classes: then one of each."""
SIDE = 32
"""Pixels that a picture is high and wide, at most."""
COLUMNS = 40
"""Pictures beside one another on a sheet."""
QUALITY = 80
"""Of colour pictures, as JPEG; grey ones are PNG and lose nothing."""


def labelled_sets(splits: Mapping[str, Split], images: Path) -> dict[str, Any]:
    """The labelled sets of one data set, and one sheet with a picture of each image that is shown of any of them.

    Args:
        splits: by path.
        images: the data set's arrays; only the images that are shown are read.

    Returns:
        ``sheet``, a data URL; the ``side`` of a picture on it in pixels, and how many ``columns`` of them it has;
        ``sets``, by the path of the split ``labelled`` and ``pool``, the images of each class that are labelled and
        that are in the unlabelled pool, and ``pictures``, by class the places on the sheet, in the order drawn.
    """
    with safe_open(images, framework="numpy") as arrays:
        classes = arrays.get_tensor("train_classes")
        chosen = {path: _chosen(split, classes) for path, split in splits.items()}
        places = {image: place for place, image in enumerate(sorted(_all(chosen)))}
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
    """By class the images that are shown, in the order drawn."""
    most = max(1, SHOWN // len(split.labelled_counts))
    labelled = np.array(split.labelled)
    return [labelled[classes[labelled] == one][:most].tolist() for one in range(len(split.labelled_counts))]


def _all(chosen: Mapping[str, list[list[int]]]) -> Collection[int]:
    return {image for classes in chosen.values() for of_class in classes for image in of_class}


def _picture(image: NDArray[np.uint8]) -> Image.Image:
    """A picture of an image, uint8 (channels, height, width)."""
    pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    return picture.resize((SIDE, SIDE), Image.Resampling.BOX) if picture.width > SIDE else picture


def _sheet(pictures: list[Image.Image]) -> str:
    """All pictures as one, a data URL."""
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
