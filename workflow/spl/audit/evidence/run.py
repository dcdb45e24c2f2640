"""Whether the files of a training run agree with each other, with its manifest and with its data."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np

from spl.analysis.predictions import Predictions, read_predictions
from spl.audit.evidence.forms import other_metadata, other_names, ran_present_code
from spl.audit.measurements import COLUMNS, impossible_measurements
from spl.audit.result_files import Measurements, read_json, read_measurements, tensors
from spl.campaign.job import Job
from spl.campaign.strict_json import json_differences
from spl.data.store import NO_CLASS, NUMBER_TYPES, mapped_arrays
from spl.methods.registry import METHODS
from spl.provenance.manifest import Manifest
from spl.study.files import RunInputs

# What the names of a run's weights begin with, and the classes of its outputs.
WEIGHTS, OUTPUTS = ("averaged.", "network."), "classes"
# What else a network holds, of which there are no averages.
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def run_contradictions(job: Job, manifest: Manifest, here: Collection[Path]) -> Iterator[str]:
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
    is_present = ran_present_code(job, manifest)
    if is_present:
        yield from _form_of_run(files, measured)
        if measured:
            method = METHODS[manifest.parameter["method"]]
            for line in impossible_measurements(measured, method, settings | calibrated):
                yield f"{files['metrics.csv']}: {line}"
    if not files.keys() >= {"metrics.csv", "predictions.safetensors"}:
        return
    metrics, path = files["metrics.csv"], files["predictions.safetensors"]
    predictions = sound_predictions(path)
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


def sound_predictions(path: Path) -> Predictions:
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
    true = predictions.true
    return (np.count_nonzero(predicted != true) / len(true) for predicted in predictions.predicted)


def _form_of_run(files: Mapping[str, Path], measured: Measurements) -> Iterator[str]:
    """A line for what the files of a run contain that no run writes."""
    if path := files.get("metrics.csv"):
        yield from other_names(path, measured, COLUMNS)
        if {*measured} == {*COLUMNS} and tuple(measured) != COLUMNS:
            yield f"{path}: its columns are in another order than a run writes them"
    if path := files.get("predictions.safetensors"):
        described, metadata = tensors(path)
        yield from other_names(path, described, ("predicted", "true"))
        predictions = read_predictions(path)
        kind = np.min_scalar_type(predictions.classes - 1)
        if any(NUMBER_TYPES.get(form) != kind for form, _ in described.values()):
            yield f"{path}: expected {kind}, the smallest type for {predictions.classes} classes"
        if max(predictions.predicted.max(initial=0), predictions.true.max(initial=0)) >= predictions.classes:
            yield f"{path}: it has classes from {predictions.classes} on, where there are {predictions.classes}"
        if predictions.predicted.shape[1:] != predictions.true.shape:
            yield f"{path}: predictions {predictions.predicted.shape} for {predictions.true.shape} test images"
        yield from other_metadata(path, metadata, {"classes": str(predictions.classes)})
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
        yield from other_metadata(path, metadata, {})


def folder_of_run(job: Job, run: str) -> Path:
    """Where a run lies that a job read: the study may ask it to read others by now."""
    return (job.results or Path()) / "runs" / run
