"""The mechanism (section 3.3): pseudo-labels during training, and the distance of twins."""

from __future__ import annotations

from dataclasses import replace

from spl.paper import captions, parameters
from spl.paper.exhibit import Exhibit
from spl.paper.sections.every_experiment import PSEUDO_LABELS
from spl.study.checks import BASELINE
from spl.study.plan import Plan


def _flips(plan: Plan, experiment: str) -> str:
    """The mechanism of section 3.3."""
    return (
        "Flips: share of the visits to an unlabelled image at which its pseudo-label differs from that of the previous "
        "visit. Movement of the weight: mean distance of the pseudo-label's weight from that at the previous visit; "
        "the largest weight is 1. Over the evaluations in the last half of the training. "
        f"{captions.measured_late(plan, experiment)} Gain: that of FixMatch minus that of the method, "
        f"{captions.comparison_in_words(plan, experiment)}"
    )


def _twins(plan: Plan, experiment: str) -> str:
    """The divergence of twins during training."""
    return (
        "Share of the test images for which a run and its twin predict different classes. "
        f"{_disturbance(plan, experiment)} Mean over the pairs of a method, with a band from the closest to the "
        "most distant pair."
    )


def _twins_at_the_end(plan: Plan, experiment: str) -> str:
    """The divergence of twins at the last evaluation."""
    return (
        "Distance of a run and its twin at the last evaluation. Disagreement: share of the test images for which they "
        "predict different classes; error difference: distance of their errors; mean ± std over the pairs, in percent. "
        f"{_disturbance(plan, experiment)} Gain: that of FixMatch minus that of the method, "
        f"{captions.comparison_in_words(plan, experiment, len(plan.study.experiments[experiment].methods) - 1)}"
    )


def _disturbance(plan: Plan, experiment: str) -> str:
    noise = max(plan.runs[path].settings["initial_noise"] for path in plan.experiments[experiment])
    return f"Twins differ in a random disturbance of the initial weights alone, of relative size {noise:g}."


EXHIBITS: dict[str, Exhibit] = {
    **{name: replace(exhibit, experiments=("scarce-labels",)) for name, exhibit in PSEUDO_LABELS.items()},
    "flips": Exhibit(
        "Flips",
        "Changes of pseudo-labels and weights in the last half of the training (section 3.3)",
        "spl.tables.training_measures",
        _flips,
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
        _twins,
        ("twins",),
        parameters.predictions_and_metrics,
    ),
    "twins-at-the-end": Exhibit(
        "Twins at the end",
        "Distance of runs that differ in a disturbance of their initial weights (section 3.3)",
        "spl.tables.twins",
        _twins_at_the_end,
        ("twins",),
        parameters.predictions_and_metrics,
        parameters.compared_with(BASELINE),
    ),
}
