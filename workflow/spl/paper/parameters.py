"""What figures and tables depend on: the files that they read, and what else of the study they show.

Each function takes the plan and the experiments that an exhibit shows, in its order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from spl.methods.methods import METHODS
from spl.paper.literature import matching, read_published
from spl.study.labels import TECHNICAL, network_name
from spl.study.plan import Plan, Run
from spl.study.resolve import is_assumed, setting_origins

Inputs = Callable[..., list[str]]
Parameter = Callable[..., dict[str, Any]]

BASELINE = "fixmatch"


def none(plan: Plan, *experiments: str) -> list[str]:
    """Formulas read no files."""
    return []


def nothing(plan: Plan, *experiments: str) -> dict[str, Any]:
    """What depends on its files alone."""
    return {}


def summaries(plan: Plan, *experiments: str) -> list[str]:
    """The tidy summary of each experiment."""
    return [f"{plan.products}analysis/{experiment}.csv" for experiment in experiments]


def splits(plan: Plan, experiment: str) -> list[str]:
    """The labelled sets of an experiment, and its summary if it trains on them."""
    drawn = [f"splits/{path}.json" for path in plan.experiment_splits[experiment]]
    return drawn + (summaries(plan, experiment) if plan.experiments[experiment] else [])


def matrices(plan: Plan, experiment: str) -> list[str]:
    """The summary of an experiment, and the confusion matrices of its runs."""
    return summaries(plan, experiment) + _of_runs(plan, experiment, "confusion.npy")


def matrices_and_metrics(plan: Plan, experiment: str) -> list[str]:
    """The same, and the metrics of its runs."""
    return matrices(plan, experiment) + _of_runs(plan, experiment, "metrics.csv")


def _of_runs(plan: Plan, experiment: str, name: str) -> list[str]:
    return [f"runs/{path}/{name}" for path in plan.experiments[experiment] if path not in plan.missing]


def calibrations(plan: Plan, *experiments: str) -> list[str]:
    """The calibrations that gave the columns of a table of settings their weights."""
    columns = settings(plan, *experiments)["columns"]
    used = dict.fromkeys(column["calibration"] for column in columns)
    return [f"calibration/{path}.json" for path in used if path and path not in plan.missing]


def curve_metrics(*methods: str) -> Inputs:
    """The metrics of the runs that :func:`curves` names."""
    return lambda plan, *experiments: [
        f"runs/{run.path}/metrics.csv" for run, _ in curve_runs(plan, methods, experiments)
    ]


def threshold(plan: Plan) -> dict[str, Any]:
    """The threshold of the study."""
    return {"threshold": plan.study.training.threshold}


def titles(plan: Plan, *experiments: str) -> dict[str, Any]:
    """The titles of the methods, by key, in the order of the study."""
    methods = (method for experiment in experiments for method in plan.study.experiments[experiment].methods)
    return {"titles": {method: METHODS[method].title for method in methods}}


def compared_with(baseline: str, **more: Any) -> Parameter:
    """Titles, the baseline, and constants."""
    return lambda plan, *experiments: titles(plan, *experiments) | {"baseline": baseline} | more


def published(plan: Plan, experiment: str, *others: str) -> dict[str, Any]:
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


def beside_published(baseline: str, **more: Any) -> Parameter:
    """As :func:`compared_with`, and what was published for the runs of the first experiment."""
    return lambda plan, *experiments: (
        compared_with(baseline, **more)(plan, *experiments) | published(plan, *experiments)
    )


def varying(setting: str, **more: Any) -> Parameter:
    """Titles, the setting that the runs vary, and constants."""
    return lambda plan, *experiments: titles(plan, *experiments) | {"setting": setting} | more


def beside_none(setting: str, of: str, without: str) -> Parameter:
    """As :func:`varying`, and the runs of further experiments that are like those of the method ``of``, but without it.

    The method ``without`` does not have the setting, nor others that only count with it.
    """

    def given(plan: Plan, experiment: str, *others: str) -> dict[str, Any]:
        own = [run for path in plan.experiments[experiment] if (run := plan.runs[path]).method == of]
        paths = dict.fromkeys(path for other in others for path in plan.experiments[other])
        candidates = [run for path in paths if (run := plan.runs[path]).method == without]
        alike = [run.path for run in candidates if any(_agree(run, one) for one in own)]
        return varying(setting)(plan, experiment) | {"without": {"method": of, "runs": alike}}

    return given


def _agree(run: Run, other: Run) -> bool:
    """Whether two trainings start from the same and agree in all settings that both have."""
    same = (run.split, run.seed, run.calibration) == (other.split, other.seed, other.calibration)
    return same and all(other.settings.get(name, value) == value for name, value in run.settings.items())


def basins(plan: Plan, experiment: str) -> dict[str, Any]:
    """Titles and the limits of the basins."""
    return titles(plan, experiment) | {"basins": plan.study.basins.model_dump()}


def classes(plan: Plan, experiment: str) -> dict[str, Any]:
    """Titles and the names of the classes."""
    dataset = plan.study.datasets[plan.study.experiments[experiment].dataset]
    return titles(plan, experiment) | {"classes": list(dataset.known.classes)}


def collapsing(**more: Any) -> Parameter:
    """Titles, names of the classes, the limits of the basins, and constants."""
    return lambda plan, experiment: classes(plan, experiment) | basins(plan, experiment) | more


def stability(plan: Plan, experiment: str) -> dict[str, Any]:
    """Titles and the limits of the random-label benchmark."""
    return titles(plan, experiment) | plan.study.stability.model_dump()


OF_WIDE_NETWORKS = {"conv_bias", "preactivate_all"}


def settings(plan: Plan, *experiments: str) -> dict[str, Any]:
    """One column for each data set and network, as the smooth method uses them."""
    columns = {}
    for run, origins in (found for experiment in experiments for found in _smooth_variants(plan, experiment)):
        title = f"{run.dataset}, {network_name(run.settings['network'])}"
        unused = TECHNICAL if run.settings["network"].startswith("wrn") else TECHNICAL | OF_WIDE_NETWORKS
        shown = {name: value for name, value in run.settings.items() if name not in unused}
        assumed = [name for name in shown if name in origins and is_assumed(plan.study, origins[name])]
        columns[title] = {
            "title": title, "settings": shown, "assumed": assumed, "calibration": run.calibration
        }  # fmt: skip
    return {"columns": list(columns.values())}


def _smooth_variants(plan: Plan, experiment: str) -> list[tuple[Run, dict[str, str]]]:
    """A run of the smooth method in each variant of an experiment, and where its settings come from."""
    study, method = plan.study, "smooth-fixmatch"
    given = study.experiments[experiment]
    runs = [plan.runs[path] for path in plan.experiments[experiment] if plan.runs[path].method == method]
    # As planned: each variant with as many splits and seeds as the others.
    firsts = runs[:: len(runs) // len(given.variants)] if runs else []
    return [(run, setting_origins(study, experiment, method, number)) for number, run in enumerate(firsts)]


def curves(column: str, label: str, *methods: str) -> Parameter:
    """What to draw of the first run of each of these methods in each experiment."""
    return lambda plan, *experiments: {
        "column": column,
        "label": label,
        "curves": [{"label": name, "method": run.method} for run, name in curve_runs(plan, methods, experiments)],
    }


def curve_runs(plan: Plan, methods: Sequence[str], experiments: Sequence[str]) -> list[tuple[Run, str]]:
    """The first run of each method in each experiment, and its name: by what tells the runs apart."""
    found = []
    for experiment in experiments:
        runs = [plan.runs[path] for path in plan.experiments[experiment] if path not in plan.missing]
        for method in methods:
            for run in [run for run in runs if run.method == method][:1]:
                name = METHODS[method].title if len(methods) > 1 else f"{run.dataset}, {run.labels:,} labels"
                found.append((run, name))
    return found
