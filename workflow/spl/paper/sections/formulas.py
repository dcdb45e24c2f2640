"""The formulas: Figures 1 and 6."""

from __future__ import annotations

from spl.paper import parameters
from spl.paper.exhibit import Exhibit
from spl.study.plan import Plan


def _losses(plan: Plan) -> str:
    """Figure 1."""
    return (
        f"Unlabelled loss as a function of the pseudo-label's score, for τ = {plan.study.training.threshold:g}: "
        "(a) Pseudo-Labeling, shifted to be continuous; (b) smooth Pseudo-Labeling (equation 17). At τ the derivative "
        "jumps in (a) but not in (b). Computed from the formulas, without training."
    )


def _factors(plan: Plan) -> str:
    """Figure 6."""
    return (
        f"The smoothness factor for τ = {plan.study.training.threshold:g} in its linear, quadratic and square-root "
        "shapes, and the indicator that it replaces. Computed from the formulas, without training."
    )


EXHIBITS: dict[str, Exhibit] = {
    "fig1": Exhibit(
        "Figure 1",
        "The loss and its smooth version",
        "spl.figures.fig1",
        _losses,
        parameter=parameters.threshold,
    ),
    "fig6": Exhibit("Figure 6", "The smoothness factor", "spl.figures.fig6", _factors, parameter=parameters.threshold),
}
