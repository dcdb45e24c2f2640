"""What experiments have that add labels to finished runs, an open question of section 4.5.1."""

from __future__ import annotations

from spl.paper import captions, parameters
from spl.paper.conditions import is_single_pair
from spl.paper.exhibit import Exhibit
from spl.study.plan import Plan


def _runs(plan: Plan, experiment: str) -> str:
    """What is compared, in words."""
    steps = plan.study.experiments[experiment].steps_per_addition or 0
    return (
        "Before: the run with fewer labels. After: the run that starts from its final state with the labels added "
        f"(each labelled set contains the next smaller one) and goes on for {steps:,} steps, with optimiser and "
        "schedule begun anew. Equal steps, equal total steps: runs from initial weights with all labels, of as many "
        "steps, and of as many as the run after and all before it have together."
    )


def _errors(plan: Plan, experiment: str) -> str:
    """Errors, and predictions that are corrected or kept."""
    return (
        f"{captions.ERROR}, mean ± std. {_runs(plan, experiment)} Corrected: share of the test images "
        "classified wrongly before that are right after; kept: share of those classified right before that still are, "
        "in percent; the classes that the last checkpoint predicts for test images take the place of pseudo-labels. "
        "The last two columns have the same shares if the runs of equal total steps are in the place of the run after."
    )


def _tests(plan: Plan, experiment: str) -> str:
    """Paired tests."""
    gain = (
        "What the run after gains on the run named: error of that run minus its error, or its share of corrected "
        "test images minus that of the other run, paired by fold and seed, in points"
    )
    if is_single_pair(plan, experiment):
        return f"{gain}; a single pair allows no test. {_runs(plan, experiment)}"
    given = plan.study.experiments[experiment]
    several = len(plan.additions[experiment]) > len(given.folds) * len(given.seeds)
    return (
        f"{gain}, mean ± std; p (better), p (worse): exact one-sided Wilcoxon tests that the gain is positive, and "
        "negative" + "; Holm: p corrected for all methods and additions" * several + f". {captions.LEAST} "
        f"{_runs(plan, experiment)}"
    )


def _curves(plan: Plan, experiment: str) -> str:
    """Errors against the number of labels."""
    steps = plan.study.experiments[experiment].steps_per_addition or 0
    return (
        "Error of the last checkpoint against the number of labels: a dot for each run, and a line through the means, "
        "with bars of one standard deviation. Resumed: each run starts from the final state of the run with the next "
        f"fewer labels and goes on for {steps:,} steps. From initial weights: as many steps, and as many as the "
        "resumed run and all before it have together. Points of one number of labels are drawn beside each other."
    )


ADDED_LABELS: dict[str, Exhibit] = {
    "means": Exhibit(
        "Errors",
        "Labels added to finished runs: errors, and predictions corrected and kept",
        "spl.tables.added_labels",
        _errors,
        inputs=parameters.prediction_files,
        parameter=parameters.added_labels,
        product="means",
    ),
    "additions": Exhibit(
        "Additions",
        "Labels added to finished runs: paired tests",
        "spl.tables.additions",
        _tests,
        inputs=parameters.prediction_files,
        parameter=parameters.added_labels,
    ),
    "curve": Exhibit(
        "Curve by labels",
        "Error against the number of labels, added or there from the start",
        "spl.figures.added_labels",
        _curves,
        inputs=parameters.prediction_files,
        parameter=parameters.added_labels,
        product="curve",
    ),
}
