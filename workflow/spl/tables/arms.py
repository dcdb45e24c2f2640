"""The arms of an experiment: runs of one method with one threshold, compared fold by fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spl.statistics import Values

NONE = -1.0


@dataclass(frozen=True)
class Arm:
    """One line of a comparison.

    Attributes:
        method: key of the method.
        label: the method's title, with its threshold where that is not the baseline's.
        errors: last error, a share, by (fold, seed), in ascending order.
    """

    method: str
    label: str
    errors: dict[tuple[int, int], float]

    def values(self) -> Values:
        """The errors alone, float (n,)."""
        return np.array(list(self.errors.values()))


def arms(summary: pd.DataFrame, titles: dict[str, str], baseline: str) -> list[Arm]:
    """Group an experiment's runs, in the order of the study.

    Args:
        summary: one row for each run.
        titles: of the methods.
        baseline: key of the method whose threshold is the standard one.
    """
    # Methods without a threshold have an empty cell, which must equal itself to serve as a key.
    summary = summary.assign(threshold=summary["threshold"].fillna(NONE))
    standard = summary.loc[summary["method"] == baseline, "threshold"].iloc[0]
    found: dict[tuple[str, float], dict[tuple[int, int], float]] = {}
    for row in summary.sort_values(["fold", "seed"], kind="stable").to_dict("records"):
        found.setdefault((row["method"], row["threshold"]), {})[row["fold"], row["seed"]] = row["error_last"]
    order = list(dict.fromkeys(zip(summary["method"], summary["threshold"], strict=True)))
    return [
        Arm(method, _label(titles[method], threshold, standard), found[method, threshold])
        for method, threshold in order
    ]


def _label(title: str, threshold: float, standard: float) -> str:
    return title if threshold in (NONE, standard) else f"{title}, τ = {threshold:g}"


def paired(arm: Arm, baseline: Arm) -> tuple[Values, Values]:
    """Errors of both arms on the folds and seeds that both have, float (n,) each."""
    common = [key for key in arm.errors if key in baseline.errors]
    return np.array([arm.errors[key] for key in common]), np.array([baseline.errors[key] for key in common])
