"""The dependencies of exhibits: the files that they read, and the part of the study that they show.

Each function takes the plan and the exhibit's experiments, in the exhibit's order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from spl.methods.registry import METHODS
from spl.paper.literature import PublishedError, comparable_errors, read_published
from spl.study.checks import BASELINE
from spl.study.labels import TECHNICAL, network_name, setting_name
from spl.study.plan import Calibration, Plan, Run
from spl.study.resolve import dataset_settings, is_assumed, setting_origins

# Settings with a symbol in the paper, as labels of axes
AXES = {
    "threshold": r"threshold $\tau$",
    "lambda_u": r"weight $\lambda_u$ of the unlabelled loss",
    "lambda_phi": r"weight $\lambda_\Phi$ of the factor",
    "mu": r"ratio $\mu$ of unlabelled to labelled images",
    "labels": "number of labels",
    "momentum": "momentum of SGD",
}

Inputs = Callable[..., list[str]]
Parameter = Callable[..., dict[str, Any]]


def summaries(plan: Plan, *experiments: str) -> list[str]:
    """The tidy summary of each experiment."""
    return [f"{plan.products}analysis/{experiment}.csv" for experiment in experiments]


def splits(plan: Plan, experiment: str) -> list[str]:
    """The splits of an experiment, and its summary if it has runs."""
    drawn = [f"splits/{path}.json" for path in plan.experiment_splits[experiment]]
    return drawn + (summaries(plan, experiment) if plan.experiments[experiment] else [])


def prediction_files(plan: Plan, experiment: str) -> list[str]:
    """The summary of an experiment and the predictions of its runs."""
    return summaries(plan, experiment) + _run_files(plan, experiment, "predictions.safetensors")


def predictions_and_metrics(plan: Plan, experiment: str) -> list[str]:
    """The summary of an experiment, the predictions and the metrics of its runs."""
    return prediction_files(plan, experiment) + _run_files(plan, experiment, "metrics.csv")


def metric_files(plan: Plan, experiment: str) -> list[str]:
    """The summary of an experiment and the metrics of its runs."""
    return summaries(plan, experiment) + _run_files(plan, experiment, "metrics.csv")


def _run_files(plan: Plan, experiment: str, name: str) -> list[str]:
    return [f"runs/{path}/{name}" for path in plan.experiments[experiment] if path not in plan.missing]


def calibrations(plan: Plan, *experiments: str) -> list[str]:
    """The calibrations of the loss weights in a table of settings."""
    columns = settings_columns(plan, *experiments)["columns"]
    paths = dict.fromkeys(column["calibration"] for column in columns)
    return [f"calibration/{path}.json" for path in paths if path and path not in plan.missing]


def calibrations_and_metrics(plan: Plan) -> list[str]:
    """Every calibration, and the metrics of the runs that its weights were meant for."""
    files = [f"calibration/{path}.json" for path in measured_calibrations(plan)]
    return files + [f"runs/{run}/metrics.csv" for run in calibrated_losses(plan)["runs"]]


def curve_metrics(*methods: str) -> Inputs:
    """The metrics of the runs of :func:`curve_labels`."""
    return lambda plan, *experiments: [
        f"runs/{run.path}/metrics.csv" for run, _ in curve_runs(plan, methods, experiments)
    ]


def threshold(plan: Plan) -> dict[str, Any]:
    """The confidence threshold of the study."""
    return {"threshold": plan.study.training.threshold}


def titles(plan: Plan, *experiments: str) -> dict[str, Any]:
    """The titles of the methods by key, in the order of the study."""
    methods = (method for experiment in experiments for method in plan.study.experiments[experiment].methods)
    return {"titles": {method: METHODS[method].title for method in methods}}


def compared_with(baseline: str, **more: Any) -> Parameter:
    """Titles, the baseline and constants."""
    return lambda plan, *experiments: titles(plan, *experiments) | {"baseline": baseline} | more


def coverage_and_purity(plan: Plan, experiment: str) -> dict[str, Any]:
    """Titles, and what is measured of the pseudo-labels in the last fifth of the steps."""
    return titles(plan, experiment) | {"measures": {"coverage": "coverage", "purity": "purity"}, "after": 0.8}


def axis_label(setting: str) -> str:
    """The label of an axis along which a setting, or the number of labels, varies, in matplotlib's notation."""
    return AXES.get(setting, setting_name(setting))


def with_margin(parameter: Parameter) -> Parameter:
    """A parameter, with the margin of an equivalence test."""
    return lambda plan, *experiments: parameter(plan, *experiments) | {"margin": plan.study.no_effect.margin}


def with_imbalances(parameter: Parameter) -> Parameter:
    """A parameter, with the share of the class that remains in each experiment with an imbalance.

    The second experiment is the one without.
    """

    def with_shares(plan: Plan, experiment: str, balanced: str, *others: str) -> dict[str, Any]:
        keep = [kept_share(plan, name) for name in (experiment, *others)]
        return parameter(plan, experiment, balanced, *others) | {"keep": keep}

    return with_shares


def kept_share(plan: Plan, experiment: str) -> float:
    """The share of its unlabelled images that one class keeps in an experiment, 1 without an imbalance."""
    return getattr(plan.study.experiments[experiment].split, "keep", None) or 1.0


def published_errors(plan: Plan, experiment: str, *others: str) -> dict[str, Any]:
    """Published error rates for the runs of an experiment, and for those of fully supervised ones among the others.

    For a data set that stands in for another one, only its name if there are published rates for it.
    """
    dataset = plan.study.datasets[plan.study.experiments[experiment].dataset]
    rows = read_published()
    if stands_in_for := dataset.stands_in_for:
        comparable = comparable_errors(rows, stands_in_for.lower(), _published_scheme(plan, experiment))
        return {"stands_in_for": stands_in_for} if comparable else {}
    shown = [experiment, *(name for name in others if _published_scheme(plan, name) == "full")]
    return {"published": [row for name in shown for row in _published_rows(plan, name, rows)]}


def _published_rows(plan: Plan, experiment: str, rows: list[PublishedError]) -> list[dict[str, object]]:
    runs = [plan.runs[path] for path in plan.experiments[experiment]]
    arms = {(run.method, run.labels, run.settings["network"]) for run in runs}
    source = plan.study.datasets[plan.study.experiments[experiment].dataset].source
    return comparable_errors(rows, source, _published_scheme(plan, experiment), arms)


def _published_scheme(plan: Plan, experiment: str) -> str:
    """How an experiment draws its labels, as the file of published errors calls it."""
    split = plan.study.experiments[experiment].split
    return "imbalanced" if getattr(split, "keep", None) else split.scheme


def beside_published(baseline: str, **more: Any) -> Parameter:
    """As :func:`compared_with`, with published error rates for the runs of the first experiment."""
    return lambda plan, *experiments: (
        compared_with(baseline, **more)(plan, *experiments) | published_errors(plan, *experiments)
    )


def varying(setting: str, **more: Any) -> Parameter:
    """Titles, the setting that varies between runs, and constants."""
    return lambda plan, *experiments: titles(plan, *experiments) | {"setting": setting} | more


def range_and_rise(setting: str, rise: bool = False) -> Parameter:
    """As :func:`varying`, with the baseline if the experiment has it, and the default of the setting if ``rise``."""

    def parameter(plan: Plan, experiment: str) -> dict[str, Any]:
        chosen = plan.study.experiments[experiment]
        baseline = {"baseline": BASELINE} if BASELINE in chosen.methods else {}
        default = {"default": getattr(dataset_settings(plan.study, chosen.dataset), setting)} if rise else {}
        return varying(setting, **baseline, **default)(plan, experiment)

    return parameter


def with_ablation(setting: str, method: str, ablated: str) -> Parameter:
    """As :func:`varying`, with the matching runs of the method without the setting, from further experiments.

    Args:
        setting: the setting that varies between runs.
        method: the method that has the setting.
        ablated: the method that is the same, except that it lacks the setting.
    """

    def parameter(plan: Plan, experiment: str, *others: str) -> dict[str, Any]:
        runs = [run for path in plan.experiments[experiment] if (run := plan.runs[path]).method == method]
        paths = dict.fromkeys(path for other in others for path in plan.experiments[other])
        candidates = [run for path in paths if (run := plan.runs[path]).method == ablated]
        matching_runs = [candidate.path for candidate in candidates if any(_agree(candidate, run) for run in runs)]
        return varying(setting)(plan, experiment) | {"without": {"method": method, "runs": matching_runs}}

    return parameter


def _agree(run: Run, other: Run) -> bool:
    """Whether two runs share split, seed and calibration, and all settings that both methods have."""
    same = (run.split, run.seed, run.calibration) == (other.split, other.seed, other.calibration)
    return same and all(other.settings.get(name, value) == value for name, value in run.settings.items())


def basin_limits(plan: Plan, experiment: str) -> dict[str, Any]:
    """Titles and the thresholds of the basins."""
    return titles(plan, experiment) | {"basins": plan.study.basins.model_dump()}


def classes(plan: Plan, experiment: str) -> dict[str, Any]:
    """Titles and the names of the classes."""
    dataset = plan.study.datasets[plan.study.experiments[experiment].dataset]
    return titles(plan, experiment) | {"classes": list(dataset.known.classes)}


def collapsing(**more: Any) -> Parameter:
    """Titles, names of the classes, thresholds of the basins, and constants."""
    return lambda plan, experiment: classes(plan, experiment) | basin_limits(plan, experiment) | more


def added_labels(plan: Plan, experiment: str) -> dict[str, Any]:
    """Titles, and the runs around each addition of labels."""
    return titles(plan, experiment) | {"additions": [asdict(addition) for addition in plan.additions[experiment]]}


def stability(plan: Plan, experiment: str) -> dict[str, Any]:
    """Titles and the thresholds of the random-label benchmark."""
    return titles(plan, experiment) | plan.study.stability.model_dump()


# Settings of wide residual networks only
WRN_SETTINGS = {"conv_bias", "preactivate_all"}


def settings_columns(plan: Plan, *experiments: str) -> dict[str, Any]:
    """One column of settings for each data set and network, from the runs of Smooth FixMatch."""
    columns = {}
    for run, origins in (pair for experiment in experiments for pair in _smooth_variants(plan, experiment)):
        title = f"{run.dataset}, {network_name(run.settings['network'])}"
        unused = TECHNICAL if run.settings["network"].startswith("wrn") else TECHNICAL | WRN_SETTINGS
        shown = {name: value for name, value in run.settings.items() if name not in unused and value is not None}
        assumed = [name for name in shown if name in origins and is_assumed(plan.study, origins[name])]
        columns[title] = {
            "title": title, "settings": shown, "assumed": assumed, "calibration": run.calibration
        }  # fmt: skip
    return {"columns": list(columns.values())}


def measured_calibrations(plan: Plan) -> dict[str, Calibration]:
    """The calibrations of a plan by path; in a partial paper those that are done."""
    return {path: calibration for path, calibration in plan.calibrations.items() if path not in plan.missing}


def calibrated_losses(plan: Plan) -> dict[str, Any]:
    """Each calibration, with the study's own runs that its weight is meant for and those of its reference, by fold."""
    measured = measured_calibrations(plan)
    datasets = {path.split("/")[0] for path in measured}
    calibrations, runs = [], dict[str, None]()
    for path, calibration in measured.items():
        dataset, method = path.split("/")
        reference, smooth = (plan.runs[paths[0]] for paths in (calibration.reference, calibration.smooth))
        own, other = (f"{run.settings['threshold']:g}" for run in (smooth, reference))
        title, pairs = METHODS[method].title, _own_runs(plan, calibration)
        calibrations.append(
            {
                "title": f"{title}, {dataset}" if len(datasets) > 1 else title,
                "threshold": own if own == other else f"{own} ({METHODS[reference.method].title}: {other})",
                "runs": pairs,
            }
        )
        runs.update((run, None) for pair in pairs.values() for run in pair)
    return {"calibrations": calibrations, "runs": list(runs)}


def _own_runs(plan: Plan, calibration: Calibration) -> dict[str, list[str]]:
    """By fold: the runs with all settings of a calibration's runs but their weight and their end."""
    pairs = {}
    for fold, *paths in zip(calibration.folds, calibration.reference, calibration.smooth, strict=True):
        runs = [plan.runs[path] for path in paths]
        own = ["/".join([run.split, run.method, f"seed{run.seed}"]) for run in runs]
        done = all(path in plan.runs and path not in plan.missing for path in own)
        if done and plan.runs[own[1]].calibration == calibration.path:
            pairs[str(fold)] = own
    return pairs


def _smooth_variants(plan: Plan, experiment: str) -> list[tuple[Run, dict[str, str]]]:
    """A run of Smooth FixMatch in each variant of an experiment, and the origins of its settings."""
    study, method = plan.study, "smooth-fixmatch"
    variants = len(study.experiments[experiment].variants)
    runs = [plan.runs[path] for path in plan.experiments[experiment] if plan.runs[path].method == method]
    # The plan lists variant after variant, each with the same number of splits and seeds.
    firsts = runs[:: len(runs) // variants] if runs else []
    return [(run, setting_origins(study, experiment, method, number)) for number, run in enumerate(firsts)]


def curve_labels(column: str, label: str, *methods: str, **more: Any) -> Parameter:
    """A curve for the first run of each of these methods in each experiment, and constants."""
    return lambda plan, *experiments: {
        "column": column,
        "label": label,
        "curves": [{"label": name, "method": run.method} for run, name in curve_runs(plan, methods, experiments)],
        **more,
    }


def curve_runs(plan: Plan, methods: Sequence[str], experiments: Sequence[str]) -> list[tuple[Run, str]]:
    """The first run of each method in each experiment, and its label: the method, or data set and number of labels."""
    labelled = []
    for experiment in experiments:
        runs = [plan.runs[path] for path in plan.experiments[experiment] if path not in plan.missing]
        for method in methods:
            for run in [run for run in runs if run.method == method][:1]:
                name = METHODS[method].title if len(methods) > 1 else f"{run.dataset}, {run.labels:,} labels"
                labelled.append((run, name))
    return labelled
