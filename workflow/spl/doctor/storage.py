"""The file system of the results: locks, links, names and room, tried in a folder that is removed again."""

from __future__ import annotations

import fcntl
import math
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from spl.campaign.notes import obstacle
from spl.doctor.finding import Finding
from spl.study.plan import Plan

GB = 10**9
# Room beyond the estimate, for logs, figures and the crate.
SPARE = GB
# Seconds between the clocks of this host and of the file system from which on Snakemake confuses old and new files.
SKEW = 5
# Weights of torchvision's residual networks, in millions.
RESNETS = {18: 11.7, 34: 21.8, 50: 25.6, 101: 44.6, 152: 60.2}


def existing(folder: Path) -> Path:
    """The folder, or the nearest one around it that exists."""
    return next(place for place in (folder, *folder.absolute().parents) if place.is_dir())


def file_system(results: Path) -> Iterator[Finding]:
    """Whether the file system of the results can do what runs and Snakemake need.

    Args:
        results: folder of the study; it need not exist.
    """
    if found := obstacle(results):
        yield Finding("files", "error", found, "remove it, or make the folder that it leads to")
        return
    place = existing(results)
    try:
        folder = Path(tempfile.mkdtemp(prefix=".spl-doctor-", dir=place))
    except OSError as error:
        yield Finding("files", "error", f"{place}: {error.strerror}", "choose another `directory:` in the profile")
        return
    try:
        yield from _tried(folder, place)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tried(folder: Path, place: Path) -> Iterator[Finding]:
    """Args: an empty folder to work in, and how it is called."""
    trials: list[tuple[str, Callable[[Path], None], str, str]] = [
        ("locks", _lock, "error", "choose a file system with flock, as NFS 4 or Lustre mounted with -o flock"),
        ("hard links", _link, "warning", "the log of a run that starts again begins anew"),
        ("syncing of folders", _sync, "warning", "after a crash of the file server a checkpoint may be missing"),
        ("renaming", _rename, "error", "results could not be written whole or not at all"),
    ]
    for about, trial, level, advice in trials:
        inside = folder / about.replace(" ", "-")
        inside.mkdir()
        try:
            trial(inside)
        except OSError as error:
            yield Finding(about, "error" if level == "error" else "warning", f"{place}: {error.strerror}", advice)
        else:
            yield Finding(about, "ok", str(place))
    yield _clock(folder)


def _lock(folder: Path) -> None:
    with (folder / "lock").open("w") as first, (folder / "lock").open("w") as second:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        raise OSError(0, "a second lock on a locked file is granted")


def _link(folder: Path) -> None:
    (folder / "other").mkdir()
    (folder / "file").touch()
    (folder / "other/link").hardlink_to(folder / "file")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename(folder: Path) -> None:
    (folder / "old").write_text("old")
    (folder / "new").write_text("new")
    (folder / "new").replace(folder / "old")
    if (folder / "old").read_text() != "new":
        raise OSError(0, "a renamed file does not replace another one")


def _clock(folder: Path) -> Finding:
    file = folder / "now"
    before = time.time()
    file.touch()
    after, stamped = time.time(), file.stat().st_mtime
    skew = max(stamped - after, before - stamped, 0.0)
    if skew > SKEW:
        return Finding(
            "clock", "warning", f"that of the file system differs by {skew:.0f} s", "let both follow a time server"
        )
    return Finding("clock", "ok", "that of the file system agrees")


def names(plan: Plan, results: Path) -> Finding:
    """Whether the file system takes the longest names of runs."""
    place = existing(results)
    most = os.pathconf(place, "PC_NAME_MAX")
    # Manifests and temporary files add some letters to the name of a folder.
    longest = max((part for path in plan.runs for part in path.split("/")), key=len, default="")
    if len(longest.encode()) + 30 > most:
        return Finding(
            "names", "error", f"{longest[:60]}...: longer than {most - 30} bytes", "vary fewer settings in one variant"
        )
    return Finding("names", "ok", f"up to {len(longest)} of {most} bytes")


def room(plan: Plan, runs: Collection[str], results: Path) -> Finding:
    """Whether there is room for the files of open runs.

    Args:
        plan: of the study.
        runs: paths of the open ones.
        results: folder of the study; it need not exist.
    """
    place = existing(results)
    needed = sum(run_bytes(plan, path) for path in runs) + _data_bytes(plan, results) + SPARE
    free = shutil.disk_usage(place).free
    message = f"{place}: {free / GB:.1f} GB free, about {needed / GB:.1f} GB needed for {len(runs)} open runs"
    if free < needed:
        advice = "free some, or set `directory:` in the profile"
        return Finding("room", "warning" if free > needed / 2 else "error", message, advice)
    return Finding("room", "ok", f"{message}; quotas are not seen")


def run_bytes(plan: Plan, path: str) -> int:
    """An estimate of what a run writes: weights, predictions, and two checkpoints, which stay until Snakemake ends."""
    run = plan.runs[path]
    settings, dataset = run.settings, plan.study.datasets[run.dataset]
    weights = 4 * weights_of(settings["network"], len(dataset.known.classes))
    images = dataset.known.train_images // 5  # about as many test images as most data sets have
    predictions = _evaluations(settings) * images * (1 if len(dataset.known.classes) <= 256 else 2)
    # Live and averaged weights; in checkpoints the momenta, too.
    return 2 * weights + 2 * 3 * weights + 3 * predictions


def weights_of(network: str, classes: int) -> int:
    """About how many weights a network has, without batch norms and biases."""
    depth, *width = (int(part) for part in re.findall(r"\d+", network))
    if not width:
        return int(RESNETS[depth] * 1e6)
    widths = [16, *(base * width[0] for base in (16, 32, 64))]
    total = 27 * widths[0] + widths[3] * classes
    for before, after in pairwise(widths):
        blocks = (depth - 4) // 6
        total += 9 * before * after + 9 * after * after + (before != after) * before * after
        total += (blocks - 1) * 18 * after * after
    return total


def _evaluations(settings: Mapping[str, Any]) -> int:
    """About how often a run is evaluated."""
    steps: int = settings["steps"]
    until: int = settings["stop"] or steps

    def interval(key: str) -> float:
        given: float = settings[key]
        return given if given >= 1 else given * steps

    early = min(until, 0.8 * steps)
    return (
        1 + math.ceil(early / interval("evaluate_every")) + math.ceil((until - early) / interval("evaluate_late_every"))
    )


def _data_bytes(plan: Plan, results: Path) -> int:
    """What preparing data sets writes that are not prepared yet, in colour."""
    waiting = {
        run.dataset for run in plan.runs.values() if not (results / "data" / run.dataset / "dataset.json").exists()
    }
    sizes = ((plan.study.datasets[name].known.train_images, plan.study.datasets[name].pixels) for name in waiting)
    return sum(int(1.2 * images) * side * side * 3 for images, side in sizes)


def downloads(plan: Plan, results: Path) -> Iterator[Finding]:
    """Whether the files of data sets are there: compute nodes, and some login nodes, have no internet."""
    for name in dict.fromkeys(run.dataset for run in plan.runs.values()):
        prepared = (results / "data" / name / "dataset.json").exists()
        missing = [] if prepared else [path for path in plan.study.datasets[name].files if not path.exists()]
        if missing:
            yield Finding(
                "data",
                "warning",
                f"{name}: {missing[0]} is downloaded when Snakemake starts",
                "without internet here, run `snakemake all --until data` elsewhere and copy resources/ and results/",
            )
        else:
            yield Finding("data", "ok", f"{name}: {'prepared' if prepared else 'there'}")
