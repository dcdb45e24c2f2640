"""Settings: calibrated loss weights and Table 14."""

from __future__ import annotations

from spl.paper import captions, parameters
from spl.paper.conditions import lengths_in_words, listed, method_title
from spl.paper.exhibit import Exhibit
from spl.paper.parameters import measured_calibrations
from spl.study.plan import Plan


def _calibration(plan: Plan) -> str:
    """Calibrated weights, their ratios on each fold, and the residual of equation 25 in the study's runs."""
    measured = measured_calibrations(plan).values()
    pairs = [(plan.runs[one.reference[0]], plan.runs[one.smooth[0]]) for one in measured]
    others = dict.fromkeys(method_title(reference.method) for reference, _ in pairs)
    lengths = lengths_in_words([smooth for _, smooth in pairs]) if pairs else ""
    apart = dict.fromkeys(
        f"{method_title(smooth.method)} (τ = {smooth.settings['threshold']:g}) is compared with "
        f"{method_title(reference.method)} at τ = {reference.settings['threshold']:g}."
        for reference, smooth in pairs
        if smooth.settings["threshold"] != reference.settings["threshold"]
    )
    return (
        "λ_u of the smooth methods, which keeps the magnitude of their original's loss (equation 25). Fold k: the "
        f"unlabelled loss of a run of {listed(others, 'or')} over that of a run of the smooth method, both with λ_u = "
        f"1 and averaged over the second half of {lengths}. λ_u: ratio of the means over folds; range: "
        "largest minus smallest ratio of a fold. Residual: the same losses in the study's own runs on these folds, "
        "averaged over the last fifth of their steps; λ_u times the smooth one, over the other: 1 if the magnitudes "
        "still agree; above 1, the smooth method ends with the larger weighted loss. (n): over n folds where there are "
        "fewer. " + " ".join(apart)
    ).strip()


EXHIBITS: dict[str, Exhibit] = {
    "calibration": Exhibit(
        "Calibration",
        "Loss weights of the smooth methods",
        "spl.tables.calibration",
        _calibration,
        inputs=parameters.calibrations_and_metrics,
        parameter=parameters.calibrated_losses,
        conditions=False,
    ),
    "table14": Exhibit(
        "Table 14",
        "Hyperparameters",
        "spl.tables.hyperparameters",
        captions.hyperparameters,
        ("scarce-labels",),
        parameters.calibrations,
        parameters.settings_columns,
        ("strong-supervision",),
        conditions=False,
    ),
}
