"""The summary of an experiment: one row for each run, with its errors, basin and collapsed classes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spl.analysis.collapse import (
    collapse_intervals,
    collapsed_classes,
    column_shares,
    learnt_classes,
    populated_diagonal,
    recalls,
)
from spl.analysis.predictions import Predictions, read_predictions

# FixMatch reports the median error of its last 20 checkpoints.
MEDIAN_OVER = 20
# What the summary repeats of a run's parameters, beside its settings.
REPEATED = ("dataset", "split", "fold", "labels", "split_seed", "method", "variant", "seed")


def write_summary(parameter: Mapping[str, Any], inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Write the summary of an experiment as CSV: one tidy row for each run, with its parameters and its results.

    Args:
        parameter: ``runs``, their paths in the order of the study; ``missing``, the known columns of runs that have no
            result, by path: the others stay empty in their rows; ``basins``, the limits of the study.
        inputs: ``parameters.json``, ``metrics.csv`` and ``predictions.safetensors`` of each run that is done, in this
            order.
        outputs: the CSV file.
    """
    done = [run for run in parameter["runs"] if run not in parameter["missing"]]
    folders = dict(zip(done, dict.fromkeys(path.parent for path in inputs), strict=True))
    rows = []
    for path in parameter["runs"]:
        if path in parameter["missing"]:
            rows.append({"run": path, **parameter["missing"][path]})
            continue
        run = json.loads((folders[path] / "parameters.json").read_text())
        metrics = pd.read_csv(folders[path] / "metrics.csv")
        predictions = read_predictions(folders[path] / "predictions.safetensors")
        rows.append(
            {
                "run": path,
                **{name: run[name] for name in REPEATED},
                **run["settings"],
                **run["calibrated"],
                **summarise_run(metrics, predictions, parameter["basins"]),
            }
        )
    pd.DataFrame(rows).to_csv(outputs[0], index=False, float_format="%.10g", lineterminator="\n")


def summarise_run(metrics: pd.DataFrame, predictions: Predictions, basins: Mapping[str, float]) -> dict[str, Any]:
    """The results of one run that tables are computed from.

    ``error_last`` is what the paper reports, at ``last_step``; ``error_best`` is the lowest of all evaluations, at
    ``best_step``, the first one if several have it; ``error_median`` is the median over the last evaluations,
    ``median_over`` of them: 20, or all if there are fewer. A run is in the low basin if a class is collapsed, wholly or
    partly, in the last evaluation, and unstable if its best error lies clearly below its last.

    ``collapses`` lists when classes that had been learnt were wholly collapsed: "2:1000-3000 5:9000-" for class 2 from
    step 1000 to 3000 and class 5 from 9000 to the end. ``recovered`` lists those of these classes that are not wholly
    collapsed in the last evaluation. A class is learnt if the share ``partly_collapsed`` of its test images is
    recognised and the same share of its predictions is right; a network that predicts one class for everything, as at
    the start, has not learnt it. Before it is learnt, a class has nothing to lose: that is no collapse.
    ``smallest_column`` and ``smallest_recall`` are those of the class that the last evaluation predicts least often and
    of the class that it recognises least often, relative to their test images; ``populated_diagonal`` counts the
    classes that it recognises. Errors are shares.

    Args:
        metrics: one row for each evaluation.
        predictions: at the same evaluations.
        basins: the limits of the study.
    """
    errors = metrics["test_error"]
    final = predictions.confusion(-1)
    wholly, partly = collapsed_classes(final, basins)
    steps = metrics["step"].to_numpy()
    measured = [(column_shares(matrix), learnt_classes(matrix, basins)) for matrix in predictions.confusion_matrices()]
    shares, learnt = map(np.array, zip(*measured, strict=True))
    intervals = [
        (label, start, end)
        for label, start, end in collapse_intervals(shares, steps, basins["collapsed"])
        if learnt[steps < start, label].any()
    ]
    last, best = float(errors.iloc[-1]), float(errors.min())
    return {
        "error_last": last,
        "error_best": best,
        "error_median": float(errors.tail(MEDIAN_OVER).median()),
        "median_over": min(MEDIAN_OVER, len(errors)),
        "best_step": int(steps[int(errors.argmin())]),
        "last_step": int(steps[-1]),
        "collapsed": " ".join(map(str, wholly)),
        "partly_collapsed": " ".join(map(str, partly)),
        "collapses": " ".join(f"{label}:{start}-{end or ''}" for label, start, end in intervals),
        "recovered": " ".join(map(str, sorted({label for label, *_ in intervals} - set(wholly)))),
        "smallest_column": float(shares[-1].min()),
        "smallest_recall": float(recalls(final).min()),
        "populated_diagonal": populated_diagonal(final, basins),
        "basin": "low" if wholly or partly else "high",
        "unstable": last - best > basins["unstable"],
        "coverage": float(metrics["coverage"].iloc[-1]),
        "purity": float(metrics["purity"].iloc[-1]),
    }
