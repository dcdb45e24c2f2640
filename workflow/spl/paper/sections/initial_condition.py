"""The initial condition (section 4.4): Tables 4 and 12."""

from __future__ import annotations

from spl.paper import captions, parameters
from spl.paper.exhibit import Exhibit
from spl.study.checks import BASELINE
from spl.study.plan import Plan


def _initial_condition(plan: Plan, experiment: str, folds: str) -> str:
    """Spread over training seeds."""
    return (
        f"{captions.ERROR}: its spread over the training seeds of one fold, and over the folds of {folds}. Last "
        "column: error of {baseline}'s best seed minus error of the method's worst seed, positive if even the worst "
        "is better."
    )


EXHIBITS: dict[str, Exhibit] = {
    "table4": Exhibit(
        "Table 4",
        "Initial condition: mean over seeds",
        "spl.tables.initial_condition",
        _initial_condition,
        ("initial-condition", "scarce-labels"),
        parameter=parameters.compared_with(BASELINE),
        product="means",
    ),
    "table12": Exhibit(
        "Table 12",
        "Initial condition: every seed",
        "spl.tables.grid",
        captions.grid,
        ("initial-condition",),
        parameter=parameters.varying("seed"),
        product="folds",
    ),
}
