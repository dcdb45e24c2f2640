"""What the paper consists of: every figure and table, what it is made from, and its caption.

A caption says what was run, as a function of the study alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from spl.datasets import SOURCES
from spl.methods import METHODS
from spl.plan import Plan, canonical
from spl.provenance.fingerprint import fingerprint

BASELINE = "fixmatch"
TEMPLATE = Path(__file__).with_name("page.html.j2")


@dataclass(frozen=True)
class Item:
    """One figure or table.

    Attributes:
        title: "Figure 4", "Table 1".
        heading: what it shows, in a few words.
        module: draws it (``draw``) or builds it (``build``).
        experiment: the experiment of the study that it shows; None for a picture of a formula.
        reads: what of that experiment it reads.
        parameter: what else it depends on, from the plan.
        caption: one or more sentences.
    """

    title: str
    heading: str
    module: str
    experiment: str | None
    reads: Literal["nothing", "splits", "analysis", "confusion"]
    parameter: Callable[[Plan, str], dict[str, Any]]
    caption: Callable[[Plan, str], str]

    @property
    def kind(self) -> Literal["figure", "table"]:
        """Whether it is drawn or built."""
        return "figure" if self.module.startswith("spl.figures.") else "table"


def _threshold(plan: Plan, experiment: str) -> dict[str, Any]:
    return {"threshold": plan.study.training.threshold}


def _comparison(plan: Plan, experiment: str) -> dict[str, Any]:
    return {"titles": _titles(plan, experiment), "baseline": BASELINE}


def _matrices(plan: Plan, experiment: str) -> dict[str, Any]:
    source = plan.study.datasets[plan.study.experiments[experiment].dataset].source
    return {
        "titles": _titles(plan, experiment),
        "classes": list(SOURCES[source].classes),
        "basins": plan.study.basins.model_dump(),
    }


def _nothing(plan: Plan, experiment: str) -> dict[str, Any]:
    return {}


def _titles(plan: Plan, experiment: str) -> dict[str, str]:
    return {method: METHODS[method].title for method in plan.study.experiments[experiment].methods}


def _what_was_run(plan: Plan, experiment: str) -> str:
    """Data, labels, network, length and weight of the unlabelled loss of an experiment's trainings."""
    given = plan.study.experiments[experiment]
    runs = [plan.runs[path] for path in plan.experiments[experiment]]
    settings = dict(runs[0].settings)
    labelled = plan.splits[runs[0].split]
    labels = f"{labelled.labels} labels a class" if labelled.scheme == "balanced" else f"{labelled.labels} labels"
    semi = [run for run in runs if "lambda_u" in run.settings]
    mu = f", {semi[0].settings['mu'] * settings['batch']} unlabelled" if semi else ""
    text = (
        f"{_data(plan, given.dataset)}, {labels}; {settings['network'].upper()}, {settings['steps']:,} steps of "
        f"{settings['batch']} labelled{mu} images; folds {_span(given.folds)}, "
        f"training seed{'s' if len(given.seeds) > 1 else ''} {_span(given.seeds)}, {len(runs)} runs."
    )
    weights = sorted({run.settings["lambda_u"] for run in semi})
    if weights:
        text += f" λ_u = {', '.join(f'{weight:g}' for weight in weights)} for all: fixed, not calibrated (equation 25)."
    return text


def _assumed(plan: Plan, experiment: str) -> str:
    """The assumed values of an experiment's methods, by title."""
    named = []
    for method, given in plan.study.experiments[experiment].methods.items():
        for key, value in given.overrides().items():
            if f"experiments.{experiment}.methods.{method}.{key}" in plan.study.assumed:
                symbol = {"threshold": "τ"}.get(key, key)
                named.append(f"{symbol} = {value:g} of {METHODS[method].title}")
    return f" Assumed, since the paper's value is not known: {', '.join(named)}." if named else ""


def _data(plan: Plan, dataset: str) -> str:
    stands_in_for = plan.study.datasets[dataset].stands_in_for
    return f"{dataset.capitalize()} (standing in for {stands_in_for})" if stands_in_for else dataset


def _span(values: list[int]) -> str:
    whole = len(values) > 2 and values == list(range(values[0], values[-1] + 1))
    return f"{values[0]}–{values[-1]}" if whole else ", ".join(map(str, values))


def _errors_caption(plan: Plan, experiment: str) -> str:
    return (
        "Error of the last checkpoint in percent of the test images. "
        + _what_was_run(plan, experiment)
        + " Gain: baseline minus method, run for run, mean ± std in points; p: exact one-sided Wilcoxon test."
        + _assumed(plan, experiment)
    )


def _losses_caption(plan: Plan, experiment: str) -> str:
    return (
        f"Unlabelled loss as a function of the score of the pseudo-label, τ = {plan.study.training.threshold:g}: "
        "(a) Pseudo-Labeling, shifted to be continuous, (b) smooth Pseudo-Labeling, equation 17. The derivative of the "
        "first jumps at τ, that of the second does not. Formulas; nothing was trained."
    )


def _factors_caption(plan: Plan, experiment: str) -> str:
    return (
        f"The smoothness factor for τ = {plan.study.training.threshold:g}: linear, quadratic and square root, beside "
        "the indicator that it replaces. Formulas; nothing was trained."
    )


def _frequencies_caption(plan: Plan, experiment: str) -> str:
    folds = plan.study.experiments[experiment].folds
    return (
        "Standard deviation of the class counts of a labelled set over their mean, against the number of labels: one "
        f"dot for each of folds {_span(folds)}, their mean, and what uniform draws lead one to expect. "
        f"{_data(plan, plan.study.experiments[experiment].dataset)}; labels drawn uniformly from all training images, "
        f"each fold contained in the next larger one; {len(plan.experiment_splits[experiment])} labelled sets. The "
        "curve of the folds that had trouble converging needs trainings on these sets, which this study does not run."
    )


def _matrices_caption(plan: Plan, experiment: str) -> str:
    basins = plan.study.basins
    return (
        "Confusion matrices of the runs with the lowest and the highest error at the last checkpoint; the number below "
        "a class is its column's sum. Framed: classes predicted less often than "
        f"{100 * basins.partly_collapsed:g} % of their test images, wholly (below {100 * basins.collapsed:g} %) or "
        "partly collapsed; the limits are assumed. " + _what_was_run(plan, experiment)
    )


CONTENTS: dict[str, Item] = {
    "table1": Item(
        "Table 1",
        "Scarce labels: mean over folds",
        "spl.tables.summary",
        "scarce-labels",
        "analysis",
        _comparison,
        _errors_caption,
    ),
    "table7": Item(
        "Table 7",
        "Scarce labels: every fold",
        "spl.tables.per_fold",
        "scarce-labels",
        "analysis",
        _comparison,
        _errors_caption,
    ),
    "fig1": Item(
        "Figure 1", "The loss and its smooth version", "spl.figures.fig1", None, "nothing", _threshold, _losses_caption
    ),
    "fig4": Item(
        "Figure 4",
        "Class frequencies of random labels",
        "spl.figures.fig4",
        "random-labels",
        "splits",
        _nothing,
        _frequencies_caption,
    ),
    "fig6": Item(
        "Figure 6", "The smoothness factor", "spl.figures.fig6", None, "nothing", _threshold, _factors_caption
    ),
    "confusion": Item(
        "Confusion matrices",
        "Best and worst run",
        "spl.figures.confusion",
        "scarce-labels",
        "confusion",
        _matrices,
        _matrices_caption,
    ),
}
"""In the order of the page. An item whose experiment a study does not have is not part of that study's paper."""


def items(plan: Plan) -> dict[str, Item]:
    """The items of a study's paper."""
    return {
        name: item for name, item in CONTENTS.items() if item.experiment is None or item.experiment in plan.experiments
    }


def item_parameter(plan: Plan, name: str) -> str:
    """The canonical parameter of drawing a figure or building a table."""
    item = CONTENTS[name]
    experiment = item.experiment or ""
    content: dict[str, Any] = {"item": name, "given": item.parameter(plan, experiment)}
    if item.kind == "figure":
        entries = f"{item.module}:draw", "spl.figures.style:save"
    else:
        entries = f"{item.module}:build", "spl.tables.form:save"
        content |= {"title": f"{item.title}. {item.heading}", "caption": item.caption(plan, experiment)}
    return canonical(content | {"code": fingerprint(entries, {})})


def item_inputs(plan: Plan, name: str) -> list[str]:
    """The files that a figure or table reads, below ``results/<study>/``."""
    item = CONTENTS[name]
    experiment = item.experiment or ""
    if item.reads == "splits":
        return [f"splits/{path}.json" for path in plan.experiment_splits[experiment]]
    if item.reads == "nothing":
        return []
    summary = [f"analysis/{experiment}.csv"]
    if item.reads == "analysis":
        return summary
    return summary + [f"runs/{path}/confusion.npy" for path in plan.experiments[experiment]]


def page_parameter(plan: Plan) -> str:
    """The canonical parameter of the page."""
    study = plan.study
    sections = [
        {
            "name": name,
            "kind": item.kind,
            "title": item.title,
            "heading": item.heading,
            "caption": item.caption(plan, item.experiment or ""),
        }
        for name, item in items(plan).items()
    ]
    content = {
        "title": study.title,
        "study": study.name,
        "sections": sections,
        "experiments": [name for name, runs in plan.experiments.items() if runs],
        "assumed": study.assumed,
        "stand_ins": {name: one.stands_in_for for name, one in study.datasets.items() if one.stands_in_for},
        "runs": len(plan.runs),
        "template": hashlib.sha256(TEMPLATE.read_bytes()).hexdigest(),
        "code": fingerprint(["spl.paper.page:write_page"], {}),
    }
    return canonical(content)
