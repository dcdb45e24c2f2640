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
from spl.paper.literature import matching, read_published
from spl.plan import Plan, canonical
from spl.provenance.fingerprint import fingerprint
from spl.settings import TECHNICAL
from spl.study import Random

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


def _splits_and_analysis(plan: Plan, experiment: str) -> list[str]:
    return _splits(plan, experiment) + (_analyses(plan, experiment) if plan.experiments[experiment] else [])


def _analysis_and_confusion(plan: Plan, experiment: str) -> list[str]:
    return [f"analysis/{experiment}.csv", *(f"runs/{path}/confusion.npy" for path in plan.experiments[experiment])]


def _analysis_and_runs(plan: Plan, experiment: str) -> list[str]:
    metrics = [f"runs/{path}/metrics.csv" for path in plan.experiments[experiment]]
    return _analysis_and_confusion(plan, experiment) + metrics


def _threshold(plan: Plan) -> dict[str, Any]:
    return {"threshold": plan.study.training.threshold}


def _comparison(plan: Plan, *experiments: str) -> dict[str, Any]:
    return {"titles": _titles(plan, *experiments), "baseline": BASELINE}


def _beside_published(plan: Plan, experiment: str) -> dict[str, Any]:
    return _comparison(plan, experiment) | _published(plan, experiment)


def _published(plan: Plan, experiment: str) -> dict[str, Any]:
    """What was published for the runs of an experiment, or for what its data set stands in for."""
    given = plan.study.experiments[experiment]
    dataset = plan.study.datasets[given.dataset]
    scheme = "imbalanced" if getattr(given.split, "keep", None) else given.split.scheme
    rows = read_published()
    if stands_in_for := dataset.stands_in_for:
        return {"stands_in_for": stands_in_for} if matching(rows, stands_in_for.lower(), scheme) else {}
    runs = [plan.runs[path] for path in plan.experiments[experiment]]
    arms = {(run.method, run.labels, run.settings["network"]) for run in runs}
    return {"published": matching(rows, dataset.source, scheme, arms)}


def _imbalanced_means(plan: Plan, experiment: str, balanced: str) -> dict[str, Any]:
    return _rows("mean")(plan, experiment, balanced) | _published(plan, experiment)


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


def _rows(*rows: str) -> Callable[..., dict[str, Any]]:
    return lambda plan, *experiments: _comparison(plan, *experiments) | {"rows": list(rows)}


def _against(setting: str, label: str) -> Callable[..., dict[str, Any]]:
    return lambda plan, experiment: {"titles": _titles(plan, experiment), "setting": setting, "label": label}


def _hardest_fold(plan: Plan, experiment: str) -> dict[str, Any]:
    return _against("labels", "number of random labels $n$")(plan, experiment) | {"baseline": BASELINE}


def _collapse(plan: Plan, experiment: str) -> dict[str, Any]:
    return _matrices(plan, experiment) | {"evaluations": 4}


def _basins(plan: Plan, experiment: str) -> dict[str, Any]:
    return {"titles": _titles(plan, experiment), "basins": plan.study.basins.model_dump()}


def _grid(setting: str) -> Callable[..., dict[str, Any]]:
    return lambda plan, experiment: {"titles": _titles(plan, experiment), "setting": setting}


def _transitions(plan: Plan, experiment: str) -> dict[str, Any]:
    return {"titles": _titles(plan, experiment), **plan.study.stability.model_dump()}


def _classes(plan: Plan, experiment: str) -> dict[str, Any]:
    dataset = plan.study.datasets[plan.study.experiments[experiment].dataset]
    return {"titles": _titles(plan, experiment), "classes": list(dataset.known.classes)}


def _hyperparameters(plan: Plan, *experiments: str) -> dict[str, Any]:
    """One column for each data set and network, as the smooth method uses them."""
    runs = [plan.runs[path] for experiment in experiments for path in plan.experiments[experiment]]
    columns = {}
    for run in (run for run in runs if run.method == "smooth-fixmatch"):
        places = ("training", f"datasets.{run.dataset}.training", f"methods.{run.method}")
        assumed = [name for name in run.settings if any(f"{place}.{name}" in plan.study.assumed for place in places)]
        title = f"{run.dataset.upper()}, {run.settings['network'].upper()}"
        settings = {name: value for name, value in run.settings.items() if name not in TECHNICAL}
        columns[title] = {
            "title": title, "settings": settings, "assumed": assumed, "calibration": run.calibration
        }  # fmt: skip
    return {"columns": list(columns.values())}


def _calibrations(plan: Plan, *experiments: str) -> list[str]:
    columns = _hyperparameters(plan, *experiments)["columns"]
    return list(dict.fromkeys(f"calibration/{one['calibration']}.json" for one in columns if one["calibration"]))


CONTENTS: dict[str, Item] = {
    "table1": Item(
        "Table 1",
        "Scarce labels: mean over folds",
        "spl.tables.summary",
        captions.errors,
        ("scarce-labels",),
        _analyses,
        _beside_published,
    ),
    "table2": Item(
        "Table 2",
        "Strong supervision: mean over folds",
        "spl.tables.summary",
        captions.errors,
        ("strong-supervision",),
        _analyses,
        _beside_published,
    ),
    "table3": Item(
        "Table 3",
        "Class imbalance: mean over folds",
        "spl.tables.imbalance",
        captions.imbalance,
        ("class-imbalance", "scarce-labels"),
        _analyses,
        _imbalanced_means,
    ),
    "table4": Item(
        "Table 4",
        "Initial condition: mean over seeds",
        "spl.tables.initial_condition",
        captions.initial_condition,
        ("initial-condition", "scarce-labels"),
        _analyses,
        _comparison,
    ),
    "table5": Item(
        "Table 5",
        "Random labels: mean over folds",
        "spl.tables.random_labels",
        captions.errors,
        ("random-labels",),
        _analyses,
        _beside_published,
    ),
    "table6": Item(
        "Table 6",
        "Random labels: whether the error falls with every addition",
        "spl.tables.transitions",
        captions.transitions,
        ("random-labels",),
        _analyses,
        _transitions,
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
    "table8": Item(
        "Table 8",
        "Strong supervision: every fold",
        "spl.tables.per_fold",
        captions.errors,
        ("strong-supervision",),
        _analyses,
        _comparison,
    ),
    "table9": Item(
        "Table 9",
        "Thresholds",
        "spl.tables.grid",
        captions.grid,
        ("thresholds",),
        _analyses,
        _grid("threshold"),
    ),
    "table10": Item(
        "Table 10",
        "Class imbalance: every fold",
        "spl.tables.imbalance",
        captions.imbalance,
        ("class-imbalance", "scarce-labels"),
        _analyses,
        _rows("folds", "max", "min", "range"),
    ),
    "table11": Item(
        "Table 11",
        "Momentum of SGD",
        "spl.tables.grid",
        captions.grid,
        ("momentum",),
        _analyses,
        _grid("momentum"),
    ),
    "table12": Item(
        "Table 12",
        "Initial condition: every seed",
        "spl.tables.grid",
        captions.grid,
        ("initial-condition",),
        _analyses,
        _grid("seed"),
    ),
    "table13": Item(
        "Table 13",
        "The factor as loss",
        "spl.tables.grid",
        captions.grid,
        ("factor-as-loss",),
        _analyses,
        _grid("lambda_phi"),
    ),
    "table14": Item(
        "Table 14",
        "Hyperparameters",
        "spl.tables.hyperparameters",
        captions.hyperparameters,
        ("scarce-labels", "strong-supervision"),
        _calibrations,
        _hyperparameters,
    ),
    "aggregate": Item(
        "Aggregate comparison",
        "All runs under equal conditions",
        "spl.tables.aggregate",
        captions.aggregate,
        ("scarce-labels", "thresholds", "shapes", "class-imbalance", "momentum"),
        _analyses,
        _comparison,
    ),
    "fig1": Item(
        "Figure 1", "The loss and its smooth version", "spl.figures.fig1", captions.losses, parameter=_threshold
    ),
    "fig2": Item(
        "Figure 2",
        "Error against threshold",
        "spl.figures.against",
        captions.against,
        ("thresholds",),
        _analyses,
        _against("threshold", "threshold $\\tau$"),
    ),
    "fig3": Item(
        "Figure 3",
        "Error against the momentum of SGD",
        "spl.figures.against",
        captions.against,
        ("momentum",),
        _analyses,
        _against("momentum", "momentum of SGD"),
    ),
    "fig4": Item(
        "Figure 4",
        "Class frequencies of random labels",
        "spl.figures.fig4",
        captions.frequencies,
        ("random-labels",),
        _splits_and_analysis,
    ),
    "fig5": Item(
        "Figure 5",
        "Error on the hardest random fold",
        "spl.figures.fig5",
        captions.hardest_fold,
        ("random-labels",),
        _analyses,
        _hardest_fold,
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
    "basins": Item(
        "Basins",
        "Where the runs ended",
        "spl.figures.basins",
        captions.basins,
        ("scarce-labels",),
        _analyses,
        _basins,
    ),
    "collapse": Item(
        "Confusion over training",
        "The worst run",
        "spl.figures.collapse",
        captions.collapse,
        ("scarce-labels",),
        _analysis_and_runs,
        _collapse,
    ),
    "collapses": Item(
        "Collapsed classes",
        "When each class collapsed, and whether it recovered",
        "spl.tables.collapses",
        captions.collapses,
        ("scarce-labels",),
        _analyses,
        _classes,
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
    shown = {name: item for name, item in CONTENTS.items() if _is_shown(plan, item)}
    for item in shown.values():
        baseline = item.parameter(plan, *item.experiments).get("baseline")
        for experiment in item.experiments:
            if baseline and baseline not in plan.study.experiments[experiment].methods:
                where = f"{origin}: experiments.{experiment}.methods"
                raise InputError(f"{where}: expected {baseline} among them, the baseline of {item.title}")
    given = plan.study.experiments["random-labels"].split if "table6" in shown else None
    if isinstance(given, Random) and len(given.labels) < 2:
        raise InputError(f"{origin}: experiments.random-labels.split.labels: expected at least 2, for Table 6")
    return shown


def _is_shown(plan: Plan, item: Item) -> bool:
    """Whether the study has the experiments of an item, and trains them if the item is about trainings."""
    splits_alone = item.inputs is _splits_and_analysis
    return all(name in plan.experiments and (plan.experiments[name] or splits_alone) for name in item.experiments)


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
