"""What the paper consists of: every figure and table, what it is made from, and its caption."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from spl.errors import InputError
from spl.paper import captions, parameters
from spl.paper.parameters import BASELINE, Inputs, Parameter
from spl.study.plan import Plan
from spl.study.schema import Random
from spl.study.settings import Settings


@dataclass(frozen=True)
class Item:
    """One figure or table.

    Attributes:
        title: "Figure 4", "Table 1".
        heading: what it shows, in a few words.
        module: draws it (``draw``) or builds it (``build``).
        caption: one or more sentences, from the plan and the experiments.
        experiments: of the study, in the order in which it reads them; none for a picture of a formula.
        inputs: the files that it reads below ``results/<study>/``, from the plan and the experiments.
        parameter: what else it depends on, from the same.
        optional: experiments that it shows too, behind the others, if the study has them.
        part: of the page that it belongs to, if not to the paper itself.
    """

    title: str
    heading: str
    module: str
    caption: Callable[..., str]
    experiments: tuple[str, ...] = ()
    inputs: Inputs = parameters.summaries
    parameter: Parameter = parameters.titles
    optional: tuple[str, ...] = ()
    part: str = ""

    @property
    def not_run(self) -> bool:
        """Whether it only says that it was not run."""
        return self.module.endswith(".not_run")

    @property
    def kind(self) -> Literal["figure", "table", "spreadsheet"]:
        """What is made of it."""
        if self.module.startswith("spl.figures."):
            return "figure"
        return "spreadsheet" if self.module == "spl.tables.spreadsheet" else "table"


_against_fixmatch = parameters.compared_with(BASELINE)
_and_published = parameters.beside_published(BASELINE)

CONTENTS: dict[str, Item] = {
    "table1": Item(
        "Table 1",
        "Scarce labels: mean over folds",
        "spl.tables.summary",
        captions.errors,
        ("scarce-labels",),
        parameter=_and_published,
        optional=("fully-supervised",),
    ),
    "table2": Item(
        "Table 2",
        "Strong supervision: mean over folds",
        "spl.tables.summary",
        captions.errors,
        ("strong-supervision",),
        parameter=_and_published,
    ),
    "table3": Item(
        "Table 3",
        "Class imbalance: mean over folds",
        "spl.tables.imbalance",
        captions.imbalance,
        ("class-imbalance", "scarce-labels"),
        parameter=parameters.beside_published(BASELINE, rows=["mean"]),
    ),
    "table4": Item(
        "Table 4",
        "Initial condition: mean over seeds",
        "spl.tables.initial_condition",
        captions.initial_condition,
        ("initial-condition", "scarce-labels"),
        parameter=_against_fixmatch,
    ),
    "table5": Item(
        "Table 5",
        "Random labels: mean over folds",
        "spl.tables.random_labels",
        captions.errors,
        ("random-labels",),
        parameter=_and_published,
    ),
    "table6": Item(
        "Table 6",
        "Random labels: whether the error falls with every addition",
        "spl.tables.transitions",
        captions.transitions,
        ("random-labels",),
        parameter=parameters.stability,
    ),
    "table7": Item(
        "Table 7",
        "Scarce labels: every fold",
        "spl.tables.per_fold",
        captions.errors,
        ("scarce-labels",),
        parameter=_against_fixmatch,
    ),
    "table8": Item(
        "Table 8",
        "Strong supervision: every fold",
        "spl.tables.per_fold",
        captions.errors,
        ("strong-supervision",),
        parameter=_against_fixmatch,
    ),
    "table9": Item(
        "Table 9",
        "Thresholds",
        "spl.tables.grid",
        captions.grid,
        ("thresholds",),
        parameter=parameters.varying("threshold"),
    ),
    "table10": Item(
        "Table 10",
        "Class imbalance: every fold",
        "spl.tables.imbalance",
        captions.imbalance,
        ("class-imbalance", "scarce-labels"),
        parameter=parameters.compared_with(BASELINE, rows=["folds", "max", "min", "range"]),
    ),
    "table11": Item(
        "Table 11",
        "Momentum of SGD",
        "spl.tables.grid",
        captions.grid,
        ("momentum",),
        parameter=parameters.varying("momentum"),
    ),
    "table12": Item(
        "Table 12",
        "Initial condition: every seed",
        "spl.tables.grid",
        captions.grid,
        ("initial-condition",),
        parameter=parameters.varying("seed"),
    ),
    "table13": Item(
        "Table 13",
        "The factor as loss",
        "spl.tables.grid",
        captions.beside_none,
        ("factor-as-loss",),
        parameter=parameters.beside_none("lambda_phi", "smooth-fixmatch-factor", "smooth-fixmatch"),
        optional=("scarce-labels",),
    ),
    "table14": Item(
        "Table 14",
        "Hyperparameters",
        "spl.tables.hyperparameters",
        captions.hyperparameters,
        ("scarce-labels",),
        parameters.calibrations,
        parameters.settings,
        ("strong-supervision",),
    ),
    "table15": Item(
        "Table 15",
        "Hyperparameters, ImageNet-10 %",
        "spl.tables.hyperparameters",
        captions.hyperparameters,
        ("imagenet-10-percent",),
        parameters.calibrations,
        parameters.settings,
    ),
    "tipping-value": Item(
        "Tipping value",
        "The factor as loss on other folds (appendix A.3.7)",
        "spl.tables.per_fold",
        captions.errors,
        ("tipping-value",),
        parameter=_against_fixmatch,
    ),
    "aggregate": Item(
        "Aggregate comparison",
        "All runs under equal conditions",
        "spl.tables.aggregate",
        captions.aggregate,
        ("scarce-labels",),
        parameter=parameters.compared_with(BASELINE, settings=list(Settings.model_fields)),
        optional=("thresholds", "shapes", "class-imbalance", "momentum"),
    ),
    "fig1": Item(
        "Figure 1",
        "The loss and its smooth version",
        "spl.figures.fig1",
        captions.losses,
        parameter=parameters.threshold,
    ),
    "fig2": Item(
        "Figure 2",
        "Error against threshold",
        "spl.figures.against",
        captions.against,
        ("thresholds",),
        parameter=parameters.varying("threshold", label="threshold $\\tau$"),
    ),
    "fig3": Item(
        "Figure 3",
        "Error against the momentum of SGD",
        "spl.figures.against",
        captions.against,
        ("momentum",),
        parameter=parameters.varying("momentum", label="momentum of SGD"),
    ),
    "fig4": Item(
        "Figure 4",
        "Class frequencies of random labels",
        "spl.figures.fig4",
        captions.frequencies,
        ("random-labels",),
        parameters.splits,
        parameters.nothing,
    ),
    "fig5": Item(
        "Figure 5",
        "Error on the hardest random fold",
        "spl.figures.fig5",
        captions.hardest_fold,
        ("random-labels",),
        parameter=parameters.compared_with(BASELINE, setting="labels", label="number of random labels $n$"),
        optional=("fully-supervised",),
    ),
    "fig6": Item(
        "Figure 6", "The smoothness factor", "spl.figures.fig6", captions.factors, parameter=parameters.threshold
    ),
    "fig7": Item(
        "Figure 7",
        "Accuracy against iterations, ImageNet-10 %",
        "spl.figures.curves",
        captions.curves(BASELINE, "smooth-fixmatch"),
        ("imagenet-10-percent",),
        parameters.curve_metrics(BASELINE, "smooth-fixmatch"),
        parameters.curves("test_accuracy", "accuracy on the test images", BASELINE, "smooth-fixmatch"),
    ),
    "fig8": Item(
        "Figure 8",
        "Accuracy on the labelled batch, ImageNet-10 %",
        "spl.figures.curves",
        captions.curves(BASELINE, "smooth-fixmatch"),
        ("imagenet-10-percent",),
        parameters.curve_metrics(BASELINE, "smooth-fixmatch"),
        parameters.curves("labelled_accuracy", "accuracy on the labelled batch", BASELINE, "smooth-fixmatch"),
    ),
    "fig9": Item(
        "Figure 9",
        "Accuracy on the labelled batch, FixMatch on three data sets",
        "spl.figures.curves",
        captions.curves(BASELINE),
        ("scarce-labels",),
        parameters.curve_metrics(BASELINE),
        parameters.curves("labelled_accuracy", "accuracy on the labelled batch", BASELINE),
        ("strong-supervision", "imagenet-10-percent"),
    ),
    "spreadsheet": Item(
        "Spreadsheet",
        "Every fold of the random-label benchmark (appendix A.4)",
        "spl.tables.spreadsheet",
        captions.spreadsheet,
        ("random-labels",),
    ),
    "basin-switches": Item(
        "Basin switches",
        "The shapes at the standard threshold",
        "spl.tables.basin_switches",
        captions.basin_switches,
        ("shapes",),
        parameter=_against_fixmatch,
    ),
    "populated": Item(
        "Populated diagonals",
        "Random labels: classes that are found",
        "spl.tables.populated",
        captions.populated,
        ("random-labels",),
    ),
    "pseudo-labeling": Item(
        "Pseudo-Labeling",
        "The loss that the paper starts from, and its smooth version",
        "spl.tables.summary",
        captions.errors,
        ("pseudo-labeling",),
        parameter=parameters.compared_with("pseudo-label"),
    ),
    "confusion": Item(
        "Confusion matrices",
        "Best and worst run",
        "spl.figures.confusion",
        captions.matrices,
        ("scarce-labels",),
        parameters.matrices,
        parameters.collapsing(),
    ),
}
"""In the order of the page. An item is part of a study's paper if the study has all experiments that it shows."""


def confusion_items(experiment: str) -> dict[str, Item]:
    """What every experiment with trainings has: where its runs ended, and how classes collapsed on the way."""
    found = {
        "basins": Item(
            "Basins",
            "Where the runs ended",
            "spl.figures.basins",
            captions.basins,
            parameter=parameters.basins,
        ),
        "collapse": Item(
            "Confusion over training",
            "The worst run",
            "spl.figures.collapse",
            captions.collapse,
            inputs=parameters.matrices_and_metrics,
            parameter=parameters.collapsing(evaluations=4),
        ),
        "collapses": Item(
            "Collapsed classes",
            "When each class collapsed, and whether it recovered",
            "spl.tables.collapses",
            captions.collapses,
            parameter=parameters.classes,
        ),
    }
    return {
        f"{name}-{experiment}": replace(
            item, title=f"{item.title}: {experiment}", experiments=(experiment,), part=experiment
        )
        for name, item in found.items()
    }


def items(plan: Plan, origin: str) -> dict[str, Item]:
    """The items of a study's paper, each with the experiments that it has to show.

    Args:
        plan: of the study.
        origin: names the study's file in messages.

    Raises:
        InputError: an experiment lacks what an item shows.
    """
    trained = [name for name, experiment in plan.study.experiments.items() if experiment.methods]
    of_experiments = (confusion_items(experiment) for experiment in trained)
    every = CONTENTS | {name: item for several in of_experiments for name, item in several.items()}
    shown = {name: found for name, item in every.items() if (found := _shown(plan, item, trained))}
    for name, item in shown.items():
        baseline = item.parameter(plan, *item.experiments).get("baseline")
        for experiment in every[name].experiments:
            if baseline and baseline not in plan.study.experiments[experiment].methods:
                where = f"{origin}: experiments.{experiment}.methods"
                raise InputError(f"{where}: expected {baseline} among them, the baseline of {item.title}")
    given = plan.study.experiments["random-labels"].split if "table6" in shown else None
    if isinstance(given, Random) and len(given.labels) < 2:
        raise InputError(f"{origin}: experiments.random-labels.split.labels: expected at least 2, for Table 6")
    return shown


def _shown(plan: Plan, item: Item, trained: list[str]) -> Item | None:
    """An item with those of its experiments that are on; what says that it was not run; None if it is not asked for."""
    splits_alone = item.inputs is parameters.splits
    if not set(item.experiments) <= set(plan.study.experiments if splits_alone else trained):
        return None
    off = [name for name in item.experiments if name in plan.off and not (splits_alone and name in plan.experiments)]
    if off:
        return _not_run(item, plan.off[off[0]])
    more = (name for name in item.optional if name in trained and name not in plan.off)
    shown = replace(item, experiments=(*item.experiments, *more), optional=())
    # A table of a method's settings, in a study without that method.
    return None if shown.parameter(plan, *shown.experiments).get("columns") == [] else shown


def _not_run(item: Item, reason: str) -> Item:
    return replace(
        item,
        module=f"spl.{'figures' if item.kind == 'figure' else 'tables'}.not_run",
        experiments=(),
        inputs=parameters.none,
        caption=lambda plan: f"Not run: {reason}.",
        parameter=lambda plan: {"reason": reason},
    )


def item_content(plan: Plan, item: Item) -> dict[str, Any]:
    """What drawing a figure or building a table depends on, beside the files that it reads."""
    content: dict[str, Any] = {"module": item.module, "given": item.parameter(plan, *item.experiments)}
    if item.kind == "table":
        content |= {"title": f"{item.title}. {item.heading}", "caption": item_caption(plan, item)}
    return content


def item_inputs(plan: Plan, item: Item) -> list[str]:
    """The files that a figure or table reads, below ``results/<study>/``."""
    return item.inputs(plan, *item.experiments)


def item_caption(plan: Plan, item: Item) -> str:
    """What was run, in words; of a partial paper, also how much of it."""
    return item.caption(plan, *item.experiments) + captions.done(plan, *item.experiments)
