"""Captions that several exhibits share, and the phrases that recur in others; each a function of the study alone.

A caption says what an exhibit shows. The conditions of its runs follow from :mod:`spl.paper.conditions`.
"""

from __future__ import annotations

from collections.abc import Callable

from spl.paper.conditions import (
    comparisons_in,
    is_single_pair,
    listed,
    method_title,
    numbered,
    partly_collapsed_means,
)
from spl.paper.parameters import curve_runs, settings_columns
from spl.study.plan import Plan

ERROR = "Error of the last checkpoint, in percent of the test images"
TIES = ", several where they print the same, none where all do"
LEAST = "Least: the smallest p that so few pairs can reach, where it is above 0.05."


def measured_late(plan: Plan, experiment: str) -> str:
    """How the evaluations at the end of the runs of an experiment become numbers."""
    over_runs = "" if is_single_pair(plan, experiment) else ", and mean ± std over the runs"
    return f"Mean over the steps{over_runs}, in percent."


def errors(plan: Plan, experiment: str, *_references: str) -> str:
    """Tables of errors."""
    return f"{ERROR}.{_compared(plan, experiment)}"


def again(table: str, caption: Callable[..., str]) -> Callable[..., str]:
    """The caption of a table fold by fold, which with a single run of each method repeats the table of their means."""
    return lambda plan, experiment, *others: (
        f"The errors of {table} again, since each method has a single run. " * is_single_pair(plan, experiment)
        + caption(plan, experiment, *others)
    )


def mean_errors(plan: Plan, experiment: str, *references: str) -> str:
    """Tables of mean errors with the best method in bold."""
    best = (
        f" Bold: the lowest of the methods compared{TIES}."
        if len(plan.study.experiments[experiment].methods) > 1
        else ""
    )
    return f"{errors(plan, experiment, *references)}{best}"


def last_errors(plan: Plan, experiment: str) -> str:
    """Tables of errors without a comparison."""
    return f"{ERROR}."


def _compared(plan: Plan, experiment: str) -> str:
    """The comparison with the baseline: gain, test and correction, as far as the table has them."""
    if len(plan.study.experiments[experiment].methods) < 2:
        return ""
    gain = " Gain: error of {baseline} minus error of the method"
    if is_single_pair(plan, experiment):
        return f"{gain}, in points; a single pair of runs allows no test."
    sizes = {plan.runs[path].labels for path in plan.experiments[experiment]}
    several = comparisons_in(plan, experiment) * len(sizes) > 1
    return (
        f"{gain}, paired run by run, mean ± std in points; p (better): exact one-sided Wilcoxon test that the gain "
        "is positive" + "; Holm: p corrected for the comparisons in this table" * several + f". {LEAST}"
    )


def grid(plan: Plan, experiment: str) -> str:
    """Errors over the values of one setting."""
    best = f"; bold: the lowest of each column{TIES}" if len(plan.study.experiments[experiment].methods) > 1 else ""
    return f"{ERROR}{best}; (n): mean of n runs where other cells have more."


def against(plan: Plan, experiment: str) -> str:
    """Errors against one setting."""
    return (
        "Error of the last checkpoint: a dot for each run, and a line through the mean at each value, with bars of one "
        "standard deviation where there are several runs."
    )


def curves(*methods: str) -> Callable[..., str]:
    """Figures 7, 8 and 9: which runs are shown, and whether they differ in more than their method."""

    def caption(plan: Plan, *experiments: str) -> str:
        runs = [run for run, _ in curve_runs(plan, methods, experiments)]
        shown = {f"{numbered('fold', [run.fold])}, seed {run.seed}" for run in runs}
        methods_in = ([plan.runs[path].method for path in plan.experiments[experiment]] for experiment in experiments)
        counts = {own.count(method) for own in methods_in for method in methods}
        which = "only run" if counts == {1} else f"first of {min(counts)} runs" if len(counts) == 1 else "first run"
        first = listed(f"of {method_title(method)}" for method in methods)
        text = f"Measured at every evaluation, in the {which} {first}: {listed(sorted(shown), 'or')}."
        if len(methods) > 1 and len({run.settings["lambda_u"] for run in runs}) > 1:
            text += " The runs differ in λ_u, too."
        return text

    return caption


def curves_and_change(*methods: str) -> Callable[..., str]:
    """Figure 7: the runs, and what the line above the axes says of their end."""
    return lambda plan, *experiments: (
        f"{curves(*methods)(plan, *experiments)} Above the axes: the mean of the evaluations in the last tenth of the "
        "steps minus that in the tenth before. A run whose accuracy still rises has not converged."
    )


def matrices(plan: Plan, experiment: str) -> str:
    """The confusion matrices of two runs."""
    return (
        "Confusion matrices of the runs with the lowest and the highest error at the last checkpoint. The number below "
        f"a class is its column sum. A frame marks a class with {partly_collapsed_means(plan)}. The two runs were "
        f"chosen among all runs of {experiment}."
    )


def pseudo_labels(plan: Plan, experiment: str) -> str:
    """Equation 5 during training."""
    over_runs = (
        "" if is_single_pair(plan, experiment) else ": mean over the runs, with a band of one standard deviation"
    )
    return (
        "Coverage, the mean weight of the pseudo-labels, which is the selected share of them if weights are 0 or 1; "
        "and purity, the part of this weight whose pseudo-label is right (equation 5). Measured over the steps since "
        f"the previous evaluation{over_runs}."
    )


def coverage(plan: Plan, experiment: str) -> str:
    """Equation 5 at the end of the training."""
    return (
        "Coverage: mean weight of the pseudo-labels, which is the selected share of them if weights are 0 or 1. "
        "Purity: the part of this weight whose pseudo-label is right (equation 5). Over the evaluations in the last "
        f"fifth of the training. {measured_late(plan, experiment)}"
    )


def hyperparameters(plan: Plan, *experiments: str) -> str:
    """Settings, and the marks that occur among them."""
    columns = settings_columns(plan, *experiments)["columns"]
    marks = ["* assumed"] if any(column["assumed"] for column in columns) else []
    marks += ["† calibrated (equation 25)"] if any(column["calibration"] for column in columns) else []
    return f"Settings of Smooth FixMatch{'; ' if marks else ''}{', '.join(marks)}."


def comparison_in_words(plan: Plan, experiment: str, comparisons: int | None = None) -> str:
    """How a table of endpoints other than the error compares the methods with FixMatch, by default in all variants."""
    if comparisons is None:
        comparisons = comparisons_in(plan, experiment)
    if is_single_pair(plan, experiment):
        return "in points; a single pair allows no test."
    return (
        "paired by fold and seed, mean ± std in points; p (better): exact one-sided Wilcoxon test that the "
        "gain is positive" + "; Holm: p corrected for the methods compared" * (comparisons > 1) + f". {LEAST}"
    )


def done(plan: Plan, *experiments: str) -> str:
    """How many runs of these experiments a partial paper shows; empty if all of them are done."""
    runs = {run for experiment in experiments for run in plan.experiments[experiment]}
    if not plan.missing & runs:
        return ""
    return (
        f" Partial: {len(runs - plan.missing)} of {len(runs)} runs are done; (n) or a hollow mean: computed from fewer "
        "runs or pairs than planned; –: no run is done."
    )
