"""ImageNet with 10 % of its labels: Figures 7 and 8, Table 15."""

from __future__ import annotations

from spl.paper import captions, parameters
from spl.paper.exhibit import Exhibit
from spl.study.checks import BASELINE

EXHIBITS: dict[str, Exhibit] = {
    "fig7": Exhibit(
        "Figure 7",
        "Accuracy against iterations, {data}-10 %",
        "spl.figures.curves",
        captions.curves_and_change(BASELINE, "smooth-fixmatch"),
        ("imagenet-10-percent",),
        parameters.curve_metrics(BASELINE, "smooth-fixmatch"),
        parameters.curve_labels(
            "test_accuracy", "accuracy on the test images", BASELINE, "smooth-fixmatch", change_over=0.1
        ),
    ),
    "fig8": Exhibit(
        "Figure 8",
        "Accuracy on the labelled batch, {data}-10 %",
        "spl.figures.curves",
        captions.curves(BASELINE, "smooth-fixmatch"),
        ("imagenet-10-percent",),
        parameters.curve_metrics(BASELINE, "smooth-fixmatch"),
        parameters.curve_labels("labelled_accuracy", "accuracy on the labelled batch", BASELINE, "smooth-fixmatch"),
    ),
    "table15": Exhibit(
        "Table 15",
        "Hyperparameters, {data}-10 %",
        "spl.tables.hyperparameters",
        captions.hyperparameters,
        ("imagenet-10-percent",),
        parameters.calibrations,
        parameters.settings_columns,
        conditions=False,
    ),
}
