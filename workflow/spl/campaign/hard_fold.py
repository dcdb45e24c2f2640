"""The fold that some experiments presuppose: the one where FixMatch's error is largest, known after a first stage."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors import SafetensorError

from spl.analysis.collapse import collapsed_classes
from spl.analysis.predictions import read_predictions
from spl.attempts.plain_file import check_plain, read_plain
from spl.errors import InputError
from spl.study.checks import BASELINE
from spl.study.plan import Plan
from spl.text.printable import brief

# The experiment that shows which fold is hard, and those that use this fold alone.
FIRST_STAGE = "scarce-labels"
ON_HARD_FOLD = ("initial-condition", "factor-as-loss")
# Bytes of a run's predictions, and classes whose confusion matrix is made for this advice.
MOST_OF_PREDICTIONS, MOST_CLASSES = 2**30, 2**12
# What a file raises that no run wrote.
BROKEN = (OSError, ValueError, LookupError, TypeError, ArithmeticError, MemoryError, csv.Error, SafetensorError)


def hard_fold_message(plan: Plan, results: Path, done: Collection[str]) -> str:
    """Whether the experiments on FixMatch's worst fold use that fold.

    Args:
        plan: of the study.
        results: folder of the study.
        done: paths of the runs that are done.

    Returns:
        a line for the user, which may name a file that does not tell; "" if the study lacks these experiments, if its
        first stage has no FixMatch, or if it is registered, so that no fold may be chosen by its outcome.
    """
    used = {name: plan.study.experiments[name].folds for name in ON_HARD_FOLD if name in plan.experiments}
    runs = [run for path in plan.experiments.get(FIRST_STAGE, []) if (run := plan.runs[path]).method == BASELINE]
    if not used or not runs or plan.study.registered:
        return ""
    uses = ", ".join(f"{name} uses {' and '.join(map(str, folds))}" for name, folds in used.items())
    if not {run.path for run in runs} <= set(done):
        return f"FixMatch's worst fold is known when its runs of {FIRST_STAGE} are done; {uses}."
    basins = plan.study.basins.model_dump()
    try:
        ends = pd.DataFrame([{"fold": run.fold, **_end(results / "runs" / run.path, basins)} for run in runs])
    except InputError as error:
        return f"FixMatch's worst fold is unknown: {error}; {uses}."
    errors = ends.groupby("fold")["error_last"].mean()
    worst = errors.idxmax()
    basin = " and ".join(sorted(set(ends.loc[ends["fold"] == worst, "basin"])))
    advice = "" if all(folds == [worst] for folds in used.values()) else f": set their folds to [{worst}]"
    return f"FixMatch's worst fold is {worst} (error {100 * errors.max():.2f} %, {basin} basin); {uses}{advice}."


def _end(folder: Path, basins: Mapping[str, float]) -> dict[str, object]:
    """The last error of a run and its basin, as :func:`spl.analysis.summary.summarise_run` has them.

    Whoever plans has not audited: the files may be anybody's, or not kept, as in an archive.

    Raises:
        InputError: naming the file that is missing, or is not what a run writes.
    """
    file = folder / "metrics.csv"
    try:
        [last] = deque(csv.DictReader(read_plain(file).decode().splitlines()), 1)  # pandas would take hours for junk
        error = float(last["test_error"])
        if not 0 <= error <= 1:
            raise ValueError("expected an error from 0 to 1")
        file = folder / "predictions.safetensors"
        wholly, partly = collapsed_classes(_last_confusion(file), basins)
    except BROKEN as problem:
        reason = getattr(problem, "strerror", None) or f"{type(problem).__name__}: {problem}"
        raise InputError(f"{file}: not what a run writes: {brief(reason)}") from None
    return {"error_last": error, "basin": "low" if wholly or partly else "high"}


def _last_confusion(file: Path) -> NDArray[np.int64]:
    """The confusion matrix of the last evaluation; of other shapes, a small file could ask for any memory."""
    check_plain(file, MOST_OF_PREDICTIONS)
    predictions = read_predictions(file)
    if predictions.predicted.shape[1:] != predictions.true.shape:
        raise ValueError("expected a prediction for each test image")
    if not 0 < predictions.classes <= min(MOST_CLASSES, predictions.true.size):
        raise ValueError(f"expected at most {MOST_CLASSES} classes, with test images of each")
    return predictions.confusion(-1)
