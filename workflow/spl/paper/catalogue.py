"""The catalogue: every figure and table of the paper, section by section, in the order of the page."""

from __future__ import annotations

from dataclasses import replace

from spl.methods.registry import METHODS
from spl.paper.exhibit import Exhibit, Product
from spl.paper.sections import (
    claims,
    class_imbalance,
    formulas,
    imagenet,
    initial_condition,
    loss_weights,
    mechanism,
    random_labels,
    scarce_labels,
    sensitivity,
    shapes,
    strong_supervision,
)

CLAIMS = "Claims"  # the section of what several experiments say together
SECTIONS: dict[str, dict[str, Exhibit]] = {
    CLAIMS: claims.EXHIBITS,
    "Scarce labels": scarce_labels.EXHIBITS,
    "Strong supervision": strong_supervision.EXHIBITS,
    "Class imbalance": class_imbalance.EXHIBITS,
    "Thresholds, momentum, the factor as loss": sensitivity.EXHIBITS,
    "Shapes of the factor": shapes.EXHIBITS,
    "Initial condition": initial_condition.EXHIBITS,
    "Random labels": random_labels.EXHIBITS,
    "ImageNet": imagenet.EXHIBITS,
    "Mechanism": mechanism.EXHIBITS,
    "Formulas": formulas.EXHIBITS,
    "Settings": loss_weights.EXHIBITS,
}

# The sections after those of further experiments.
LAST_SECTIONS = ("Formulas", "Settings")

# A study's paper contains an exhibit if the study has all of its experiments.
CATALOGUE: dict[str, Exhibit] = {
    name: replace(exhibit, section=section)
    for section, exhibits in SECTIONS.items()
    for name, exhibit in exhibits.items()
}

# Data sets of the paper, by name or source.
DATA_OF_THE_PAPER = ("cifar-10", "cifar-100", "imagenet")
EXPERIMENTS_OF_THE_PAPER = frozenset(
    name for exhibit in CATALOGUE.values() for name in (*exhibit.experiments, *exhibit.optional)
)


def numbered_products(shown: dict[str, Exhibit], experiment: str) -> set[Product]:
    """The products of an experiment that are among these exhibits of the paper."""
    return {exhibit.product for exhibit in shown.values() if exhibit.experiments[:1] == (experiment,)}


def section_of(experiment: str, rebuilt: bool) -> str:
    """The section of the page on an experiment: that of the paper's, if it rebuilds one, or one of its own.

    The claims are no such section, although the gate is measured on an experiment that has one. The title is the name
    as words, "Fully supervised"; that of the method that it names; or the name itself where the paper has a section of
    this title.
    """
    sections = (
        exhibit.section
        for exhibit in CATALOGUE.values()
        if exhibit.experiments[:1] == (experiment,) and exhibit.section != CLAIMS
    )
    words = experiment[:1].upper() + experiment[1:].replace("-", " ")
    words = METHODS[experiment].title if experiment in METHODS else words
    own = experiment if words in SECTIONS else words
    return next(sections, own) if rebuilt else own
