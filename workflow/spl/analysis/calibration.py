"""Weights of the smooth losses, measured instead of chosen (equations 25 and 26)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from spl.errors import InputError

if TYPE_CHECKING:  # training runs that import this module start sooner without pandas
    import pandas as pd

MEASURED = ("unlabelled_loss", "coverage")


def equilibrium(metrics: pd.DataFrame) -> dict[str, float]:
    """Means of the :data:`MEASURED` quantities over the second half of a run.

    Args:
        metrics: one row for each evaluation, all at the same distance.
    """
    late = metrics[metrics["step"] > metrics["step"].max() / 2]
    return {name: float(late[name].mean()) for name in MEASURED}


def late_loss(metrics: pd.DataFrame) -> float:
    """Mean unlabelled loss over the evaluations in the last fifth of a run, each for the steps since the one before."""
    steps = metrics["step"].diff().fillna(metrics["step"])
    late = metrics["step"] > 0.8 * metrics["step"].max()
    return float((steps * metrics["unlabelled_loss"])[late].sum() / steps[late].sum())


def weights(reference: Mapping[str, float], smooth: Mapping[str, float], threshold: float) -> dict[str, float]:
    """The weights at which a smooth loss is as large as the loss that it replaces.

    ``lambda_u`` keeps the magnitude of the unlabelled loss, whose weight is 1 in the reference: lambda_u L_smooth =
    1 L_reference (equation 25). ``lambda_max`` is the weight at which the factor as loss pulls on the score as strongly
    as the unlabelled loss: lambda_max E[Phi] / (1 - tau) = lambda_u E[Phi / f_y*(s(x))] (equation 26, linear factor,
    whose mean E[Phi] is the coverage). E[Phi / f] / E[Phi] is the mean of 1 / f over the views that are learnt. A few
    views with scores near 0 dominate an arithmetic mean, by orders of magnitude. The geometric mean is used here, which
    the loss gives: exp(L_smooth / E[Phi]).

    Args:
        reference, smooth: equilibria as :func:`equilibrium` gives them, of runs with lambda_u = 1.
        threshold: tau of the smooth run.
    """
    lambda_u = reference["unlabelled_loss"] / smooth["unlabelled_loss"]
    lambda_max = lambda_u * (1 - threshold) * math.exp(smooth["unlabelled_loss"] / smooth["coverage"])
    return {"lambda_u": lambda_u, "lambda_max": lambda_max}


def write_calibration(parameter: Mapping[str, Any], inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Calibrate from the metrics of a pair of runs on each fold, and write JSON.

    ``weights`` are those of the equilibria averaged over the folds, so that equation 25 holds for the loss that is
    expected on a fold, and a fold with few pseudo-labels, whose ratio of two small losses is uncertain, counts less.
    ``folds`` holds each fold's runs, equilibria and own weights; ``range`` the largest minus the smallest of these.

    Args:
        parameter: a :class:`spl.study.plan.Calibration`: ``folds``, the paths of the runs, and ``threshold``.
        inputs: metrics of the reference runs, then of the smooth runs, each by fold.
        outputs: the JSON file.

    Raises:
        InputError: a loss is zero, because no pseudo-label reached the threshold.
    """
    from pandas import read_csv

    runs = [*parameter["reference"], *parameter["smooth"]]
    measured = {run: equilibrium(read_csv(path)) for run, path in zip(runs, inputs, strict=True)}
    for run, values in measured.items():
        if not values["unlabelled_loss"] > 0:
            raise InputError(
                f"datasets.*.calibration: the unlabelled loss of {run} is 0 in its second half; expected "
                "pseudo-labels that reach the threshold: give it more steps"
            )
    threshold, folds = parameter["threshold"], []
    for fold, *pair in zip(parameter["folds"], parameter["reference"], parameter["smooth"], strict=True):
        own = weights(measured[pair[0]], measured[pair[1]], threshold)
        sides = dict(zip(("reference", "smooth"), ({"run": run, **measured[run]} for run in pair), strict=True))
        folds.append({"fold": fold, **sides, "weights": own})
    reference, smooth = (_means(measured[run] for run in parameter[side]) for side in ("reference", "smooth"))
    found = weights(reference, smooth, threshold)
    of_folds = {name: [fold["weights"][name] for fold in folds] for name in found}
    content = {
        "weights": found,
        "range": {name: max(values) - min(values) for name, values in of_folds.items()},
        "folds": folds,
    }
    outputs[0].parent.mkdir(parents=True, exist_ok=True)
    outputs[0].write_text(json.dumps(content, indent=1) + "\n")


def _means(equilibria: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Means over folds."""
    listed = list(equilibria)
    return {name: fmean(values[name] for values in listed) for name in MEASURED}
