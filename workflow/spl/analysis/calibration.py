"""Weights of the smooth losses, measured instead of chosen (equations 25 and 26)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
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


def weights(reference: Mapping[str, float], smooth: Mapping[str, float], threshold: float) -> dict[str, float]:
    """The weights at which a smooth loss is as large as the loss that it replaces.

    ``lambda_u`` keeps the magnitude of the unlabelled loss, whose weight is 1 in the reference: lambda_u L_smooth =
    1 L_reference (equation 25). ``lambda_max`` is the weight at which the factor as loss pulls on the score as strongly
    as the unlabelled loss: lambda_max E[Phi] / (1 - tau) = lambda_u E[Phi / f_y*(s(x))] (equation 26, linear factor).
    E[Phi / f] / E[Phi] is the mean of 1 / f over the views that are learnt. A few views with scores near 0 dominate an
    arithmetic mean, by orders of magnitude. The geometric mean is used here, which the loss gives:
    exp(L_smooth / E[Phi]).

    Args:
        reference, smooth: equilibria as :func:`equilibrium` gives them, of runs with lambda_u = 1.
        threshold: tau of the smooth run.

    Raises:
        InputError: a loss is zero, because no pseudo-label reached the threshold.
    """
    for name, measured in (("reference", reference), ("smooth", smooth)):
        if not measured["unlabelled_loss"] > 0:
            raise InputError(
                f"datasets.*.calibration: the unlabelled loss of the {name} run is 0 in its second half; expected "
                "pseudo-labels that reach the threshold: give it more steps"
            )
    lambda_u = reference["unlabelled_loss"] / smooth["unlabelled_loss"]
    lambda_max = lambda_u * (1 - threshold) * math.exp(smooth["unlabelled_loss"] / smooth["coverage"])
    return {"lambda_u": lambda_u, "lambda_max": lambda_max}


def write_calibration(parameter: Mapping[str, Any], inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Calibrate from the metrics of two runs and write JSON: ``weights``, and the ``equilibrium`` of each run.

    Args:
        parameter: ``threshold``, tau of the smooth run.
        inputs: files of metrics of the reference and of the smooth run.
        outputs: the JSON file.
    """
    from pandas import read_csv

    reference, smooth = (equilibrium(read_csv(path)) for path in inputs)
    content = {
        "weights": weights(reference, smooth, parameter["threshold"]),
        "equilibrium": {"reference": reference, "smooth": smooth},
    }
    outputs[0].parent.mkdir(parents=True, exist_ok=True)
    outputs[0].write_text(json.dumps(content, indent=1) + "\n")
