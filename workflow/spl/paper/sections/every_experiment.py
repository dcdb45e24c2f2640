"""What every experiment has, whatever its name: errors as means and fold by fold, curves, basins, collapsed classes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from spl.paper import captions, parameters
from spl.paper.conditions import is_single_pair, partly_collapsed_means
from spl.paper.exhibit import Exhibit, Product
from spl.paper.sections.added_labels import ADDED_LABELS
from spl.study.checks import BASELINE
from spl.study.labels import setting_name
from spl.study.plan import Plan

# Experiments of the paper whose runs are compared basin by basin (section 4.1) and for their instability (section 4.4).
OF_BASINS = ("scarce-labels", "shapes")


def experiment_exhibits(plan: Plan, experiment: str, numbered: Collection[Product] | None) -> dict[str, Exhibit]:
    """The exhibits of an experiment with methods, by name.

    Args:
        plan: the plan.
        experiment: its name.
        numbered: of an experiment of the paper: its products that the study shows under their number there. None of
            other experiments, which have figures of their own of what the paper shows for scarce labels.
    """
    exhibits: dict[str, Exhibit] = {}
    if experiment not in plan.off:
        exhibits = {name: one for name, one in _products(plan, experiment).items() if name not in (numbered or ())}
        if numbered and is_single_pair(plan, experiment):
            exhibits.pop("means", None)  # the numbered one has the same errors
        if numbered is None:
            exhibits |= _training(plan, experiment)
    exhibits |= COLLAPSE | (COMPARED if numbered is not None and experiment in OF_BASINS else {})
    return {
        f"{name}-{experiment}": replace(exhibit, title=f"{exhibit.title}: {experiment}", experiments=(experiment,))
        for name, exhibit in exhibits.items()
    }


def varied(plan: Plan, experiment: str) -> str:
    """The one thing in which an experiment's runs differ besides method, fold and seed: a setting, or "labels".

    Empty if there is none, or several.
    """
    runs = [plan.runs[path] for path in plan.experiments[experiment]]
    names = {name for variant in plan.study.experiments[experiment].variants for name in variant.overrides()}
    names |= {"labels"} if len({run.labels for run in runs}) > 1 else set()
    if len(names) != 1:
        return ""
    (name,) = names
    values = {run.labels if name == "labels" else run.settings.get(name) for run in runs}
    return name if len(values - {None}) > 1 else ""


def _products(plan: Plan, experiment: str) -> dict[str, Exhibit]:
    """Means, folds, grid and curve, as far as the experiment has them; its own if it adds labels to finished runs."""
    if experiment in plan.additions:
        return ADDED_LABELS
    setting, several_sizes = varied(plan, experiment), _has_several_sizes(plan, experiment)
    products = {
        "means": Exhibit(
            "Errors",
            "Mean over the runs",
            "spl.tables.random_labels" if several_sizes else "spl.tables.summary",
            captions.errors if several_sizes else captions.mean_errors,
            parameter=_compared,
            product="means",
        )
    }
    if several_sizes:
        products["folds"] = Exhibit(
            "Errors by fold", "Every run", "spl.tables.folds_by_labels", captions.last_errors, product="folds"
        )
    elif not is_single_pair(plan, experiment):
        products["folds"] = Exhibit(
            "Errors by fold", "Every run", "spl.tables.per_fold", captions.errors, parameter=_compared, product="folds"
        )
    if setting and setting != "labels":
        products["grid"] = Exhibit(
            f"Errors by {setting_name(setting)}",
            f"Mean at each value of {setting_name(setting)}",
            "spl.tables.grid",
            captions.grid,
            parameter=parameters.varying(setting),
            product="grid",
        )
    if setting and _is_number(plan, experiment, setting):
        products["curve"] = Exhibit(
            f"Curve by {setting_name(setting)}",
            f"Error against {setting_name(setting)}",
            "spl.figures.against",
            captions.against,
            parameter=parameters.varying(setting, label=parameters.axis_label(setting)),
            product="curve",
        )
    return products


def _compared(plan: Plan, experiment: str) -> dict[str, Any]:
    return parameters.compared_with(plan.study.experiments[experiment].reference)(plan, experiment)


def _has_several_sizes(plan: Plan, experiment: str) -> bool:
    return len({plan.runs[path].labels for path in plan.experiments[experiment]}) > 1


def _is_number(plan: Plan, experiment: str, setting: str) -> bool:
    runs = (plan.runs[path] for path in plan.experiments[experiment])
    values = [run.settings[setting] for run in runs if setting in run.settings] if setting != "labels" else [1]
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _training(plan: Plan, experiment: str) -> dict[str, Exhibit]:
    """Confusion matrices, and, for labelled sets of one size, the pseudo-labels of methods that have some."""
    exhibits = {"confusion": CONFUSION}
    has_pseudo_labels = any("mu" in plan.runs[path].settings for path in plan.experiments[experiment])
    if has_pseudo_labels and not _has_several_sizes(plan, experiment):
        exhibits |= PSEUDO_LABELS
    return exhibits


def _collapse(plan: Plan, experiment: str) -> str:
    """Confusion matrices during training."""
    return (
        "Confusion matrices of the run with the highest last error, at evaluations spread evenly over its training. A "
        f"frame marks a class with {partly_collapsed_means(plan)}. The run was chosen "
        f"among all runs of {experiment}."
    )


def _basins(plan: Plan, experiment: str) -> str:
    """Distribution of errors."""
    return (
        "Left: error of each run at the last checkpoint. Middle: smallest column sum of its confusion matrix, divided "
        "by the number of test images of that class. Right: smallest recall of a class. Filled: high basin; hollow or "
        "crossed out: low basin, in which a class is partly or wholly collapsed. Partly collapsed: "
        f"{partly_collapsed_means(plan)}. Dots have their exact values and are stacked where they would overlap."
    )


def _collapses(plan: Plan, experiment: str) -> str:
    """When classes collapsed."""
    basins = plan.study.basins
    return (
        "Smallest column, smallest recall: predictions of the least predicted class and correct predictions of the "
        "least recognised class at the last checkpoint, in percent of its test images. Collapsed in steps: from the "
        "first evaluation at which a class that had been learnt had fewer predictions than "
        f"{100 * basins.collapsed:g} % of its test images (assumed limit) to the next one at which it had more, where "
        "it recovered, or to the end; the time before a class is learnt does not count. Learnt: at least "
        f"{100 * basins.partly_collapsed:g} % of its test images were recognised, and at least that share of its "
        "predictions correct (assumed limit), at one evaluation."
    )


def _within_basins(plan: Plan, experiment: str) -> str:
    """Section 4.1: gains within a basin, and the distance of the basins."""
    return (
        "Gain: error of FixMatch minus error of the method, of the same fold and seed, mean ± std in points over the n "
        "pairs whose runs both end in the high or both in the low basin, or that switch from FixMatch's basin to the "
        "other. These groups are chosen by the outcome, so nothing is tested. Error, high and low: of the method's "
        "runs in each basin, in percent; low − high: the distance of its basins, in points. A run is in the low basin "
        f"if a class has {partly_collapsed_means(plan)}."
    )


def _weakest_classes(plan: Plan, experiment: str) -> str:
    """Section 4.1: collapses without a limit."""
    return (
        "Smallest column: predictions of the class that the last checkpoint predicts least often; smallest recall: "
        "correct predictions of the class that it recognises least often; in percent of the class's test images. Gain: "
        f"that of the method minus that of FixMatch, {captions.comparison_in_words(plan, experiment)}"
    )


def _instability(plan: Plan, experiment: str) -> str:
    """Sections 4.1 and 4.4: late best errors, and what runs lose since."""
    return (
        "Best in the last tenth: runs whose lowest error of all evaluations was first reached in the last tenth of the "
        f"training; unstable: runs whose last error is more than {100 * plan.study.basins.unstable:g} points (assumed "
        "limit) above their lowest; last − best, largest: mean and largest difference, in points. Gain: the "
        f"difference of FixMatch minus that of the method, {captions.comparison_in_words(plan, experiment)}"
    )


CONFUSION = Exhibit(
    "Confusion matrices",
    "Best and worst run",
    "spl.figures.confusion",
    captions.matrices,
    inputs=parameters.prediction_files,
    parameter=parameters.collapsing(),
)
PSEUDO_LABELS: dict[str, Exhibit] = {
    "pseudo-labels": Exhibit(
        "Pseudo-labels",
        "Coverage and purity during training",
        "spl.figures.pseudo_labels",
        captions.pseudo_labels,
        inputs=parameters.metric_files,
    ),
    "coverage": Exhibit(
        "Coverage and purity",
        "Pseudo-labels in the last fifth of the training",
        "spl.tables.training_measures",
        captions.coverage,
        inputs=parameters.metric_files,
        parameter=parameters.coverage_and_purity,
    ),
}
COLLAPSE: dict[str, Exhibit] = {
    "basins": Exhibit(
        "Basins",
        "Errors and collapsed classes of all runs",
        "spl.figures.basins",
        _basins,
        parameter=parameters.basin_limits,
        detail=True,
    ),
    "collapse": Exhibit(
        "Confusion over training",
        "The run with the highest last error",
        "spl.figures.collapse",
        _collapse,
        inputs=parameters.predictions_and_metrics,
        parameter=parameters.collapsing(evaluations=4),
        detail=True,
    ),
    "collapses": Exhibit(
        "Collapsed classes",
        "When classes collapsed and recovered",
        "spl.tables.collapses",
        _collapses,
        parameter=parameters.collapsing(),
        detail=True,
    ),
}
COMPARED: dict[str, Exhibit] = {
    "within-basins": Exhibit(
        "Gains within basins",
        "Pairs of runs in the same basin, and pairs that switch",
        "spl.tables.within_basins",
        _within_basins,
        parameter=parameters.compared_with(BASELINE),
        detail=True,
    ),
    "weakest-classes": Exhibit(
        "Weakest classes",
        "The least predicted and the least recognised class",
        "spl.tables.weakest_classes",
        _weakest_classes,
        parameter=parameters.compared_with(BASELINE),
        detail=True,
    ),
    "instability": Exhibit(
        "Instability",
        "Best evaluation, and loss until the end",
        "spl.tables.instability",
        _instability,
        parameter=parameters.compared_with(BASELINE),
        detail=True,
    ),
}
