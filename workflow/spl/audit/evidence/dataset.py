"""Whether the description of a prepared data set is that of its arrays and raw files."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from spl.audit.evidence.forms import other_metadata, other_names, ran_present_code
from spl.audit.published import DIGEST
from spl.audit.result_files import read_json, tensors
from spl.campaign.job import Job
from spl.campaign.strict_json import json_differences
from spl.data.store import ARRAYS, FILE, NO_CLASS, array_digest, grey_levels, mapped_arrays
from spl.provenance.files import digest_of_listing
from spl.provenance.manifest import Manifest
from spl.text.printable import brief

# Of a data set, up to how many bytes its images are read once more for their description.
READ_AGAIN = 2**29
# What the description of a data set says of files of raw data.
RAW_FILES = ("train_files", "test_files")


def dataset_contradictions(job: Job, manifest: Manifest, here: Collection[Path]) -> Iterator[str]:
    """The description of a prepared data set with its arrays."""
    images, path = job.outputs
    if not {images, path} <= set(here) or not ran_present_code(job, manifest):
        return
    described, metadata = tensors(images)
    yield from other_names(images, described, ARRAYS)
    yield from other_metadata(images, metadata, {})
    content, arrays = read_json(path), mapped_arrays(images)
    if arrays["train_images"].ndim != 4 or not arrays["train_images"].size:
        yield f"{images}: train_images has the shape {arrays['train_images'].shape}, which is none of images"
        return
    for part in ("train", "test"):
        shapes = [arrays[f"{part}_{name}"].shape for name in ("images", "classes")]
        if shapes != [(*shapes[1][:1], *arrays["train_images"].shape[1:]), shapes[1][:1]]:
            yield f"{images}: {part}_images has the shape {shapes[0]}, {part}_classes {shapes[1]}"
            return
    if other := [name for name in ARRAYS if arrays[name].dtype != (np.uint8 if "images" in name else np.int64)]:
        yield f"{images}: {other[0]} is of {arrays[other[0]].dtype}"
        return
    train, test = (arrays[f"{part}_classes"] for part in ("train", "test"))
    labelled, count = train[train != NO_CLASS], len(manifest.parameter["known"]["classes"])
    for name, classes in (("train_classes", labelled), ("test_classes", test)):
        if classes.min(initial=0) < 0 or classes.max(initial=0) >= count:  # memory for counts of others would not do
            yield f"{images}: {name} has classes from {classes.min()} to {classes.max()}, {job.manifest} has {count}"
            return
    again = ARRAYS if images.stat().st_size <= READ_AGAIN else ("train_classes", "test_classes")
    mean, std = grey_levels(arrays["train_images"]) if again == ARRAYS else (content["mean"], content["std"])
    expected = {
        "source": manifest.parameter["source"],
        "classes": manifest.parameter["known"]["classes"],
        "image": list(arrays["train_images"].shape[1:]),
        "train_counts": np.bincount(labelled).tolist(),
        "test_counts": np.bincount(test).tolist(),
        **({"without_class": len(train) - len(labelled)} if len(labelled) < len(train) else {}),
        "mean": mean,
        "std": std,
        "sha256": {
            **{name: content["sha256"].get(name) for name in ARRAYS},
            **{name: array_digest(arrays[name]) for name in again},
            FILE: manifest.outputs[str(images)],
        },
        **{name: content.get(name) for name in RAW_FILES},
    }
    for name, mine, theirs in json_differences(content, expected):
        yield f"{path}: {name} is {mine}, {images} has {theirs}"
    raw = {**content["train_files"], **content["test_files"]}
    if other := [name for name, sha256 in raw.items() if not DIGEST.fullmatch(sha256)]:
        yield f"{path}: {brief(other[0])} has something else than a sha256"
    if job.inputs:
        is_known = digest_of_listing(raw) in manifest.inputs.values()
    else:  # a source without files, or one that writes and reads its own: one for each image
        is_known = [len(content[name]) for name in RAW_FILES] == [len(train), len(test)]
    if raw and not is_known:
        yield f"{path}: its train_files and test_files are not those of which {job.manifest} has the digest"
