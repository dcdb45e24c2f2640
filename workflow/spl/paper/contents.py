"""What the paper consists of: every figure and table, what it is made from, and its caption."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from spl.errors import InputError
from spl.methods import METHODS
from spl.paper import captions
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
    dataset = plan.study.datasets[plan.study.experiments[experiment].dataset]
    return {
        "titles": _titles(plan, experiment),
        "classes": list(dataset.known.classes),
        "basins": plan.study.basins.model_dump(),
    }


def _nothing(plan: Plan, experiment: str) -> dict[str, Any]:
    return {}


def _titles(plan: Plan, experiment: str) -> dict[str, str]:
    return {method: METHODS[method].title for method in plan.study.experiments[experiment].methods}


CONTENTS: dict[str, Item] = {
    "table1": Item(
        "Table 1",
        "Scarce labels: mean over folds",
        "spl.tables.summary",
        "scarce-labels",
        "analysis",
        _comparison,
        captions.errors,
    ),
    "table7": Item(
        "Table 7",
        "Scarce labels: every fold",
        "spl.tables.per_fold",
        "scarce-labels",
        "analysis",
        _comparison,
        captions.errors,
    ),
    "fig1": Item(
        "Figure 1", "The loss and its smooth version", "spl.figures.fig1", None, "nothing", _threshold, captions.losses
    ),
    "fig4": Item(
        "Figure 4",
        "Class frequencies of random labels",
        "spl.figures.fig4",
        "random-labels",
        "splits",
        _nothing,
        captions.frequencies,
    ),
    "fig6": Item(
        "Figure 6", "The smoothness factor", "spl.figures.fig6", None, "nothing", _threshold, captions.factors
    ),
    "confusion": Item(
        "Confusion matrices",
        "Best and worst run",
        "spl.figures.confusion",
        "scarce-labels",
        "confusion",
        _matrices,
        captions.matrices,
    ),
}
"""In the order of the page. An item whose experiment a study does not have is not part of that study's paper."""


def items(plan: Plan, origin: str) -> dict[str, Item]:
    """The items of a study's paper.

    Args:
        plan: of the study.
        origin: names the study's file in messages.

    Raises:
        InputError: an experiment lacks what an item shows.
    """
    shown = {
        name: one for name, one in CONTENTS.items() if one.experiment is None or one.experiment in plan.experiments
    }
    for item in shown.values():
        experiment = plan.study.experiments[item.experiment] if item.experiment else None
        if experiment and item.reads in ("analysis", "confusion") and BASELINE not in experiment.methods:
            where = f"{origin}: experiments.{item.experiment}.methods"
            raise InputError(f"{where}: expected {BASELINE} among them, the baseline of {item.title}")
    return shown


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


def page_parameter(plan: Plan, shown: Mapping[str, Item]) -> str:
    """The canonical parameter of the page that shows these items."""
    study = plan.study
    sections = [
        {
            "name": name,
            "kind": item.kind,
            "title": item.title,
            "heading": item.heading,
            "caption": item.caption(plan, item.experiment or ""),
        }
        for name, item in shown.items()
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
