"""Random labels (section 4.5): Figures 4 and 5, Tables 5 and 6, the spreadsheet of appendix A.4."""

from __future__ import annotations

from spl.paper import captions, parameters
from spl.paper.conditions import data_name, numbered
from spl.paper.exhibit import Exhibit
from spl.study.checks import BASELINE
from spl.study.plan import Plan


def _frequencies(plan: Plan, experiment: str) -> str:
    """Figure 4."""
    folds, dataset = plan.study.experiments[experiment].folds, plan.study.experiments[experiment].dataset
    return (
        "Standard deviation of the class counts of a labelled set, divided by their mean, against the number of "
        f"labels: a dot for each labelled set, its mean over {numbered('fold', folds)}, and the root of its "
        f"expected square under uniform draws. {data_name(plan, dataset)}; labels drawn uniformly from all training "
        "images, each labelled set contained in the next larger one of its fold; "
        f"{len(plan.experiment_splits[experiment])} labelled sets."
        + (
            " Orange: mean over the folds on which at least one run, of any method, ended in the low basin (a class "
            "at least partly collapsed); the line has gaps where no run did."
            if plan.experiments[experiment]
            else " No run was trained on these sets, so the curve of folds with trouble converging is missing."
        )
    )


def _hardest_fold(plan: Plan, experiment: str, *references: str) -> str:
    """Figure 5."""
    return (
        "Error of the last checkpoint against the number of random labels, on a single fold: the one on which "
        "FixMatch's error, averaged over all numbers of labels, is largest among all "
        f"runs of {experiment}.{_other_length(plan, experiment, references)}"
    )


def _other_length(plan: Plan, experiment: str, references: tuple[str, ...]) -> str:
    """The length of the runs for reference, where it is another than that of the experiment."""

    def lengths(*names: str) -> set[tuple[int, int]]:
        runs = (plan.runs[path] for name in names for path in plan.experiments.get(name, ()))
        return {(run.settings["steps"], run.settings["batch"]) for run in runs}

    told = (
        f" Full supervision has {steps:,} steps with batches of {batch}."
        for steps, batch in sorted(lengths(*references) - lengths(experiment))
    )
    return "".join(told)


def _transitions(plan: Plan, experiment: str) -> str:
    """Probabilistic monotonicity."""
    limits = plan.study.stability
    return (
        "p-value of the exact one-sided Wilcoxon test over folds that the error of the last checkpoint "
        "falls from one number of random labels to the next; each labelled set contains the next smaller one. High: p "
        f"above {limits.level:g}, told where so many folds can reach less; stable: from there on, the mean error is "
        f"below {100 * limits.mean_below:g} % and its std below {100 * limits.std_below:g} points. Least: the smallest "
        "p that so few folds can reach, where it is above that. All together: the pairs of all steps pooled, "
        "descriptive."
    )


def _populated(plan: Plan, experiment: str) -> str:
    """Section 4.5.2."""
    return (
        "Populated diagonal entries of the confusion matrix: number of classes for which the last checkpoint "
        f"recognises at least {100 * plan.study.basins.partly_collapsed:g} % of the test images (assumed limit), by "
        "fold and number of random labels; (n): mean over n folds where other cells have more."
    )


def _spreadsheet(plan: Plan, experiment: str) -> str:
    """Appendix A.4."""
    return (
        "Last error, basin and collapsed classes of every run, with one row per method and fold and one column per "
        "number of labels."
    )


EXHIBITS: dict[str, Exhibit] = {
    "fig4": Exhibit(
        "Figure 4",
        "Class frequencies of random labels",
        "spl.figures.fig4",
        _frequencies,
        ("random-labels",),
        parameters.splits,
        parameter=lambda plan, experiment: {},
        conditions=False,
    ),
    "table5": Exhibit(
        "Table 5",
        "Random labels: mean over folds",
        "spl.tables.random_labels",
        captions.errors,
        ("random-labels",),
        parameter=parameters.beside_published(BASELINE),
        product="means",
    ),
    "fig5": Exhibit(
        "Figure 5",
        "Error on the hardest random fold",
        "spl.figures.fig5",
        _hardest_fold,
        ("random-labels",),
        parameter=parameters.compared_with(BASELINE, setting="labels", label="number of random labels $n$"),
        optional=("fully-supervised",),
    ),
    "table6": Exhibit(
        "Table 6",
        "Random labels: whether each addition of labels lowers the error",
        "spl.tables.transitions",
        _transitions,
        ("random-labels",),
        parameter=parameters.stability,
    ),
    "populated": Exhibit(
        "Populated diagonals",
        "Random labels: recognised classes",
        "spl.tables.populated",
        _populated,
        ("random-labels",),
    ),
    "spreadsheet": Exhibit(
        "Spreadsheet",
        "Every fold of the random-label benchmark (appendix A.4)",
        "spl.tables.spreadsheet",
        _spreadsheet,
        ("random-labels",),
    ),
}
