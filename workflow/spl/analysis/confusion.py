"""What a run's confusion matrices say: collapsed classes, basins of attraction, instabilities."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MEDIAN_OVER = 20
"""FixMatch reports the median error of its last 20 checkpoints."""


def column_shares(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often each class is predicted, relative to how often it is true.

    Args:
        confusion: int (classes, classes), rows true, columns predicted; every class has test images.

    Returns:
        float (classes,); 1 for a class predicted as often as it occurs, 0 for a collapsed one.
    """
    shares: NDArray[np.float64] = confusion.sum(axis=0) / confusion.sum(axis=1)
    return shares


def collapsed_classes(confusion: NDArray[np.int64], basins: Mapping[str, float]) -> tuple[list[int], list[int]]:
    """Classes that are wholly and partly collapsed: their column of the confusion matrix is about 0, or small.

    Args:
        confusion: as :func:`column_shares`.
        basins: the limits ``collapsed`` and ``partly_collapsed``, as shares of the class's test images.
    """
    shares = column_shares(confusion)
    wholly = shares < basins["collapsed"]
    partly = (shares < basins["partly_collapsed"]) & ~wholly
    return np.flatnonzero(wholly).tolist(), np.flatnonzero(partly).tolist()


def populated_diagonal(confusion: NDArray[np.int64], basins: Mapping[str, float]) -> int:
    """How many classes a network finds again: those whose entry on the diagonal is not small.

    The paper counts populated diagonal entries (section 4.5.2) without saying from where on an entry is populated. This
    project's reading: from the limit below which a column is partly collapsed, as a share of the class's test images.

    Args:
        confusion: as :func:`column_shares`; a class that was never labelled has an empty column.
        basins: the limit ``partly_collapsed``.
    """
    recalled = np.diagonal(confusion) / confusion.sum(axis=1)
    return int((recalled >= basins["partly_collapsed"]).sum())


def _learnt(confusion: NDArray[np.int64], basins: Mapping[str, float]) -> NDArray[np.bool_]:
    """Which classes populate the diagonal, and not because nearly everything is taken for them."""
    needed = basins["partly_collapsed"] * np.maximum(confusion.sum(axis=1), confusion.sum(axis=0))
    learnt: NDArray[np.bool_] = np.diagonal(confusion) >= needed
    return learnt


def collapse_intervals(
    confusion: NDArray[np.int64], steps: NDArray[np.int64], limit: float
) -> list[tuple[int, int, int | None]]:
    """When each class was wholly collapsed.

    Args:
        confusion: int (evaluations, classes, classes).
        steps: int (evaluations,), ascending.
        limit: share of a class's test images below which it counts as collapsed.

    Returns:
        class, step of the first evaluation that found it collapsed, and step of the first one after it that found it
        recovered, None if none did; by class and time.
    """
    down = np.array([column_shares(one) < limit for one in confusion])
    turns = np.diff(down.astype(int), axis=0, prepend=0)
    found: list[tuple[int, int, int | None]] = []
    for label, turn in enumerate(turns.T):
        starts, ends = steps[turn == 1].tolist(), steps[turn == -1].tolist()
        found += [(label, start, end) for start, end in zip_longest(starts, ends)]
    return found


def summarise_run(metrics: pd.DataFrame, confusion: NDArray[np.int64], basins: Mapping[str, float]) -> dict[str, Any]:
    """The figures of one run that tables are made of.

    ``error_last`` is what the paper reports; ``error_best`` is the lowest of all evaluations, at ``best_step``;
    ``error_median`` is that of the last 20, or of all if they are fewer: of ``median_over``. A run is in the low basin
    when a class is collapsed, wholly or partly, in the last evaluation, and unstable when its best error lies clearly
    below its last. ``collapses`` lists when classes were wholly collapsed, "2:1000-3000 5:9000-" for class 2 from step
    1000 until 3000 and class 5 from 9000 to the end; ``recovered`` those of them that are not so in the last evaluation
    and had been learnt before they collapsed: as large a part as ``partly_collapsed`` of their test images was found,
    and of their predictions right. A network that takes everything for one class, at the start, has not learnt it.
    ``populated_diagonal`` counts the classes that the last evaluation finds again. Errors are shares.

    Args:
        metrics: one row for each evaluation.
        confusion: int (evaluations, classes, classes).
        basins: the limits of the study.
    """
    errors = metrics["test_error"]
    wholly, partly = collapsed_classes(confusion[-1], basins)
    steps = metrics["step"].to_numpy()
    intervals = collapse_intervals(confusion, steps, basins["collapsed"])
    learnt = np.array([_learnt(one, basins) for one in confusion])
    lost = {label for label, start, _ in intervals if learnt[steps < start, label].any()}
    last, best = float(errors.iloc[-1]), float(errors.min())
    return {
        "error_last": last,
        "error_best": best,
        "error_median": float(errors.tail(MEDIAN_OVER).median()),
        "median_over": min(MEDIAN_OVER, len(errors)),
        "best_step": int(metrics["step"].iloc[int(errors.argmin())]),
        "collapsed": " ".join(map(str, wholly)),
        "partly_collapsed": " ".join(map(str, partly)),
        "collapses": " ".join(f"{label}:{start}-{end or ''}" for label, start, end in intervals),
        "recovered": " ".join(map(str, sorted(lost - set(wholly)))),
        "smallest_column": float(column_shares(confusion[-1]).min()),
        "populated_diagonal": populated_diagonal(confusion[-1], basins),
        "basin": "low" if wholly or partly else "high",
        "unstable": last - best > basins["unstable"],
        "coverage": float(metrics["coverage"].iloc[-1]),
        "purity": float(metrics["purity"].iloc[-1]),
    }


def summarise_experiment(parameter: Mapping[str, Any], runs: Path) -> pd.DataFrame:
    """One tidy row for each run of an experiment: what it was, and what came out.

    Args:
        parameter: ``runs``, their paths in the order of the study; ``missing``, by path what is known of those among
            them that have no result: their rows are left empty but for this; ``basins``, the limits of the study.
        runs: folder that holds the runs.
    """
    rows = []
    for path in parameter["runs"]:
        if path in parameter["missing"]:
            rows.append({"run": path, **parameter["missing"][path]})
            continue
        given = json.loads((runs / path / "parameters.json").read_text())
        metrics = pd.read_csv(runs / path / "metrics.csv")
        confusion = np.load(runs / path / "confusion.npy", allow_pickle=False)
        what = {
            key: given[key] for key in ("dataset", "split", "fold", "labels", "split_seed", "method", "variant", "seed")
        }
        rows.append(
            {
                "run": path,
                **what,
                **given["settings"],
                **given["calibrated"],
                **summarise_run(metrics, confusion, parameter["basins"]),
            }
        )
    return pd.DataFrame(rows)


def write_summary(parameter: Mapping[str, Any], runs: Path, path: Path) -> None:
    """Write :func:`summarise_experiment` as CSV."""
    summarise_experiment(parameter, runs).to_csv(path, index=False, float_format="%.10g", lineterminator="\n")
