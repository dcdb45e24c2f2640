"""Which images are labelled: balanced folds, parts of every class, nested random folds, imbalanced unlabelled pools.

A split depends on its own seed alone, never on the seed of a training run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spl.data.ranking import ranked
from spl.data.store import NO_CLASS, Classes, read_dataset
from spl.errors import InputError


@dataclass(frozen=True)
class Split:
    """One labelled set and the unlabelled pool that goes with it.

    Attributes:
        scheme: "balanced", "proportional", "random" or "full".
        seed: the seed of the draw.
        labelled: indices of the labelled training images, in the order drawn.
        excluded: indices of the training images that are not in the unlabelled pool. The pool holds all the others,
            labelled ones and those of no known class included, as in FixMatch.
        imbalanced_class: the class that lost unlabelled images, if any.
        labelled_counts: labelled images of each class.
        unlabelled_counts: images of each class in the unlabelled pool; last, where there are any, those of no known
            class.
    """

    scheme: str
    seed: int
    labelled: list[int]
    excluded: list[int]
    imbalanced_class: int | None
    labelled_counts: list[int]
    unlabelled_counts: list[int]


def draw_split(
    classes: Classes,
    scheme: str,
    seed: int,
    labels: int | None = None,
    keep: float | None = None,
    names: Sequence[str] | None = None,
    part: float | None = None,
) -> Split:
    """Draw the labelled set of one fold.

    Args:
        classes: int64 (n,), the class of each training image; those of no known class are never labelled.
        scheme: "balanced" takes ``labels`` images of each class, "proportional" the share ``part`` of each class,
            "random" ``labels`` of all images with a class, "full" all of these.
        seed: the fold's seed. For one seed, a larger draw of the same scheme contains a smaller one.
        labels: see ``scheme``.
        keep: share of the unlabelled images of one class, drawn at random, that stay in the pool; None keeps all.
        names: of the training images, which are then drawn by name instead of by index.
        part: share of each class, rounded to whole images and to at least one.
    """
    with_class = np.flatnonzero(classes != NO_CLASS)
    n_classes = int(classes.max()) + 1
    if scheme == "full":
        labelled = with_class
    elif scheme == "random":
        labelled = ranked("labelled", seed, with_class, names)[:labels]
    else:
        of_class = [ranked("labelled", seed, np.flatnonzero(classes == number), names) for number in range(n_classes)]
        counts = [labels if part is None else part_of_class(part, len(images)) for images in of_class]
        labelled = np.concatenate([images[:count] for images, count in zip(of_class, counts, strict=True)])
    excluded, imbalanced_class = with_class[:0], None
    if keep is not None:
        imbalanced_class = int(ranked("imbalanced-class", seed, np.arange(n_classes, dtype=np.int64))[0])
        unlabelled = np.setdiff1d(np.flatnonzero(classes == imbalanced_class), labelled)
        excluded = np.sort(ranked("imbalanced-pool", seed, unlabelled, names)[round(keep * len(unlabelled)) :])
    pool = np.setdiff1d(np.arange(len(classes)), excluded)
    counted = np.where(classes == NO_CLASS, n_classes, classes)
    return Split(
        scheme=scheme,
        seed=seed,
        labelled=labelled.tolist(),
        excluded=excluded.tolist(),
        imbalanced_class=imbalanced_class,
        labelled_counts=np.bincount(classes[labelled], minlength=n_classes).tolist(),
        unlabelled_counts=np.bincount(counted[pool], minlength=n_classes).tolist(),
    )


def part_of_class(part: float, images: int) -> int:
    """Number of images in a share of a class."""
    return max(1, round(part * images))


def write_fold(parameter: Mapping[str, Any], inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Draw the labelled set of one fold from a prepared data set and write it: the job ``split``.

    Args:
        parameter: ``draw``, the arguments of :func:`draw_split`.
        inputs: ``images.safetensors`` and ``dataset.json`` of the data set.
        outputs: the file to write; its folder is created.

    Raises:
        InputError: the data set cannot be read.
    """
    [path] = outputs
    dataset, description = read_dataset(inputs[0].parent, checked=["train_classes"])
    names = list(description["train_files"]) or None
    path.parent.mkdir(parents=True, exist_ok=True)
    write_split(draw_split(dataset.train_classes, **parameter["draw"], names=names), path)


def write_split(split: Split, path: Path) -> None:
    """Write a split as JSON."""
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in asdict(split).items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def read_split(path: Path) -> Split:
    """Read what :func:`write_split` wrote.

    Raises:
        InputError: the file is absent or is not a split.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text())
        return Split(**content)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{path}: not a split: {error}") from error
