"""Whether a labelled set is one of its scheme and seed, with the counts of its images' classes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from spl.audit.evidence.forms import other_names, ran_present_code
from spl.audit.result_files import read_json
from spl.campaign.job import Job
from spl.campaign.strict_json import json_differences
from spl.data.ranking import ranked
from spl.data.splits import Split, part_of_class
from spl.data.store import NO_CLASS, mapped_arrays
from spl.provenance.manifest import Manifest


def split_contradictions(job: Job, manifest: Manifest, here: Collection[Path]) -> Iterator[str]:
    """A labelled set with its draw and, if they are here, with the classes of the images.

    Which images are drawn is not computed again, nor how many of each class a random draw has.
    """
    [path], images = job.outputs, job.inputs[:1]
    if path not in here or not ran_present_code(job, manifest):
        return
    content, draw = read_json(path), manifest.parameter["draw"]
    yield from other_names(path, content, [field.name for field in fields(Split)])
    labelled, excluded, counts = content["labelled"], content["excluded"], content["labelled_counts"]
    numbers = [*labelled, *excluded, *counts, *content["unlabelled_counts"]]
    if not all(type(number) is int and number >= 0 for number in numbers):
        yield f"{path}: expected numbers of images"
        return
    if len({*labelled, *excluded}) < len(labelled) + len(excluded):
        yield f"{path}: it has an image twice"
    in_order = [excluded, labelled] if draw["scheme"] == "full" else [excluded]
    emptied = None if draw.get("keep") is None else _imbalanced_class(len(counts), draw["seed"])
    expected = {**content, "scheme": draw["scheme"], "seed": draw["seed"], "imbalanced_class": emptied}
    for arrays in {*images} & {*here}:
        classes = mapped_arrays(arrays)["train_classes"]
        expected |= _counts(content, classes)
        if draw["scheme"] in ("balanced", "proportional"):
            in_order.append(classes[labelled].tolist())
    if any(order != sorted(order) for order in in_order):
        yield f"{path}: its images are in another order than they are drawn in"
    for name, mine, theirs in json_differences(content, expected):
        yield f"{path}: {name} is {mine}, expected {theirs}"
    for part, found, drawn in _numbers_drawn(content, draw, emptied):
        if found != drawn:
            yield f"{path}: {found} images are {part}, expected {drawn}"


def _imbalanced_class(n_classes: int, seed: int) -> int:
    """The class that loses unlabelled images."""
    return int(ranked("imbalanced-class", seed, np.arange(n_classes, dtype=np.int64))[0])


def _numbers_drawn(
    content: dict[str, Any], draw: dict[str, Any], emptied: int | None
) -> Iterator[tuple[str, int | list[int], int | list[int]]]:
    """How many images are labelled and excluded, and how many a draw labels and excludes; of classes as large as the
    counts of the pool say."""
    counts, part = content["labelled_counts"], draw.get("part")
    sizes = content["unlabelled_counts"][: len(counts)]
    if emptied is not None:
        sizes[emptied] += len(content["excluded"])
    if draw["scheme"] == "random":
        yield "labelled", [*map(min, counts, sizes)], counts
        yield "labelled", sum(counts), min(draw["labels"], sum(sizes))
    elif draw["scheme"] == "full":
        yield "labelled", counts, sizes
    else:
        drawn = [draw["labels"] if part is None else part_of_class(part, size) for size in sizes]
        yield "labelled", counts, [*map(min, drawn, sizes)]
    yield "labelled", len(content["labelled"]), sum(counts)
    unlabelled = 0 if emptied is None else sizes[emptied] - counts[emptied]
    yield "excluded", len(content["excluded"]), unlabelled - round((draw.get("keep") or 0) * unlabelled)


def _counts(content: dict[str, Any], classes: np.ndarray) -> dict[str, list[int]]:
    """The images of each class among those with labels, and in the pool of unlabelled ones."""
    n_classes = int(classes.max()) + 1
    counted = np.where(classes == NO_CLASS, n_classes, classes)
    labelled, excluded = (np.asarray(content[name], dtype=np.int64) for name in ("labelled", "excluded"))
    every = np.bincount(counted, minlength=n_classes)
    # Subtracted, since to list the pool would take most of the time of an audit
    pool = every - np.bincount(counted[excluded], minlength=len(every))
    return {
        "labelled_counts": np.bincount(counted[labelled], minlength=n_classes).tolist(),
        "unlabelled_counts": pool.tolist(),
    }
