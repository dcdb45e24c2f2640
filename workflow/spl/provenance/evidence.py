"""Whether the results of a job agree with each other, with its manifest and with those of other jobs.

Nothing here is computed anew that takes longer than reading it: an error follows from predictions, a setting stands in
two files. What agrees may still be invented as a whole; repeating the job shows that.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import compress
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np

from spl.analysis.calibration import MEASURED, weights
from spl.analysis.collapse import collapsed_classes, column_shares, populated_diagonal, recalls
from spl.analysis.predictions import Predictions, read_predictions
from spl.attempts.plain_file import read_plain
from spl.campaign.job import CIRCUMSTANCES, Job, canonical
from spl.campaign.strict_json import json_differences
from spl.code.equivalence import representative
from spl.data.store import ARRAYS, FILE, NO_CLASS, NUMBER_TYPES, array_digest, grey_levels, mapped_arrays
from spl.methods.registry import METHODS
from spl.page.circumstances import read_circumstances
from spl.provenance.files import digest_of_listing
from spl.provenance.manifest import Manifest
from spl.provenance.measurements import COLUMNS, impossible_measurements
from spl.provenance.plausibility import impossible_statements
from spl.provenance.records import misquotations
from spl.provenance.result_files import (
    MOST_OF_RESULT,
    Measurements,
    read_json,
    read_measurements,
    read_rows,
    readable,
    tensors,
)
from spl.study.files import SUMMARISED, RunInputs

Digest = Callable[[Path], str | None]
# Of a run's parameters, what its row in a summary leaves out or spreads over columns.
UNREPEATED = ("settings", "calibrated", "calibration", "start", "code")
# Columns of a summary that follow from all confusion matrices of a run, which an audit does not compute.
UNFOLLOWED = ("collapses", "recovered")
LAST_BITS = 1e-9  # in which sums and exponentials may differ between processors; weights have six digits
BLOCK = 2**24  # bytes of predictions that are compared at once
MANY_CLASSES = 2**12  # whose confusion matrix takes more memory than all else that an audit reads
MEDIAN_OVER = 20  # as of spl.analysis.summary, which would load pandas
SUMMARISED_COLUMNS = ("step", "test_error", "coverage", "purity")
# What the names of a run's weights begin with, and the classes of its outputs.
WEIGHTS, OUTPUTS = ("averaged.", "network."), "classes"
# What else a network holds, of which there are no averages.
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
# Of a data set, up to how many bytes its images are read once more for their description.
READ_AGAIN = 2**29
# What the description of a data set says of files of raw data.
RAW_FILES = ("train_files", "test_files")


def contradictions(job: Job, manifest: Manifest, digest: Digest, agreed: set[str]) -> Iterator[str]:
    """A line for each contradiction, with the file and both values.

    Args:
        job: its outputs are as its manifest records them, as far as they are here.
        manifest: of the job.
        digest: the present sha256 of a file; None if there is none.
        agreed: which files were found to agree before, by digests; they are not read again, and this adds to them.
    """
    yield from impossible_statements(job, manifest)
    if job.subcommand == "page":
        yield from readable(_quoted(job, manifest), job.outputs[0].parent)
    if job.subcommand in COMPARISONS or any(path.suffix == ".json" for path in job.outputs):
        present = {path: digest(path) for path in (*job.outputs, *job.inputs) if path.is_file()}
        here = {path for path in present if present[path] == {**manifest.inputs, **manifest.outputs}.get(str(path))}
        contents = sorted((str(path), present[path]) for path in here)
        read = [manifest.parameter, _ran_present_code(job, manifest), contents]
        key = hashlib.sha256(canonical({job.subcommand: read}).encode()).hexdigest()
        if key not in agreed:
            lines = list(readable(_results(job, manifest, here), job.outputs[0].parent))
            yield from lines
            if not lines:
                agreed.add(key)


def _ran_present_code(job: Job, manifest: Manifest) -> bool:
    """Whether a job ran the present code, so that it wrote what the present code writes."""
    return representative(job.subcommand, manifest.code.fingerprint) == str(job.content["code"])


def _quoted(job: Job, manifest: Manifest) -> Iterator[str]:
    """The circumstances beside a page with the manifests that they quote."""
    for path in job.outputs:
        if path.name.endswith(CIRCUMSTANCES) and path.is_file() and _ran_present_code(job, manifest):
            for line in misquotations(read_circumstances(read_plain(path, MOST_OF_RESULT).decode()), manifest):
                yield f"{path}: {line}"


def _results(job: Job, manifest: Manifest, here: Collection[Path]) -> Iterator[str]:
    """The results of a job, as far as they are here, with everything that they must agree with."""
    for path in job.outputs:
        if path.suffix == ".json" and path in here:
            read_json(path)
    if compare := COMPARISONS.get(job.subcommand):
        yield from compare(job, manifest, here)


def _run(job: Job, manifest: Manifest, here: Collection[Path]) -> Iterator[str]:
    """The files of a training run with each other, with its manifest and with its data."""
    files = {path.name: path for path in job.outputs if path in here}
    settings, calibrated = manifest.parameter["settings"], {}
    if path := files.get("parameters.json"):
        content = read_json(path)
        calibrated = content.pop("calibrated")
        for key, mine, theirs in json_differences(content, manifest.parameter):
            yield f"{path}: {key} is {mine}, {job.manifest} has {theirs}"
        source = RunInputs.of(job.content, job.inputs).calibration
        if source is None or source in here:
            measured = read_json(source)["weights"] if source else {}
            expected = {name: value for name, value in measured.items() if settings.get(name) == "calibrated"}
            for key, mine, theirs in json_differences(calibrated, expected):
                yield f"{path}: calibrated.{key} is {mine}, {source or 'no calibration'} has {theirs}"
    measured = read_measurements(files["metrics.csv"]) if "metrics.csv" in files else {}
    is_present = _ran_present_code(job, manifest)
    if is_present:
        yield from _form_of_run(files, measured)
        if measured:
            method = METHODS[manifest.parameter["method"]]
            for line in impossible_measurements(measured, method, settings | calibrated):
                yield f"{files['metrics.csv']}: {line}"
    if not files.keys() >= {"metrics.csv", "predictions.safetensors"}:
        return
    metrics, path = files["metrics.csv"], files["predictions.safetensors"]
    predictions = _predictions(path)
    steps, errors = measured["step"], measured["test_error"]
    if len(steps) != len(predictions.predicted):
        yield f"{metrics}: {len(steps)} evaluations, {path} has {len(predictions.predicted)}"
        return
    for step, error, share in zip(steps, errors, _shares_of_errors(predictions), strict=True):
        if error != share:
            yield f"{metrics}: test_error at step {step} is {error}, {path} has {share}"
    if job.inputs[0] in here:
        dataset = mapped_arrays(job.inputs[0])
        if not np.array_equal(dataset["test_classes"], predictions.true):
            yield f"{path}: the true classes are not those of the test images in {job.inputs[0]}"
        if (classes := int(dataset["train_classes"].max()) + 1) != predictions.classes:
            yield f"{path}: {predictions.classes} classes, {job.inputs[0]} has {classes}"
        unknown = NO_CLASS in dataset["train_classes"]  # then nobody knows which pseudo-labels are right
        if is_present:
            for step, coverage, purity in zip(steps, measured["coverage"], measured["purity"], strict=True):
                if coverage > 0 and math.isnan(purity) != unknown:
                    yield f"{metrics}: purity at step {step} is {purity}, coverage is {coverage}"


def _predictions(path: Path) -> Predictions:
    """The predictions of a run, one for each test image: of other shapes, a small file can ask for any memory.

    Raises:
        ValueError: they have other shapes.
    """
    predictions = read_predictions(path)
    if predictions.predicted.ndim != 2 or predictions.predicted.shape[1:] != predictions.true.shape:
        raise ValueError(f"predictions {predictions.predicted.shape} for {predictions.true.shape} test images")
    return predictions


def _shares_of_errors(predictions: Predictions) -> Iterator[float]:
    """The share of test images that are predicted wrongly, of each evaluation, to the last bit."""
    predicted, true = predictions.predicted, predictions.true
    evaluations = max(1, BLOCK // max(1, len(true)))  # at once: all of them may exceed the memory
    for first in range(0, len(predicted), evaluations):
        wrong = (predicted[first : first + evaluations] != true).view(np.uint8).sum(axis=1, dtype=np.uint32)
        yield from (count / len(true) for count in wrong.tolist())


def _form_of_run(files: Mapping[str, Path], measured: Measurements) -> Iterator[str]:
    """A line for what the files of a run contain that no run writes."""
    if path := files.get("metrics.csv"):
        yield from _other_names(path, measured, COLUMNS)
    if path := files.get("predictions.safetensors"):
        described, metadata = tensors(path)
        yield from _other_names(path, described, ("predicted", "true"))
        predictions = read_predictions(path)
        kind = np.min_scalar_type(predictions.classes - 1)
        if any(NUMBER_TYPES.get(form) != kind for form, _ in described.values()):
            yield f"{path}: expected {kind}, the smallest type for {predictions.classes} classes"
        if max(predictions.predicted.max(initial=0), predictions.true.max(initial=0)) >= predictions.classes:
            yield f"{path}: it has classes from {predictions.classes} on, where there are {predictions.classes}"
        if predictions.predicted.shape[1:] != predictions.true.shape:
            yield f"{path}: predictions {predictions.predicted.shape} for {predictions.true.shape} test images"
        yield from _other_metadata(path, metadata, {"classes": str(predictions.classes)})
    if path := files.get("weights.safetensors"):
        described, metadata = tensors(path)
        if other := [name for name in described if not name.startswith(WEIGHTS) and name != OUTPUTS]:
            yield f"{path}: it has {', '.join(sorted(other))}, which are no weights"
        averaged, live = (
            {name.removeprefix(of): form for name, form in described.items() if name.startswith(of)} for of in WEIGHTS
        )
        trained = {name: form for name, form in live.items() if not name.endswith(STATISTICS)}
        if not averaged or averaged != trained or OUTPUTS not in described:
            yield f"{path}: expected averaged and live weights of one network, and the classes of its outputs"
        yield from _other_metadata(path, metadata, {})


def _other_names(path: Path, names: Iterable[str], expected: Collection[str]) -> Iterator[str]:
    """A line if a file has other names than a job writes."""
    listed = list(names)
    if other := [name for name in listed if name not in expected]:
        yield f"{path}: it has {', '.join(other)}, which no job writes"
    if absent := [name for name in expected if name not in listed]:
        yield f"{path}: it has no {', '.join(absent)}"


def _other_metadata(path: Path, found: Mapping[str, str], expected: Mapping[str, str]) -> Iterator[str]:
    for name, mine, theirs in json_differences(found, expected):
        yield f"{path}: its metadata have {name} {mine}, a job writes {theirs}"


def _dataset(job: Job, manifest: Manifest, here: Collection[Path]) -> Iterator[str]:
    """The description of a prepared data set with its arrays."""
    images, path = job.outputs
    if not {images, path} <= set(here) or not _ran_present_code(job, manifest):
        return
    described, metadata = tensors(images)
    yield from _other_names(images, described, ARRAYS)
    yield from _other_metadata(images, metadata, {})
    content, arrays = read_json(path), mapped_arrays(images)
    if arrays["train_images"].ndim != 4 or not arrays["train_images"].size:
        yield f"{images}: train_images has the shape {arrays['train_images'].shape}, which is none of images"
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
    if job.inputs:
        is_known = digest_of_listing(raw) in manifest.inputs.values()
    else:  # a source without files, or one that writes and reads its own: one for each image
        is_known = [len(content[name]) for name in RAW_FILES] == [len(train), len(test)]
    if raw and not is_known:
        yield f"{path}: its train_files and test_files are not those of which {job.manifest} has the digest"


def _calibration(job: Job, manifest: Manifest, here: Collection[Path]) -> Iterator[str]:
    """The loss weights with the metrics of the runs that they were calibrated on."""
    [path], parameter = job.outputs, manifest.parameter
    metrics = {run: _folder(job, run) / "metrics.csv" for run in (*parameter["reference"], *parameter["smooth"])}
    if not {path, *metrics.values()} <= set(here) or not _ran_present_code(job, manifest):
        return
    of_runs = {run: _equilibrium(read_measurements(file, ("step", *MEASURED))) for run, file in metrics.items()}
    recorded, threshold = read_json(path), parameter["threshold"]
    reference, smooth = (
        {name: fmean(of_runs[run][name] for run in parameter[side]) for name in MEASURED}
        for side in ("reference", "smooth")
    )
    pairs = enumerate(zip(parameter["folds"], parameter["reference"], parameter["smooth"], strict=True))
    recorded["folds"] = dict(enumerate(recorded["folds"]))
    found = weights(reference, smooth, threshold)
    of_folds = {name: [fold["weights"][name] for fold in recorded["folds"].values()] for name in found}
    expected = {
        "weights": found,
        "range": {name: max(values) - min(values) for name, values in of_folds.items()},
        "folds": {number: _calibrated_fold(*pair, of_runs, threshold) for number, pair in pairs},
    }
    for key, mine, theirs in json_differences(_nearly(recorded, expected), expected):
        yield f"{path}: {key} is {mine}, the metrics of its runs say {theirs}"


def _calibrated_fold(
    fold: int, reference: str, smooth: str, of_runs: Mapping[str, dict[str, float]], threshold: float
) -> dict[str, Any]:
    sides = {side: {"run": run, **of_runs[run]} for side, run in (("reference", reference), ("smooth", smooth))}
    return {"fold": fold, **sides, "weights": weights(of_runs[reference], of_runs[smooth], threshold)}


def _nearly(found: Any, expected: Any) -> Any:
    """A content in which the expected number stands for each number that differs from it by rounding alone."""
    if isinstance(found, float) and isinstance(expected, float):
        return expected if math.isclose(found, expected, rel_tol=LAST_BITS) else found
    if isinstance(found, dict) and isinstance(expected, dict):
        return {name: _nearly(value, expected.get(name)) for name, value in found.items()}
    return found


def _equilibrium(measured: Measurements) -> dict[str, float]:
    """As :func:`spl.analysis.calibration.equilibrium`, without pandas."""
    late = [step > measured["step"][-1] / 2 for step in measured["step"]]
    return {name: fmean(compress(measured[name], late)) for name in MEASURED}


def _summary(job: Job, manifest: Manifest, here: Collection[Path]) -> Iterator[str]:
    """The rows of a summary with the files of their runs: parameters, errors, and what the last matrix says.

    It has a row for each run of its parameter, and no column but those of its runs.
    """
    [summary] = job.outputs
    if summary not in here:
        return
    runs, missing = manifest.parameter["runs"], manifest.parameter["missing"]
    rows, known, columns = read_rows(summary), 0, {"run", *UNFOLLOWED}
    if [row["run"] for row in rows] != runs:
        yield f"{summary}: its runs are not those of {job.manifest}, one row each, in the same order"
        return
    for row in rows:
        folder = _folder(job, run := row["run"])
        if run in missing:
            expected = missing[run]
        elif all(folder / name in here for name in SUMMARISED):
            expected = _of_run(job, run, manifest.parameter["basins"])
        else:
            continue
        known += 1
        columns |= expected.keys()
        for name, value in expected.items():
            if (cell := row.get(name)) is None or not _same(cell, value):
                yield f"{summary}: {name} of {run} is {cell}, its files say {value}"
        others = row.keys() - expected.keys() - {"run", *(() if run in missing else UNFOLLOWED)}
        for name in sorted(name for name in others if row[name]):  # a column of other runs
            yield f"{summary}: {name} of {run} is {row[name]}, its files say nothing"
    if known == len(rows) and (other := [name for name in rows[0] if name not in columns]):
        yield f"{summary}: it has {', '.join(other)}, which no run has"


def _folder(job: Job, run: str) -> Path:
    """Where a run lies that a job read: the study may ask it to read others by now."""
    return (job.results or Path()) / "runs" / run


def _of_run(job: Job, run: str, basins: Mapping[str, float]) -> dict[str, Any]:
    """What a summary says of a run."""
    folder = _folder(job, run)
    content = read_json(folder / "parameters.json")
    repeated = {name: value for name, value in content.items() if name not in UNREPEATED}
    predictions = _predictions(folder / "predictions.safetensors")
    _check_classes(predictions, run, (job.results or Path()) / "data" / content["dataset"] / "dataset.json")
    return {
        **repeated,
        **content["settings"],
        **content["calibrated"],
        **_errors(read_measurements(folder / "metrics.csv", SUMMARISED_COLUMNS), predictions, basins),
    }


def _check_classes(predictions: Predictions, run: str, dataset: Path) -> None:
    """Check, before a confusion matrix is made, that each class has test images, and that there are so many classes.

    Raises:
        ValueError: the matrix could exceed the memory; or measures of it would be of nothing.
    """
    classes = predictions.classes
    if classes != len(np.unique(predictions.true)):
        raise ValueError(f"{run}: predictions.safetensors: a class without test images, of {classes}")
    known = len(read_json(dataset)["classes"]) if classes > MANY_CLASSES and dataset.is_file() else classes
    if known < classes:
        raise ValueError(f"{run}: predictions.safetensors has {classes} classes, {dataset} has {known}")


def _errors(measured: Measurements, predictions: Predictions, basins: Mapping[str, float]) -> dict[str, Any]:
    """What a summary says of a run, as far as it follows from the errors and the last confusion matrix."""
    errors, final = measured["test_error"], predictions.confusion(-1)
    wholly, partly = collapsed_classes(final, basins)
    median_over = min(MEDIAN_OVER, len(errors))
    return {
        "error_last": errors[-1],
        "error_best": min(errors),
        "error_median": median(errors[-median_over:]),
        "median_over": median_over,
        "best_step": measured["step"][errors.index(min(errors))],
        "last_step": measured["step"][-1],
        "collapsed": " ".join(map(str, wholly)),
        "partly_collapsed": " ".join(map(str, partly)),
        "smallest_column": float(column_shares(final).min()),
        "smallest_recall": float(recalls(final).min()),
        "populated_diagonal": populated_diagonal(final, basins),
        "basin": "low" if wholly or partly else "high",
        "unstable": errors[-1] - min(errors) > basins["unstable"],
        "coverage": measured["coverage"][-1],
        "purity": measured["purity"][-1],
    }


def _same(cell: str, value: Any) -> bool:
    """Whether a cell of a summary is what pandas writes for a value; of numbers, only ten digits are written in columns
    of numbers alone, and unknown ones are left out."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return cell == ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return cell == str(value)
    return cell in (str(value), f"{float(value):.10g}")


COMPARISONS = {"data": _dataset, "train": _run, "calibrate": _calibration, "analyse": _summary}
