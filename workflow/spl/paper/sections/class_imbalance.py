"""Class imbalance (section 4.3.3): Tables 3 and 10."""

from __future__ import annotations

from spl.paper import captions, parameters
from spl.paper.conditions import is_single_pair, listed
from spl.paper.exhibit import Exhibit
from spl.study.checks import BASELINE
from spl.study.plan import Plan


def _imbalance(plan: Plan, experiment: str, balanced: str, *others: str) -> str:
    """Class imbalance, perhaps of several strengths."""
    shares = {name: f"{100 * parameters.kept_share(plan, name):g} %" for name in (experiment, *others)}
    return (
        f"In each fold, one class drawn at random keeps {listed(shares.values(), 'or')} of its unlabelled images. "
        + captions.errors(plan, experiment)
        + (" p (worse): of the same test that the gain is negative." * (not is_single_pair(plan, experiment)))
        + f" Rise due to imbalance: error with it minus error without ({balanced}), negative if the error is lower "
        + (
            "with it, in points."
            if is_single_pair(plan, experiment)
            else "with it, paired by fold, mean ± std in points; p of the rise: exact one-sided Wilcoxon test that the "
            "imbalance raises the error."
        )
    )


EXHIBITS: dict[str, Exhibit] = {
    "table3": Exhibit(
        "Table 3",
        "Class imbalance: mean over folds",
        "spl.tables.imbalance",
        _imbalance,
        ("class-imbalance", "scarce-labels"),
        parameter=parameters.with_imbalances(parameters.beside_published(BASELINE, rows=["mean"])),
        optional=("strong-imbalance",),
        product="means",
    ),
    "table10": Exhibit(
        "Table 10",
        "Class imbalance: every fold",
        "spl.tables.imbalance",
        captions.again("Table 3", _imbalance),
        ("class-imbalance", "scarce-labels"),
        parameter=parameters.with_imbalances(parameters.compared_with(BASELINE, rows=["folds", "max", "min", "range"])),
        optional=("strong-imbalance",),
        product="folds",
    ),
}
