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
        caption: one or more sentences, from the plan and the experiments.
        experiments: of the study, in the order in which it reads them; none for a picture of a formula.
        inputs: the files that it reads below ``results/<study>/``, from the plan and the experiments.
        parameter: what else it depends on, from the same.
    """

    title: str
    heading: str
    module: str
    caption: Callable[..., str]
    experiments: tuple[str, ...] = ()
    inputs: Callable[..., list[str]] = lambda plan, *experiments: []
    parameter: Callable[..., dict[str, Any]] = lambda plan, *experiments: {}

    @property
    def kind(self) -> Literal["figure", "table"]:
        """Whether it is drawn or built."""
        return "figure" if self.module.startswith("spl.figures.") else "table"


def _splits(plan: Plan, experiment: str) -> list[str]:
    return [f"splits/{path}.json" for path in plan.experiment_splits[experiment]]


def _analyses(plan: Plan, *experiments: str) -> list[str]:
    return [f"analysis/{experiment}.csv" for experiment in experiments]


def _analysis_and_confusion(plan: Plan, experiment: str) -> list[str]:
    return [f"analysis/{experiment}.csv", *(f"runs/{path}/confusion.npy" for path in plan.experiments[experiment])]


def _threshold(plan: Plan) -> dict[str, Any]:
    return {"threshold": plan.study.training.threshold}


def _comparison(plan: Plan, *experiments: str) -> dict[str, Any]:
    return {"titles": _titles(plan, *experiments), "baseline": BASELINE}


def _matrices(plan: Plan, experiment: str) -> dict[str, Any]:
    dataset = plan.study.datasets[plan.study.experiments[experiment].dataset]
    return {
        "titles": _titles(plan, experiment),
        "classes": list(dataset.known.classes),
        "basins": plan.study.basins.model_dump(),
    }


def _titles(plan: Plan, *experiments: str) -> dict[str, str]:
    methods = (method for experiment in experiments for method in plan.study.experiments[experiment].methods)
    return {method: METHODS[method].title for method in methods}


CONTENTS: dict[str, Item] = {
    "table1": Item(
        "Table 1",
        "Scarce labels: mean over folds",
        "spl.tables.summary",
        captions.errors,
        ("scarce-labels",),
        _analyses,
        _comparison,
    ),
    "table7": Item(
        "Table 7",
        "Scarce labels: every fold",
        "spl.tables.per_fold",
        captions.errors,
        ("scarce-labels",),
        _analyses,
        _comparison,
    ),
    "fig1": Item(
        "Figure 1", "The loss and its smooth version", "spl.figures.fig1", captions.losses, parameter=_threshold
    ),
    "fig4": Item(
        "Figure 4",
        "Class frequencies of random labels",
        "spl.figures.fig4",
        captions.frequencies,
        ("random-labels",),
        _splits,
    ),
    "fig6": Item("Figure 6", "The smoothness factor", "spl.figures.fig6", captions.factors, parameter=_threshold),
    "confusion": Item(
        "Confusion matrices",
        "Best and worst run",
        "spl.figures.confusion",
        captions.matrices,
        ("scarce-labels",),
        _analysis_and_confusion,
        _matrices,
    ),
}
"""In the order of the page. An item is part of a study's paper if the study has all experiments that it shows."""


def items(plan: Plan, origin: str) -> dict[str, Item]:
    """The items of a study's paper.

    Args:
        plan: of the study.
        origin: names the study's file in messages.

    Raises:
        InputError: an experiment lacks what an item shows.
    """
    shown = {name: item for name, item in CONTENTS.items() if set(item.experiments) <= plan.experiments.keys()}
    for item in shown.values():
        baseline = item.parameter(plan, *item.experiments).get("baseline")
        for experiment in item.experiments:
            if baseline and baseline not in plan.study.experiments[experiment].methods:
                where = f"{origin}: experiments.{experiment}.methods"
                raise InputError(f"{where}: expected {baseline} among them, the baseline of {item.title}")
    return shown


def item_parameter(plan: Plan, name: str) -> str:
    """The canonical parameter of drawing a figure or building a table."""
    item = CONTENTS[name]
    content: dict[str, Any] = {"item": name, "given": item.parameter(plan, *item.experiments)}
    if item.kind == "figure":
        entries = f"{item.module}:draw", "spl.figures.style:save"
    else:
        entries = f"{item.module}:build", "spl.tables.form:save"
        caption = item.caption(plan, *item.experiments)
        content |= {"title": f"{item.title}. {item.heading}", "caption": caption}
    return canonical(content | {"code": fingerprint(entries, {})})


def item_inputs(plan: Plan, name: str) -> list[str]:
    """The files that a figure or table reads, below ``results/<study>/``."""
    item = CONTENTS[name]
    return item.inputs(plan, *item.experiments)


def page_parameter(plan: Plan, shown: Mapping[str, Item]) -> str:
    """The canonical parameter of the page that shows these items."""
    study = plan.study
    sections = [
        {
            "name": name,
            "kind": item.kind,
            "title": item.title,
            "heading": item.heading,
            "caption": item.caption(plan, *item.experiments),
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
