"""Strong supervision (section 4.2): Tables 2 and 8."""

from __future__ import annotations

from spl.paper import captions, parameters
from spl.paper.conditions import is_single_pair
from spl.paper.exhibit import Exhibit
from spl.study.checks import BASELINE
from spl.study.plan import Plan


def _means(plan: Plan, experiment: str, *references: str) -> str:
    """Mean errors of methods that are to do no harm (section 4.2)."""
    return captions.mean_errors(plan, experiment, *references) + _no_effect(plan, experiment)


def _folds(plan: Plan, experiment: str) -> str:
    """Their errors fold by fold."""
    return captions.errors(plan, experiment) + _no_effect(plan, experiment)


def _no_effect(plan: Plan, experiment: str) -> str:
    if is_single_pair(plan, experiment):
        return ""
    margin = 100 * plan.study.no_effect.margin
    return (
        " Equivalent: both exact one-sided Wilcoxon tests, that the gain is above "
        f"−{margin:g} and below {margin:g} points (assumed margin); its p: the larger of theirs."
    )


EXHIBITS: dict[str, Exhibit] = {
    "table2": Exhibit(
        "Table 2",
        "Strong supervision: mean over folds",
        "spl.tables.summary",
        _means,
        ("strong-supervision",),
        parameter=parameters.with_margin(parameters.beside_published(BASELINE)),
        optional=("strong-supervision-full",),
        product="means",
    ),
    "table8": Exhibit(
        "Table 8",
        "Strong supervision: every fold",
        "spl.tables.per_fold",
        captions.again("Table 2", _folds),
        ("strong-supervision",),
        parameter=parameters.with_margin(parameters.compared_with(BASELINE)),
        product="folds",
    ),
}
