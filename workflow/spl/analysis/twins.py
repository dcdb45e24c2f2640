"""Twins, runs that differ in a small disturbance of their initial weights: how far they move apart (section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from spl.analysis.predictions import read_predictions
from spl.analysis.run_files import file_of_run

# What a pair of twins shares
SHARED = ["method", "fold", "seed"]


def divergence(summary: pd.DataFrame, inputs: Sequence[Path]) -> pd.DataFrame:
    """How far each run and its twin are apart at each evaluation.

    Args:
        summary: of an experiment with undisturbed and disturbed runs; they share method, fold and seed.
        inputs: among them the predictions and the metrics of its finished runs.

    Returns:
        a row for each pair whose runs are both done and each of their evaluations: ``method``, ``fold``, ``seed``,
        ``run``, ``twin`` (the disturbed run), ``step``, ``disagreement`` (the share of the test images for which the
        two predict different classes) and ``error_difference`` (the distance of their errors, a share).

    Raises:
        ValueError: a run has several twins.
    """
    done = summary.dropna(subset="error_last")
    disturbed = done["initial_noise"] > 0
    twins = done.loc[disturbed, [*SHARED, "run"]].rename(columns={"run": "twin"})
    pairs = done.loc[~disturbed, [*SHARED, "run"]].merge(twins, on=SHARED)
    if pairs.duplicated(SHARED).any():
        raise ValueError("expected one disturbed run for each method, fold and seed")
    columns = [*SHARED, "run", "twin", "step", "disagreement", "error_difference"]
    apart = [_apart(run, twin, inputs) for run, twin in zip(pairs["run"], pairs["twin"], strict=True)]
    found = pd.concat(apart, ignore_index=True) if apart else pd.DataFrame(columns=columns[4:])
    return pairs.merge(found, on="twin")[columns]


def _apart(run: str, twin: str, inputs: Sequence[Path]) -> pd.DataFrame:
    first, second = (read_predictions(file_of_run(inputs, path, "predictions.safetensors")) for path in (run, twin))
    errors, twin_errors = ((one.predicted != one.true).mean(axis=1) for one in (first, second))
    return pd.DataFrame(
        {
            "twin": twin,
            "step": pd.read_csv(file_of_run(inputs, run, "metrics.csv"))["step"],
            "disagreement": (first.predicted != second.predicted).mean(axis=1),
            "error_difference": abs(errors - twin_errors),
        }
    )
