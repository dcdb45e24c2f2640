"""Sensitivity to threshold, momentum and the factor as loss (section 4.3): Figures 2 and 3, Tables 9, 11 and 13."""

from __future__ import annotations

from collections.abc import Callable

from spl.paper import captions, parameters
from spl.paper.claims import CLAIMS
from spl.paper.conditions import is_single_pair, listed, values_in_words
from spl.paper.exhibit import Exhibit
from spl.study.checks import BASELINE
from spl.study.labels import SYMBOLS
from spl.study.plan import Plan

# On the factor as loss: the experiment that tests it, and the method that it compares with
CLAIM = CLAIMS["factor-as-loss"]
TESTING = " and ".join(CLAIM.experiments)


def _beside_none(plan: Plan, experiment: str, *references: str) -> str:
    """Errors over the weights of the factor as loss."""
    without = f" 0: Smooth FixMatch itself, with the runs of {listed(references)}." if references else ""
    return f"{captions.grid(plan, experiment)}{without} The claim on this factor is tested by {TESTING} alone."


def _sensitivity(setting: str, rise: bool = False) -> Callable[..., str]:
    """Sections 4.3.2 and 4.3.4: how much the error depends on a setting; ``rise``: the table has the rise too."""

    def caption(plan: Plan, experiment: str) -> str:
        methods = plan.study.experiments[experiment].methods
        values = values_in_words([plan.runs[path] for path in plan.experiments[experiment]], setting)
        which = "range or rise" if rise else "range"
        tested = captions.comparison_in_words(plan, experiment, len(methods) - 1)
        gain = f" Gain: {which} of FixMatch minus that of the method, {tested}"
        return (
            f"Range: largest minus smallest error of a fold over {SYMBOLS.get(setting, setting)} = {values}"
            + "; rise: largest error of a fold below the default value minus its error at the default" * rise
            + (", in points." if is_single_pair(plan, experiment) else ", mean ± std in points.")
            + gain * (BASELINE in methods)
        )

    return caption


EXHIBITS: dict[str, Exhibit] = {
    "fig2": Exhibit(
        "Figure 2",
        "Error against threshold",
        "spl.figures.against",
        captions.against,
        ("thresholds",),
        parameter=parameters.varying("threshold", label="threshold $\\tau$"),
        product="curve",
    ),
    "table9": Exhibit(
        "Table 9",
        "Thresholds",
        "spl.tables.grid",
        captions.grid,
        ("thresholds",),
        parameter=parameters.varying("threshold"),
        product="grid",
    ),
    "sensitivity-thresholds": Exhibit(
        "Sensitivity to the threshold",
        "How far the error moves over the values of Table 9",
        "spl.tables.sensitivity",
        _sensitivity("threshold"),
        ("thresholds",),
        parameter=parameters.range_and_rise("threshold"),
    ),
    "fig3": Exhibit(
        "Figure 3",
        "Error against the momentum of SGD",
        "spl.figures.against",
        captions.against,
        ("momentum",),
        parameter=parameters.varying("momentum", label="momentum of SGD"),
        product="curve",
    ),
    "table11": Exhibit(
        "Table 11",
        "Momentum of SGD",
        "spl.tables.grid",
        captions.grid,
        ("momentum",),
        parameter=parameters.varying("momentum"),
        product="grid",
    ),
    "sensitivity-momentum": Exhibit(
        "Sensitivity to momentum",
        "How far the error moves over the values of Table 11",
        "spl.tables.sensitivity",
        _sensitivity("momentum", rise=True),
        ("momentum",),
        parameter=parameters.range_and_rise("momentum", rise=True),
    ),
    "table13": Exhibit(
        "Table 13",
        "The factor as loss",
        "spl.tables.grid",
        _beside_none,
        ("factor-as-loss",),
        parameter=parameters.with_ablation("lambda_phi", "smooth-fixmatch-factor", "smooth-fixmatch"),
        optional=("scarce-labels",),
        product="grid",
    ),
    "tipping-value": Exhibit(
        "Tipping value",
        "The factor as loss on other folds (appendix A.3.7)",
        "spl.tables.per_fold",
        captions.errors,
        ("tipping-value",),
        parameter=parameters.compared_with(CLAIM.method),
        product="folds",
    ),
}
