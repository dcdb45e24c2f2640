"""Shapes of the smoothness factor (section 4.3.1), all pairs of runs, and Pseudo-Labeling with its smooth version."""

from __future__ import annotations

from spl.paper import captions, parameters
from spl.paper.conditions import listed, partly_collapsed_means
from spl.paper.exhibit import Exhibit
from spl.study.checks import BASELINE
from spl.study.plan import Plan
from spl.study.settings import Settings


def _basin_switches(plan: Plan, experiment: str) -> str:
    """Sections 4.1 and 4.3.1: runs that a shape brings to another basin."""
    return (
        "Runs that end in another basin than FixMatch's run of the same fold and seed. A run is in the low basin if a "
        f"class has {partly_collapsed_means(plan)}; p: McNemar's exact two-sided test that switches to the low and "
        "to the high basin are equally likely."
    )


def _aggregate(plan: Plan, *experiments: str) -> str:
    """All pairs of runs."""
    return (
        "All runs under equal conditions (same data, labelled set, seed and settings, except λ_u and the shape of the "
        f"factor), paired run by run, over the experiments {listed(experiments)}. In points; last − best, largest: "
        "mean and largest difference between last and best error over all runs of a method, which are not the same for "
        "each; max, min: largest and "
        "smallest gain of a pair; better: pairs in which the method has the lower error. The test takes pairs for "
        "independent, although those with the same labelled set are not: p is descriptive only."
    )


EXHIBITS: dict[str, Exhibit] = {
    "basin-switches": Exhibit(
        "Basin switches",
        "The shapes at the standard threshold",
        "spl.tables.basin_switches",
        _basin_switches,
        ("shapes",),
        parameter=parameters.compared_with(BASELINE),
    ),
    "aggregate": Exhibit(
        "Aggregate comparison",
        "All runs under equal conditions",
        "spl.tables.aggregate",
        _aggregate,
        ("scarce-labels",),
        parameter=parameters.compared_with(BASELINE, settings=list(Settings.model_fields)),
        conditions=False,
        optional=("thresholds", "shapes", "class-imbalance", "strong-imbalance", "momentum"),
    ),
    "pseudo-labeling": Exhibit(
        "Pseudo-Labeling",
        "Pseudo-Labeling and its smooth version",
        "spl.tables.summary",
        captions.mean_errors,
        ("pseudo-labeling",),
        parameter=parameters.compared_with("pseudo-label"),
        product="means",
    ),
}
