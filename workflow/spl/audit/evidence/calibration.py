"""Whether calibrated loss weights follow from the metrics of the runs that they were calibrated on."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from itertools import compress
from pathlib import Path
from statistics import fmean
from typing import Any

from spl.analysis.calibration import MEASURED, weights
from spl.audit.evidence.forms import ran_present_code
from spl.audit.evidence.run import folder_of_run
from spl.audit.result_files import Measurements, read_json, read_measurements
from spl.campaign.job import Job
from spl.campaign.strict_json import json_differences
from spl.provenance.manifest import Manifest

LAST_BITS = 1e-9  # in which sums and exponentials may differ between processors; weights have six digits


def calibration_contradictions(job: Job, manifest: Manifest, here: Collection[Path]) -> Iterator[str]:
    """The loss weights with the metrics of the runs that they were calibrated on."""
    [path], parameter = job.outputs, manifest.parameter
    metrics = {run: folder_of_run(job, run) / "metrics.csv" for run in (*parameter["reference"], *parameter["smooth"])}
    if not {path, *metrics.values()} <= set(here) or not ran_present_code(job, manifest):
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
