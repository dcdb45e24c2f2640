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
from spl.data.splits import Split
from spl.data.store import NO_CLASS, mapped_arrays
from spl.provenance.manifest import Manifest


def split_contradictions(job: Job, manifest: Manifest, here: Collection[Path]) -> Iterator[str]:
    """A labelled set with its parameter and, if they are here, with the classes of the images.

    Which images of a class are drawn is not computed again.
    """
    [path], images = job.outputs, job.inputs[:1]
    if path not in here or not ran_present_code(job, manifest):
        return
    content, draw = read_json(path), manifest.parameter["draw"]
    yield from other_names(path, content, [field.name for field in fields(Split)])
    expected = {**content, "scheme": draw["scheme"], "seed": draw["seed"]}
    for arrays in {*images} & {*here}:
        expected |= _counts(content, mapped_arrays(arrays)["train_classes"])
    for name, mine, theirs in json_differences(content, expected):
        yield f"{path}: {name} is {mine}, expected {theirs}"
    drawn = [*content["labelled"], *content["excluded"]]
    if not all(type(image) is int and image >= 0 for image in drawn):
        yield f"{path}: expected numbers of images"
    if len(set(drawn)) < len(drawn):
        yield f"{path}: it has an image twice"
    if len(content["labelled"]) != sum(content["labelled_counts"]):
        yield f"{path}: {len(content['labelled'])} images are labelled, {sum(content['labelled_counts'])} are counted"


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
