"""The claims of the paper with computed verdicts, and the regime in which they are tested."""

from __future__ import annotations

from spl.paper import claim_parameters
from spl.paper.conditions import length_in_words, listed
from spl.paper.exhibit import Exhibit
from spl.study.checks import GATED, SUPERVISED
from spl.study.plan import Plan


def _claims(plan: Plan, *experiments: str) -> str:
    """The table of claims."""
    regime = (
        "Out of regime is no refutation: the runs do not meet the condition under which the paper makes the claim."
        if plan.study.gate
        else "The study has no gate, so it does not check whether its runs are in the regime of few labels and high "
        "performance, for which the paper makes most of these claims."
    )
    return (
        "Claims of the paper in our words, with their section and a computed verdict; the primary one is bold. A "
        "positive effect is in favour of the claim. Supported and contradicted hold for the data and the network of "
        f"the study, not beyond; undecided is no proof that there is no effect. {regime}"
    )


def _terms(plan: Plan, *experiments: str) -> dict[str, str]:
    """What the columns and the verdicts of the table of claims mean."""
    gate, margin = plan.study.gate, 100 * plan.study.no_effect.margin
    last = " at the level of the last look" if plan.study.registered else ""
    pending = ", registered ones that are not run yet included" if plan.study.registered else ""
    regime = {
        "Out of regime": "the runs do not meet the condition of the gate, so the numbers of such a claim only describe "
        f"these runs.{_other_length(plan)}",
        "Regime unknown": "the runs that the regime is measured on are not done.",
    }
    return {
        "Effect": "Hodges–Lehmann estimate of the paired difference, over n folds, in points for errors and shares, "
        "else in the unit of the endpoint; as a median it is moved less than the mean by a few folds in which a class "
        "collapses, and may differ from it in sign. For basins and wins over FixMatch: the difference of two shares of "
        "folds.",
        "Interval": "in brackets, from 3 folds on, exact, at 95 % or the next level above that n folds have; where n "
        "folds allow only a lower level, it is given. That of a difference of shares combines two exact intervals "
        "(Clopper and Pearson's), and is rather too wide than too narrow. No interval is corrected for its group or "
        "for the looks, so one may exclude 0 beside a claim that is undecided.",
        "p, and p, opposite": "exact one-sided signed-rank tests (for runs that switch, McNemar's) that the claim, and "
        "that its opposite, holds, corrected by Holm's method within each group of claims that answer one question "
        f"(named under tested by){pending}. Differences of 0 are left out, and equal ones share their ranks.",
        "Equally good": f"both one-sided tests that the difference lies within {margin:g} points (assumed margin); a "
        "difference that is not significant is never taken for equality.",
        "Smallest p": "that of n folds, before the correction.",
        "Supported, contradicted": f"p, or p, opposite, is at most {_levels(plan)}.",
        "Undecided": "neither.",
        "Too few folds": "no outcome of n folds could decide.",
        "Folds to decide": f"about how many would do so{last} with a power of 80 % (Noether's approximation), for the "
        "effect seen and for half of it, since an effect seen in few folds is uncertain.",
        **(regime if gate else {}),
        "Not run": "the study lacks the experiment, or its runs are not done.",
        "Exploratory": "the test was not registered before the runs.",
    }


def _other_length(plan: Plan) -> str:
    """That full supervision trains for another number of steps than the runs whose regime it defines, where it does."""
    supervised, reference = (
        dict.fromkeys(map(length_in_words, runs))
        for runs in (claim_parameters.supervised_runs(plan), claim_parameters.reference_runs(plan))
    )
    if plan.study.gate is None or not supervised or not reference or supervised == reference:
        return ""
    return (
        f" The distance is that from full supervision over {listed(supervised, 'or')}; FixMatch has "
        f"{listed(reference, 'or')}."
    )


def _levels(plan: Plan) -> str:
    """The level of the tests in each direction."""
    if (registered := plan.study.registered) is None:
        return "0.05"
    pairs = zip(registered.looks, registered.levels, strict=True)
    looks = ", ".join(f"{level:g} at {folds} folds" for folds, level in pairs)
    return f"0.05, or, for registered claims about {' and '.join(registered.experiments)}, {looks}, and not between"


def _regime(plan: Plan, *experiments: str) -> str:
    """The figure of the gate."""
    gate = plan.study.gate
    if gate is None:
        return ""
    least, largest = (100 * share for share in gate.low_basin)
    return (
        "Coverage and purity of FixMatch's pseudo-labels (equation 5) and its test error, at every evaluation of each "
        "run. The gate (assumed limits), measured on FixMatch and full supervision alone: mean coverage over the last "
        f"fifth of the steps of at least {100 * gate.coverage:g} %; median error of the runs that end in the high "
        f"basin at most {100 * gate.distance:g} points above the study's full supervision, however long the runs are "
        f"(distance); between {least:g} "
        f"and {largest:g} % of the runs in the low basin."
    )


EXHIBITS: dict[str, Exhibit] = {
    "claims": Exhibit(
        "Claims",
        "What the paper claims, and what these runs say",
        "spl.tables.claims",
        _claims,
        terms=_terms,
        inputs=claim_parameters.claim_files,
        parameter=claim_parameters.claim_tests,
        optional=(*claim_parameters.TESTING, SUPERVISED),
        conditions=False,
    ),
    "regime": Exhibit(
        "Regime",
        "Few labels and high performance: FixMatch against the gate",
        "spl.figures.regime",
        _regime,
        (GATED, SUPERVISED),
        claim_parameters.regime_files,
        claim_parameters.regime_limits,
    ),
}
