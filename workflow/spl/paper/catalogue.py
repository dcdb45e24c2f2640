"""The catalogue: every figure and table of the paper, with its builder, inputs, parameter and caption."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from spl.paper import captions, claim_parameters, parameters
from spl.paper.parameters import Inputs, Parameter
from spl.study.checks import BASELINE, GATED, SUPERVISED
from spl.study.settings import Settings


@dataclass(frozen=True)
class Exhibit:
    """A figure, table or spreadsheet of the paper.

    Attributes:
        title: "Figure 4", "Table 1".
        heading: its subject in a few words.
        module: module with its ``draw`` (figure) or ``build`` (table).
        caption: function of the plan and the experiments; one or more sentences.
        experiments: names of the experiments that it shows, in the order of its inputs; none for the plot of a formula.
        inputs: function of the plan and the experiments; the files that it reads, below ``results/<study>/``.
        parameter: function of the plan and the experiments; all else that it depends on.
        optional: further experiments that it shows if the study has them.
        part: part of the page that it belongs to; "" for the paper itself.
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
        """Whether it is only a note that the experiment was not run."""
        return self.module.endswith(".not_run")

    @property
    def kind(self) -> Literal["figure", "table", "spreadsheet"]:
        """The subcommand that produces it."""
        if self.module.startswith("spl.figures."):
            return "figure"
        return "spreadsheet" if self.module == "spl.tables.spreadsheet" else "table"


_against_fixmatch = parameters.compared_with(BASELINE)
_and_published = parameters.beside_published(BASELINE)

# Exhibits in the order of the page. A study's paper contains an exhibit if the study has all of its experiments.
CATALOGUE: dict[str, Exhibit] = {
    "claims": Exhibit(
        "Claims",
        "What the paper claims, and what these runs say",
        "spl.tables.claims",
        captions.claims,
        inputs=claim_parameters.claim_files,
        parameter=claim_parameters.claim_tests,
        optional=(*claim_parameters.TESTING, SUPERVISED),
    ),
    "regime": Exhibit(
        "Regime",
        "Few labels and high performance: FixMatch against the gate",
        "spl.figures.regime",
        captions.regime,
        (GATED, SUPERVISED),
        claim_parameters.regime_files,
        claim_parameters.regime_limits,
    ),
    "table1": Exhibit(
        "Table 1",
        "Scarce labels: mean over folds",
        "spl.tables.summary",
        captions.errors,
        ("scarce-labels",),
        parameter=_and_published,
        optional=("fully-supervised",),
    ),
    "table2": Exhibit(
        "Table 2",
        "Strong supervision: mean over folds",
        "spl.tables.summary",
        captions.no_effect,
        ("strong-supervision",),
        parameter=parameters.with_margin(_and_published),
        optional=("strong-supervision-full",),
    ),
    "table3": Exhibit(
        "Table 3",
        "Class imbalance: mean over folds",
        "spl.tables.imbalance",
        captions.imbalance,
        ("class-imbalance", "scarce-labels"),
        parameter=parameters.with_imbalances(parameters.beside_published(BASELINE, rows=["mean"])),
        optional=("strong-imbalance",),
    ),
    "table4": Exhibit(
        "Table 4",
        "Initial condition: mean over seeds",
        "spl.tables.initial_condition",
        captions.initial_condition,
        ("initial-condition", "scarce-labels"),
        parameter=_against_fixmatch,
    ),
    "table5": Exhibit(
        "Table 5",
        "Random labels: mean over folds",
        "spl.tables.random_labels",
        captions.errors,
        ("random-labels",),
        parameter=_and_published,
    ),
    "table6": Exhibit(
        "Table 6",
        "Random labels: whether each addition of labels lowers the error",
        "spl.tables.transitions",
        captions.transitions,
        ("random-labels",),
        parameter=parameters.stability,
    ),
    "table7": Exhibit(
        "Table 7",
        "Scarce labels: every fold",
        "spl.tables.per_fold",
        captions.errors,
        ("scarce-labels",),
        parameter=_against_fixmatch,
    ),
    "table8": Exhibit(
        "Table 8",
        "Strong supervision: every fold",
        "spl.tables.per_fold",
        captions.no_effect,
        ("strong-supervision",),
        parameter=parameters.with_margin(_against_fixmatch),
    ),
    "table9": Exhibit(
        "Table 9",
        "Thresholds",
        "spl.tables.grid",
        captions.grid,
        ("thresholds",),
        parameter=parameters.varying("threshold"),
    ),
    "table10": Exhibit(
        "Table 10",
        "Class imbalance: every fold",
        "spl.tables.imbalance",
        captions.imbalance,
        ("class-imbalance", "scarce-labels"),
        parameter=parameters.with_imbalances(parameters.compared_with(BASELINE, rows=["folds", "max", "min", "range"])),
        optional=("strong-imbalance",),
    ),
    "table11": Exhibit(
        "Table 11",
        "Momentum of SGD",
        "spl.tables.grid",
        captions.grid,
        ("momentum",),
        parameter=parameters.varying("momentum"),
    ),
    "table12": Exhibit(
        "Table 12",
        "Initial condition: every seed",
        "spl.tables.grid",
        captions.grid,
        ("initial-condition",),
        parameter=parameters.varying("seed"),
    ),
    "table13": Exhibit(
        "Table 13",
        "The factor as loss",
        "spl.tables.grid",
        captions.beside_none,
        ("factor-as-loss",),
        parameter=parameters.with_ablation("lambda_phi", "smooth-fixmatch-factor", "smooth-fixmatch"),
        optional=("scarce-labels",),
    ),
    "table14": Exhibit(
        "Table 14",
        "Hyperparameters",
        "spl.tables.hyperparameters",
        captions.hyperparameters,
        ("scarce-labels",),
        parameters.calibrations,
        parameters.settings_columns,
        ("strong-supervision",),
    ),
    "table15": Exhibit(
        "Table 15",
        "Hyperparameters, ImageNet-10 %",
        "spl.tables.hyperparameters",
        captions.hyperparameters,
        ("imagenet-10-percent",),
        parameters.calibrations,
        parameters.settings_columns,
    ),
    "calibration": Exhibit(
        "Calibration",
        "Loss weights of the smooth methods",
        "spl.tables.calibration",
        captions.calibration,
        inputs=parameters.calibrations_and_metrics,
        parameter=parameters.calibrated_losses,
    ),
    "sensitivity-thresholds": Exhibit(
        "Sensitivity to the threshold",
        "How far the error moves over the values of Table 9",
        "spl.tables.sensitivity",
        captions.sensitivity("threshold"),
        ("thresholds",),
        parameter=parameters.range_and_rise("threshold"),
    ),
    "sensitivity-momentum": Exhibit(
        "Sensitivity to momentum",
        "How far the error moves over the values of Table 11",
        "spl.tables.sensitivity",
        captions.sensitivity("momentum", rise=True),
        ("momentum",),
        parameter=parameters.range_and_rise("momentum", rise=True),
    ),
    "tipping-value": Exhibit(
        "Tipping value",
        "The factor as loss on other folds (appendix A.3.7)",
        "spl.tables.per_fold",
        captions.errors,
        ("tipping-value",),
        parameter=_against_fixmatch,
    ),
    "aggregate": Exhibit(
        "Aggregate comparison",
        "All runs under equal conditions",
        "spl.tables.aggregate",
        captions.aggregate,
        ("scarce-labels",),
        parameter=parameters.compared_with(BASELINE, settings=list(Settings.model_fields)),
        optional=("thresholds", "shapes", "class-imbalance", "strong-imbalance", "momentum"),
    ),
    "fig1": Exhibit(
        "Figure 1",
        "The loss and its smooth version",
        "spl.figures.fig1",
        captions.losses,
        parameter=parameters.threshold,
    ),
    "fig2": Exhibit(
        "Figure 2",
        "Error against threshold",
        "spl.figures.against",
        captions.against,
        ("thresholds",),
        parameter=parameters.varying("threshold", label="threshold $\\tau$"),
    ),
    "fig3": Exhibit(
        "Figure 3",
        "Error against the momentum of SGD",
        "spl.figures.against",
        captions.against,
        ("momentum",),
        parameter=parameters.varying("momentum", label="momentum of SGD"),
    ),
    "fig4": Exhibit(
        "Figure 4",
        "Class frequencies of random labels",
        "spl.figures.fig4",
        captions.frequencies,
        ("random-labels",),
        parameters.splits,
        parameter=lambda plan, experiment: {},
    ),
    "fig5": Exhibit(
        "Figure 5",
        "Error on the hardest random fold",
        "spl.figures.fig5",
        captions.hardest_fold,
        ("random-labels",),
        parameter=parameters.compared_with(BASELINE, setting="labels", label="number of random labels $n$"),
        optional=("fully-supervised",),
    ),
    "fig6": Exhibit(
        "Figure 6", "The smoothness factor", "spl.figures.fig6", captions.factors, parameter=parameters.threshold
    ),
    "fig7": Exhibit(
        "Figure 7",
        "Accuracy against iterations, ImageNet-10 %",
        "spl.figures.curves",
        captions.curves(BASELINE, "smooth-fixmatch"),
        ("imagenet-10-percent",),
        parameters.curve_metrics(BASELINE, "smooth-fixmatch"),
        parameters.curve_labels("test_accuracy", "accuracy on the test images", BASELINE, "smooth-fixmatch"),
    ),
    "fig8": Exhibit(
        "Figure 8",
        "Accuracy on the labelled batch, ImageNet-10 %",
        "spl.figures.curves",
        captions.curves(BASELINE, "smooth-fixmatch"),
        ("imagenet-10-percent",),
        parameters.curve_metrics(BASELINE, "smooth-fixmatch"),
        parameters.curve_labels("labelled_accuracy", "accuracy on the labelled batch", BASELINE, "smooth-fixmatch"),
    ),
    "fig9": Exhibit(
        "Figure 9",
        "Accuracy on the labelled batch, FixMatch on three data sets",
        "spl.figures.curves",
        captions.curves(BASELINE),
        ("scarce-labels",),
        parameters.curve_metrics(BASELINE),
        parameters.curve_labels("labelled_accuracy", "accuracy on the labelled batch", BASELINE),
        ("strong-supervision", "imagenet-10-percent"),
    ),
    "spreadsheet": Exhibit(
        "Spreadsheet",
        "Every fold of the random-label benchmark (appendix A.4)",
        "spl.tables.spreadsheet",
        captions.spreadsheet,
        ("random-labels",),
    ),
    "basin-switches": Exhibit(
        "Basin switches",
        "The shapes at the standard threshold",
        "spl.tables.basin_switches",
        captions.basin_switches,
        ("shapes",),
        parameter=_against_fixmatch,
    ),
    "populated": Exhibit(
        "Populated diagonals",
        "Random labels: recognised classes",
        "spl.tables.populated",
        captions.populated,
        ("random-labels",),
    ),
    "pseudo-labels": Exhibit(
        "Pseudo-labels",
        "Coverage and purity during training",
        "spl.figures.pseudo_labels",
        captions.pseudo_labels,
        ("scarce-labels",),
        parameters.metric_files,
    ),
    "coverage": Exhibit(
        "Coverage and purity",
        "Pseudo-labels in the last fifth of the training",
        "spl.tables.training_measures",
        captions.coverage,
        ("scarce-labels",),
        parameters.metric_files,
        lambda plan, experiment: (
            parameters.titles(plan, experiment)
            | {"measures": {"coverage": "coverage", "purity": "purity"}, "after": 0.8}
        ),
    ),
    "flips": Exhibit(
        "Flips",
        "Changes of pseudo-labels and weights in the last half of the training (section 3.3)",
        "spl.tables.training_measures",
        captions.flips,
        ("scarce-labels",),
        parameters.metric_files,
        parameters.compared_with(
            BASELINE, measures={"flips": "flips", "weight_movement": "movement of the weight"}, after=0.5
        ),
    ),
    "twins": Exhibit(
        "Twins",
        "Disagreement of runs that differ in a disturbance of their initial weights (section 3.3)",
        "spl.figures.twins",
        captions.twins,
        ("twins",),
        parameters.predictions_and_metrics,
    ),
    "twins-at-the-end": Exhibit(
        "Twins at the end",
        "Distance of runs that differ in a disturbance of their initial weights (section 3.3)",
        "spl.tables.twins",
        captions.twins_at_the_end,
        ("twins",),
        parameters.predictions_and_metrics,
        _against_fixmatch,
    ),
    "pseudo-labeling": Exhibit(
        "Pseudo-Labeling",
        "Pseudo-Labeling and its smooth version",
        "spl.tables.summary",
        captions.errors,
        ("pseudo-labeling",),
        parameter=parameters.compared_with("pseudo-label"),
    ),
    "confusion": Exhibit(
        "Confusion matrices",
        "Best and worst run",
        "spl.figures.confusion",
        captions.matrices,
        ("scarce-labels",),
        parameters.prediction_files,
        parameters.collapsing(),
    ),
}


# Experiments whose runs are compared basin by basin (section 4.1) and for their instability (section 4.4).
OF_BASINS = ("scarce-labels", "shapes")


def experiment_exhibits(experiment: str) -> dict[str, Exhibit]:
    """The exhibits of every experiment with runs: where the runs ended, and how classes collapsed during training."""
    common = {
        "basins": Exhibit(
            "Basins",
            "Errors and collapsed classes of all runs",
            "spl.figures.basins",
            captions.basins,
            parameter=parameters.basin_limits,
        ),
        "collapse": Exhibit(
            "Confusion over training",
            "The run with the highest last error",
            "spl.figures.collapse",
            captions.collapse,
            inputs=parameters.predictions_and_metrics,
            parameter=parameters.collapsing(evaluations=4),
        ),
        "collapses": Exhibit(
            "Collapsed classes",
            "When classes collapsed and recovered",
            "spl.tables.collapses",
            captions.collapses,
            parameter=parameters.classes,
        ),
    }
    compared = {
        "within-basins": Exhibit(
            "Gains within basins",
            "Pairs of runs in the same basin, and pairs that switch",
            "spl.tables.within_basins",
            captions.within_basins,
            parameter=_against_fixmatch,
        ),
        "weakest-classes": Exhibit(
            "Weakest classes",
            "The least predicted and the least recognised class",
            "spl.tables.weakest_classes",
            captions.weakest_classes,
            parameter=_against_fixmatch,
        ),
        "instability": Exhibit(
            "Instability",
            "When runs were best, and what they lost since",
            "spl.tables.instability",
            captions.instability,
            parameter=_against_fixmatch,
        ),
    }
    return {
        f"{name}-{experiment}": replace(
            exhibit, title=f"{exhibit.title}: {experiment}", experiments=(experiment,), part=experiment
        )
        for name, exhibit in (common | (compared if experiment in OF_BASINS else {})).items()
    }
