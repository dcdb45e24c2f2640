"""The regime of few labels and high performance, in which the paper makes its claims (section 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spl.analysis.endpoints import late_means
from spl.analysis.run_files import file_of_run
from spl.analysis.statistics import DECIMALS

LATE = 0.8  # of the steps; the coverage counts from there on


@dataclass(frozen=True)
class Regime:
    """What the gate compares with its limits; shares, NaN for what no finished run shows.

    Attributes:
        coverage: mean weight of the baseline's pseudo-labels over the last fifth of the steps, mean over the runs.
        distance: median error of the baseline's runs in the high basin, minus the mean error of full supervision.
        low_basin: share of the baseline's runs in the low basin.
    """

    coverage: float
    distance: float
    low_basin: float


def measure_regime(runs: pd.DataFrame, share: pd.DataFrame, supervised: pd.DataFrame, inputs: Sequence[Path]) -> Regime:
    """Measure the regime on finished runs, rows of a summary.

    Args:
        runs: of the baseline, under the conditions of the claims.
        share: of the baseline, for the share of the low basin: it takes many folds, which an experiment may lack, or
            may have chosen by their outcome.
        supervised: with all labels.
        inputs: among them the metrics of ``runs``.
    """
    metrics = (pd.read_csv(file_of_run(inputs, run, "metrics.csv")) for run in runs["run"])
    coverage = [late_means(of_run, LATE, ["coverage"])["coverage"] for of_run in metrics]
    high = runs.loc[runs["basin"] == "high", "error_last"]
    if len(runs) and len(supervised):
        distance = float(high.median() - supervised["error_last"].mean()) if len(high) else np.inf
    else:
        distance = np.nan
    return Regime(
        float(np.mean(coverage)) if coverage else np.nan,
        round(distance, DECIMALS),
        float((share["basin"] == "low").mean()) if len(share) else np.nan,
    )


def regime_conditions(measured: Regime, limits: Mapping[str, Any]) -> dict[str, bool | None]:
    """Whether each condition of the gate is met; None for one that could not be measured.

    Args:
        measured: on the baseline and full supervision.
        limits: of the study: ``coverage``, ``distance`` and ``low_basin``.
    """
    least, largest = limits["low_basin"]
    met = {
        "coverage": measured.coverage >= limits["coverage"],
        "distance": measured.distance <= limits["distance"],
        "low_basin": least <= measured.low_basin <= largest,
    }
    return {name: None if np.isnan(getattr(measured, name)) else bool(one) for name, one in met.items()}


def in_regime(conditions: Mapping[str, bool | None]) -> bool | None:
    """Whether all conditions are met: False if one is not, None if none fails and one could not be measured."""
    if False in conditions.values():
        return False
    return None if None in conditions.values() else True
