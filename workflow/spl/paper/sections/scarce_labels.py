"""Scarce labels (section 4.1): Tables 1 and 7, Figure 9, confusion matrices."""

from __future__ import annotations

from dataclasses import replace

from spl.paper import captions, parameters
from spl.paper.exhibit import Exhibit
from spl.paper.sections.every_experiment import CONFUSION
from spl.study.checks import BASELINE

EXHIBITS: dict[str, Exhibit] = {
    "table1": Exhibit(
        "Table 1",
        "Scarce labels: mean over folds",
        "spl.tables.summary",
        captions.mean_errors,
        ("scarce-labels",),
        parameter=parameters.beside_published(BASELINE),
        optional=("fully-supervised",),
        product="means",
    ),
    "table7": Exhibit(
        "Table 7",
        "Scarce labels: every fold",
        "spl.tables.per_fold",
        captions.again("Table 1", captions.errors),
        ("scarce-labels",),
        parameter=parameters.compared_with(BASELINE),
        product="folds",
    ),
    "confusion": replace(CONFUSION, experiments=("scarce-labels",)),
    "fig9": Exhibit(
        "Figure 9",
        "Accuracy on the labelled batch, FixMatch",
        "spl.figures.curves",
        captions.curves(BASELINE),
        ("scarce-labels",),
        parameters.curve_metrics(BASELINE),
        parameters.curve_labels("labelled_accuracy", "accuracy on the labelled batch", BASELINE),
        ("strong-supervision", "imagenet-10-percent"),
    ),
}
