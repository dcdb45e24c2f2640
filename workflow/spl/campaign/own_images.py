"""A user's own images that changed under their names are prepared again.

Snakemake sees no change of a file deep in a folder. Hence a small file notes the state of every image when Snakemake
starts: its size and times, and, once these have changed, the sha256 of its content. Only while a content differs from
the prepared one is that file newer than the prepared data, so that Snakemake prepares them again.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from spl.attempts.plain_file import plain_digest, read_plain, write_note
from spl.campaign.plan_file import FOLDER
from spl.campaign.strict_json import MOST_OF_JSON, parse_json
from spl.data.image_folder import list_images
from spl.study.dataset import DatasetSettings
from spl.study.files import DATA_FILES
from spl.study.plan import Plan

# Of an image: its size, the times of its content and of its inode in ns, and the sha256 of its content; that is "" as
# long as the image has not changed since it was first noted.
State = tuple[int, int, int, str]
STATES = TypeAdapter(dict[str, State])
SECOND = 10**9  # in ns; some file systems know no shorter time
MOST_NOTED = 2**30  # bytes; the states of ImageNet's images take a fifth of that


def own_images(plan: Plan) -> dict[str, DatasetSettings]:
    """The data sets of a plan that are folders of images, by name."""
    used = {split.dataset for split in plan.splits.values()}
    datasets = plan.study.datasets.items()
    return {name: dataset for name, dataset in datasets if name in used and dataset.source == "image-folder"}


def image_notes(plan: Plan, results: Path) -> list[str]:
    """A line on each folder of images that is not here, that contains more than images and is yet to be prepared, or
    whose test images were also prepared for training.

    Args:
        plan: of the study.
        results: its folder.
    """
    lines = []
    for name, dataset in own_images(plan).items():
        prepared = results / "data" / name
        if dataset.absent:
            lines.append(f"{dataset.root}: no images here; those prepared from it in {prepared} are used")
        elif not (prepared / DATA_FILES[1]).is_file():
            lines.append(list_images(dataset.files[0]).passed_over)
        lines.append(_leaked(name, prepared / DATA_FILES[1]))
    return [line for line in lines if line]


def _leaked(name: str, description: Path) -> str:
    """A line on test images that are training images, too, by their content; "" if there are none."""
    train = {sha256: path for path, sha256 in _prepared(description, "train_files").items()}
    shared = {path: train[sha256] for path, sha256 in _prepared(description, "test_files").items() if sha256 in train}
    if not shared:
        return ""
    what = f"{name}: {len(shared):,} test images are training images, too"
    return f"{what}: {min(shared)} is {shared[min(shared)]}; errors are too small"


def state_file(results: Path, name: str) -> Path:
    """The file that notes the state of a data set's images."""
    return results / FOLDER / f"images-{name}.json"


def note_images(plan: Plan, results: Path) -> list[str]:
    """Note the state of the images of all folders, and date each file by whether they are the prepared ones.

    Args:
        plan: of the study.
        results: its folder.

    Returns:
        a line on each folder with images that are to be prepared again.
    """
    lines = []
    for name, dataset in own_images(plan).items():
        file, outputs = state_file(results, name), [results / "data" / name / output for output in DATA_FILES]
        noted = _read_noted(file)
        present, changed = noted, list[str]()
        if not dataset.absent:
            present, changed = _compare(dataset.files[0], noted, outputs[1])
        if present != noted or not file.is_file():
            write_note(file, f"{json.dumps(present)}\n".encode())
        _date(file, outputs, newer=bool(changed))
        if changed:
            others = f" and {len(changed) - 1:,} more" if len(changed) > 1 else ""
            lines.append(
                f"{dataset.root}: {min(changed)}{others} changed since {name} was prepared: prepared again, with all "
                "that follows from it"
            )
    return lines


def _read_noted(file: Path) -> dict[str, State]:
    try:
        return STATES.validate_json(read_plain(file, MOST_NOTED))
    except (OSError, ValidationError):
        return {}


def _compare(root: Path, noted: Mapping[str, State], description: Path) -> tuple[dict[str, State], list[str]]:
    """The present state of all images, and those whose content is not the one that was prepared."""
    listing = list_images(root)
    present = {name: _state(root / name) for name in (*listing.train, *listing.test)}
    touched = [name for name, state in present.items() if state[:3] != noted.get(name, state)[:3] or name not in noted]
    present |= {name: noted[name] for name in present.keys() - {*touched}}
    if not description.is_file():
        return present, []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        digests = zip(touched, pool.map(lambda name: _digest(root / name), touched), strict=True)
        present |= {name: (*present[name][:3], digest) for name, digest in digests}
    if not any(digest for *_, digest in present.values()):
        return present, []
    prepared = _prepared(description, "train_files") | _prepared(description, "test_files")
    return present, [name for name, (*_, digest) in present.items() if digest and prepared.get(name, digest) != digest]


def _state(path: Path) -> State:
    try:
        state = path.stat()
    except OSError:  # its preparation reports it
        return 0, 0, 0, ""
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns, ""


def _digest(path: Path) -> str:
    try:
        return plain_digest(path)
    except OSError as error:
        return f"unreadable: {error.strerror}"


def _prepared(description: Path, part: str) -> dict[str, str]:
    """The sha256 of each image of a part as it was prepared; none if that cannot be read."""
    try:
        listed = dict(parse_json(read_plain(description, MOST_OF_JSON))[part])
        return {name: sha256 for name, sha256 in listed.items() if isinstance(sha256, str)}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}


def _date(file: Path, outputs: Sequence[Path], *, newer: bool) -> None:
    """Give a file a date after that of all outputs, or before that of each; any date will do without them."""
    dates = [path.stat().st_mtime_ns for path in outputs if path.is_file()]
    present = file.stat().st_mtime_ns
    if dates and (present <= max(dates) if newer else present >= min(dates)):
        date = max(max(dates) + SECOND, time.time_ns()) if newer else min(dates) - SECOND
        os.utime(file, ns=(date, date))
