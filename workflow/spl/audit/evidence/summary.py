"""Whether the rows of a summary are those of its runs' files."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from spl.analysis.collapse import collapsed_classes, column_shares, populated_diagonal, recalls
from spl.analysis.predictions import Predictions
from spl.audit.evidence.run import folder_of_run, sound_predictions
from spl.audit.result_files import Measurements, read_json, read_measurements, read_rows
from spl.campaign.job import Job
from spl.provenance.manifest import Manifest
from spl.study.files import SUMMARISED

# Of a run's parameters, what its row in a summary leaves out or spreads over columns.
UNREPEATED = ("settings", "calibrated", "calibration", "start", "code")
# Columns of a summary that follow from all confusion matrices of a run, which an audit does not compute.
UNFOLLOWED = ("collapses", "recovered")
MANY_CLASSES = 2**12  # whose confusion matrix takes more memory than all else that an audit reads
MEDIAN_OVER = 20  # as of spl.analysis.summary, which would load pandas
SUMMARISED_COLUMNS = ("step", "test_error", "coverage", "purity")


def summary_contradictions(job: Job, manifest: Manifest, here: Collection[Path]) -> Iterator[str]:
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
        folder = folder_of_run(job, run := row["run"])
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


def _of_run(job: Job, run: str, basins: Mapping[str, float]) -> dict[str, Any]:
    """What a summary says of a run."""
    folder = folder_of_run(job, run)
    content = read_json(folder / "parameters.json")
    repeated = {name: value for name, value in content.items() if name not in UNREPEATED}
    predictions = sound_predictions(folder / "predictions.safetensors")
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
