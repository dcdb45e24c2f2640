"""Whether what is on record of a job agrees with itself: results with each other, and its manifest with them.

Nothing here is computed anew that takes longer than reading it: an error follows from predictions, a setting stands in
two files, an attempt has a time. What agrees may still be invented as a whole; repeating the job shows that.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
from safetensors import SafetensorError

from spl.analysis.calibration import MEASURED, weights
from spl.analysis.collapse import collapsed_classes, column_shares, populated_diagonal, recalls
from spl.analysis.predictions import Predictions, read_predictions
from spl.attempts.journal import JOURNAL, read_attempts
from spl.attempts.resumption import share_of_errors
from spl.campaign.job import Job, canonical
from spl.code.subcommands import certain_packages, present_code
from spl.data.store import mapped_arrays
from spl.errors import InputError
from spl.provenance import machine
from spl.provenance.manifest import Manifest
from spl.provenance.sources import hidden_changes
from spl.study.files import SUMMARISED, RunInputs
from spl.study.weights import read_weights
from spl.training.instructions import LEVELS

Digest = Callable[[Path], str | None]
# How far clocks of machines may be apart, and how far ahead that of the machine that ran a job may be.
SKEW, AHEAD = timedelta(minutes=5), timedelta(days=1)
# What a broken file raises when it is read as the file of a run.
BROKEN = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError),
    *(SafetensorError, InputError, csv.Error),
)
# Of a run's parameters, what its row in a summary leaves out or spreads over columns.
UNREPEATED = ("settings", "calibrated", "calibration", "start", "code")
# Columns of a summary that follow from all confusion matrices of a run, which an audit does not compute.
UNFOLLOWED = ("collapses", "recovered")
LAST_DIGIT = 1e-5  # of weights, which have six digits
MEDIAN_OVER = 20  # as of spl.analysis.summary, which would load pandas
# What an attempt notes when it begins.
BEGINNING = ("identity", "begun", "host", "job", "first")


def contradictions(job: Job, manifest: Manifest, digest: Digest, agreed: set[str]) -> Iterator[str]:
    """A line for each contradiction, with the file and both values.

    Args:
        job: its outputs are as its manifest records them, as far as they are here.
        manifest: of the job.
        digest: the present sha256 of a file; None if there is none.
        agreed: which files were found to agree before, by digests; they are not read again, and this adds to them.
    """
    yield from _times(job, manifest)
    yield from _packages(job, manifest)
    yield from _commit(job, manifest)
    if job.subcommand == "train":
        yield from _readable(_attempts(job, manifest), job.manifest)
        yield from _readable(_hardware(job, manifest), job.manifest)
    if compare := COMPARISONS.get(job.subcommand):
        present = {path: digest(path) for path in (*job.outputs, *job.inputs) if path.is_file()}
        here = {path for path in present if present[path] == {**manifest.inputs, **manifest.outputs}.get(str(path))}
        read = [manifest.parameter, sorted((str(path), present[path]) for path in here)]
        key = hashlib.sha256(canonical({job.subcommand: read}).encode()).hexdigest()
        if key not in agreed:
            lines = list(_readable(compare(job, manifest, here), job.outputs[0].parent))
            yield from lines
            if not lines:
                agreed.add(key)


def _readable(lines: Iterator[str], place: Path) -> Iterator[str]:
    """The lines, and one more if what lies at a place cannot be read as what it should be."""
    try:
        yield from lines
    except BROKEN as error:
        yield f"{place}: not what a job writes: {type(error).__name__}: {' '.join(str(error).split())}"


# ---- the manifest by itself


def _times(job: Job, manifest: Manifest) -> Iterator[str]:
    begun, ended = _time(manifest.begun), _time(manifest.ended)
    if begun is None or ended is None:
        yield f"{job.manifest}: begun is {manifest.begun!r}, ended is {manifest.ended!r}; expected times with a zone"
        return
    if begun > ended + SKEW:
        yield f"{job.manifest}: it ended at {manifest.ended}, before it began at {manifest.begun}"
    if ended > (now := datetime.now(UTC)) + AHEAD:
        yield f"{job.manifest}: ended is {manifest.ended}, in the future: it is {now.isoformat(timespec='seconds')}"


def _time(text: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return time if time.tzinfo else None


def _packages(job: Job, manifest: Manifest) -> Iterator[str]:
    """Whether the packages contain what the code imports whenever it is loaded, if its code is the present one."""
    if manifest.code.fingerprint != present_code(job.subcommand, job.content):
        return
    imported = {"python", *map(machine.normalised, certain_packages(job.subcommand, job.content))}
    for name in sorted(imported & machine.locked().keys() - manifest.packages.keys()):
        yield f"{job.manifest}: packages has no {name}, the code of spl {job.subcommand} imports it"


def _commit(job: Job, manifest: Manifest) -> Iterator[str]:
    for path, loaded, committed in hidden_changes(manifest):
        yield f"{job.manifest}: {path} ran as {loaded[:12]}, its commit has {committed[:12]}, no change is on record"


def _attempts(job: Job, manifest: Manifest) -> Iterator[str]:
    """Whether the attempts at a run follow each other within the run's time, and are those of its journal."""
    attempts = manifest.attempts
    begins = [time for attempt in attempts if (time := _time(attempt.get("begun")))]
    if len(begins) < len(attempts):
        yield f"{job.manifest}: attempts: expected the time at which each began"
        return
    if not attempts:
        return
    for earlier, later in pairwise(begins):
        if earlier > later + SKEW:
            yield f"{job.manifest}: an attempt began at {later.isoformat()}, after the one of {earlier.isoformat()}"
    begun, ended, last = _time(manifest.begun), _time(manifest.ended), begins[-1]
    if (status := attempts[-1].get("status")) not in ("done", "open"):  # a full disk may hide its end
        yield f"{job.manifest}: the last attempt is {status}; expected done"
    elif begun and ended:
        end = last + timedelta(seconds=float(attempts[-1].get("seconds") or 0))
        if last < begun - SKEW or end > ended + SKEW:
            yield (
                f"{job.manifest}: the job ran from {manifest.begun} to {manifest.ended}, its last attempt from "
                f"{last.isoformat()} to {end.isoformat(timespec='seconds')}"
            )
    if job.results is not None:
        folder = job.results / "checkpoints" / job.name.removeprefix("runs/")
        noted = [_beginning(vars(attempt)) for attempt in read_attempts(folder)]
        recorded = [_beginning(attempt) for attempt in attempts]
        for number, (one, other) in enumerate(zip(noted, recorded, strict=False), 1):
            for key, mine, theirs in _differences(one, other):
                yield f"{folder / JOURNAL}: {key} of attempt {number} is {mine}, {job.manifest} has {theirs}"


def _beginning(attempt: Mapping[str, Any]) -> dict[str, Any]:
    return {name: attempt.get(name) for name in BEGINNING}


def _hardware(job: Job, manifest: Manifest) -> Iterator[str]:
    """Whether a run was computed as its settings say."""
    settings, used = manifest.parameter.get("settings", {}), manifest.hardware.model_dump()
    if settings.get("device") == "cuda":
        if not used["gpus"]:
            yield f"{job.manifest}: hardware.gpus is empty, settings.device is cuda"
    elif level := LEVELS.get(settings.get("instructions", "")):
        expected = level.environment["ATEN_CPU_CAPABILITY"].upper()
        if used.get("instructions") != expected:
            yield (
                f"{job.manifest}: hardware.instructions is {used.get('instructions')}, settings.instructions is "
                f"{settings['instructions']}, for which torch uses {expected}"
            )
        for name, value in level.environment.items():
            if manifest.environment.get(name) != value:
                yield (
                    f"{job.manifest}: environment.{name} is {manifest.environment.get(name)}, settings.instructions is "
                    f"{settings['instructions']}, which sets {value}"
                )
    if settings.get("processes") == 1:  # else torch is set up in other processes than this one
        for name in ("threads", "deterministic"):
            if used.get(name) != settings.get(name):
                yield f"{job.manifest}: hardware.{name} is {used.get(name)}, settings.{name} is {settings.get(name)}"


# ---- results


def _run(job: Job, manifest: Manifest, here: Collection[Path]) -> Iterator[str]:
    """The files of a training run with each other, with its manifest and with its data."""
    files = {path.name: path for path in job.outputs if path in here}
    settings = manifest.parameter["settings"]
    if path := files.get("parameters.json"):
        content = _content(path)
        calibrated = content.pop("calibrated")
        for key, mine, theirs in _differences(content, manifest.parameter):
            yield f"{path}: {key} is {mine}, {job.manifest} has {theirs}"
        source = RunInputs.of(job.content, job.inputs).calibration
        if source is None or source in here:
            measured = read_weights(source) if source else {}
            expected = {name: value for name, value in measured.items() if settings.get(name) == "calibrated"}
            for key, mine, theirs in _differences(calibrated, expected):
                yield f"{path}: calibrated.{key} is {mine}, {source or 'no calibration'} has {theirs}"
    if not files.keys() >= {"metrics.csv", "predictions.safetensors"}:
        return
    metrics, path = files["metrics.csv"], files["predictions.safetensors"]
    rows, predictions = _rows(metrics), read_predictions(path)
    if len(rows) != len(predictions.predicted):
        yield f"{metrics}: {len(rows)} evaluations, {path} has {len(predictions.predicted)}"
        return
    for row, predicted in zip(rows, predictions.predicted, strict=True):
        error = share_of_errors(predicted, predictions.true)
        if float(row["test_error"]) != error:
            yield f"{metrics}: test_error at step {row['step']} is {row['test_error']}, {path} has {error}"
    steps = [int(row["step"]) for row in rows]
    if steps != sorted(set(steps)):
        yield f"{metrics}: its steps do not rise from row to row"
    last = settings.get("stop") or settings.get("steps")
    if steps[-1] != last:
        yield f"{metrics}: the last step is {steps[-1]}, settings say {last}"
    if job.inputs[0] in here and not np.array_equal(mapped_arrays(job.inputs[0])["test_classes"], predictions.true):
        yield f"{path}: the true classes are not those of the test images in {job.inputs[0]}"


def _calibration(job: Job, manifest: Manifest, here: Collection[Path]) -> Iterator[str]:
    """The loss weights with the metrics of the runs that they were calibrated on."""
    [path], parameter = job.outputs, manifest.parameter
    metrics = {run: _folder(job, run) / "metrics.csv" for run in (*parameter["reference"], *parameter["smooth"])}
    if not {path, *metrics.values()} <= set(here):
        return
    of_runs = {run: _equilibrium(_rows(file)) for run, file in metrics.items()}
    reference, smooth = (
        {name: fmean(of_runs[run][name] for run in parameter[side]) for name in MEASURED}
        for side in ("reference", "smooth")
    )
    recorded = read_weights(path)
    for name, value in weights(reference, smooth, parameter["threshold"]).items():
        if not math.isclose(recorded[name], value, rel_tol=LAST_DIGIT):
            yield f"{path}: {name} is {recorded[name]}, the metrics of its runs say {value}"


def _equilibrium(rows: list[dict[str, str]]) -> dict[str, float]:
    """As :func:`spl.analysis.calibration.equilibrium`, without pandas."""
    late = [row for row in rows if int(row["step"]) > int(rows[-1]["step"]) / 2]
    return {name: fmean(float(row[name]) for row in late) for name in MEASURED}


def _summary(job: Job, manifest: Manifest, here: Collection[Path]) -> Iterator[str]:
    """The rows of a summary with the files of their runs: parameters, errors, and what the last matrix says.

    It has a row for each run of its parameter, and no column but those of its runs.
    """
    [summary] = job.outputs
    if summary not in here:
        return
    runs, missing = manifest.parameter["runs"], manifest.parameter["missing"]
    rows, known, columns = _rows(summary), 0, {"run", *UNFOLLOWED}
    if [row["run"] for row in rows] != runs:
        yield f"{summary}: its runs are not those of {job.manifest}, one row each, in the same order"
        return
    for row in rows:
        if (run := row["run"]) in missing:
            expected = missing[run]
        elif all(_folder(job, run) / name in here for name in SUMMARISED):
            expected = _of_run(_folder(job, run), manifest.parameter["basins"])
        else:
            continue
        known += 1
        columns |= expected.keys()
        for name, value in expected.items():
            if (cell := row.get(name)) is None or not _same(cell, value):
                yield f"{summary}: {name} of {run} is {cell}, its files say {value}"
    if known == len(rows) and (other := [name for name in rows[0] if name not in columns]):
        yield f"{summary}: it has {', '.join(other)}, which no run has"


def _folder(job: Job, run: str) -> Path:
    """Where a run lies that a job read: the study may ask it to read others by now."""
    return (job.results or Path()) / "runs" / run


def _of_run(folder: Path, basins: Mapping[str, float]) -> dict[str, Any]:
    """What a summary says of a run."""
    content = _content(folder / "parameters.json")
    repeated = {name: value for name, value in content.items() if name not in UNREPEATED}
    predictions = read_predictions(folder / "predictions.safetensors")
    return {
        **repeated,
        **content["settings"],
        **content["calibrated"],
        **_results(_rows(folder / "metrics.csv"), predictions, basins),
    }


def _results(metrics: list[dict[str, str]], predictions: Predictions, basins: Mapping[str, float]) -> dict[str, Any]:
    """What a summary says of a run, as far as it follows from the errors and the last confusion matrix."""
    errors, final = [float(row["test_error"]) for row in metrics], predictions.confusion(-1)
    wholly, partly = collapsed_classes(final, basins)
    median_over = min(MEDIAN_OVER, len(errors))
    return {
        "error_last": errors[-1],
        "error_best": min(errors),
        "error_median": median(errors[-median_over:]),
        "median_over": median_over,
        "best_step": int(metrics[errors.index(min(errors))]["step"]),
        "last_step": int(metrics[-1]["step"]),
        "collapsed": " ".join(map(str, wholly)),
        "partly_collapsed": " ".join(map(str, partly)),
        "smallest_column": float(column_shares(final).min()),
        "smallest_recall": float(recalls(final).min()),
        "populated_diagonal": populated_diagonal(final, basins),
        "basin": "low" if wholly or partly else "high",
        "unstable": errors[-1] - min(errors) > basins["unstable"],
        "coverage": float(metrics[-1]["coverage"]),
        "purity": float(metrics[-1]["purity"]),
    }


def _same(cell: str, value: Any) -> bool:
    """Whether a cell of a summary holds a value; numbers are rounded there, and unknown ones are left out."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return cell == ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return cell == str(value)
    try:
        return f"{float(cell):.10g}" == f"{float(value):.10g}"
    except ValueError:
        return False


COMPARISONS = {"train": _run, "calibrate": _calibration, "analyse": _summary}


def copied_runs(jobs: Mapping[str, Job]) -> dict[str, list[str]]:
    """By name, runs whose batches are those of a run with another seed or other labels, with a line on each.

    The last checksum in ``metrics.csv`` is over all batches that a run saw.
    """
    same: dict[tuple[str, str], list[Job]] = {}
    for job in jobs.values():
        if job.subcommand == "train" and (seen := _batches(job)):
            same.setdefault(seen, []).append(job)
    lines: dict[str, list[str]] = {}
    for (_, checksum), runs in same.items():
        for one, other in combinations(runs, 2):
            if difference := _other_batches(one, other):
                for mine, theirs in ((one, other), (other, one)):
                    text = (
                        f"{_metrics(mine)}: batch_checksum is {checksum}, as of {theirs.name}, which has {difference}"
                    )
                    lines.setdefault(mine.name, []).append(text)
    return lines


def _metrics(job: Job) -> Path:
    return next(path for path in job.outputs if path.name == "metrics.csv")


def _batches(job: Job) -> tuple[str, str] | None:
    """The last step of a run, and the checksum of all its batches; None if its metrics do not tell."""
    try:
        first, *_, last = _metrics(job).read_text(encoding="utf-8").splitlines()
        row = dict(zip(first.split(","), last.split(","), strict=True))
        return row["step"], row["batch_checksum"]
    except (OSError, ValueError, KeyError):
        return None


def _other_batches(one: Job, other: Job) -> str:
    """Why two runs cannot have seen the same batches; "" if they can."""
    if one.content["seed"] != other.content["seed"]:
        return "another seed"
    splits = [next((path for path in job.inputs if "splits" in path.parts), None) for job in (one, other)]
    try:
        labelled = [set(json.loads(path.read_text(encoding="utf-8"))["labelled"]) for path in splits if path]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return "other labels" if len(labelled) == 2 and labelled[0] != labelled[1] else ""


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table in which every reader finds the same cell: no column twice, no row longer or shorter.

    Raises:
        ValueError: it is none.
    """
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file, strict=True)
    if len(set(header)) < len(header):
        raise ValueError(f"{path.name} has a column twice")
    return [dict(zip(header, row, strict=True)) for row in rows]


def _content(path: Path) -> dict[str, Any]:
    """A JSON object in which every reader finds the same values: no name twice.

    Raises:
        ValueError: it is none.
    """

    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(content := dict(pairs)) < len(pairs):
            raise ValueError(f"{path.name} has a name twice")
        return content

    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=distinct)
    return content


def _differences(first: Any, second: Any, key: str = "") -> Iterator[tuple[str, str, str]]:
    """Each key at which two contents differ, with both values as JSON."""
    if _text(first) == _text(second):
        return
    if isinstance(first, dict) and isinstance(second, dict):
        for name in sorted(first.keys() | second.keys()):
            inner = f"{key}.{name}" if key else name
            yield from _differences(first.get(name, NOTHING), second.get(name, NOTHING), inner)
    else:
        yield key, _text(first), _text(second)


NOTHING = object()


def _text(value: Any) -> str:
    return "nothing" if value is NOTHING else json.dumps(value, ensure_ascii=False, sort_keys=True)
