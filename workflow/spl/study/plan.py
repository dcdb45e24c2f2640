"""The plan of a study: the runs that its experiments need, each once, with their splits and calibrations.

Pure: a plan follows from the study and the names of a user's own images, and touches no file of results.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from spl.data.splits import part_of_class
from spl.methods.registry import METHODS
from spl.study.dataset import CALIBRATION_PARTS
from spl.study.known_methods import METHOD_SETTINGS
from spl.study.labels import CALIBRATED
from spl.study.resolve import calibrated_weights, completed, method_settings, run_settings
from spl.study.schema import Study
from spl.study.scheme import Balanced, Proportional, Random, Scheme
from spl.study.settings import Settings


@dataclass(frozen=True)
class SplitJob:
    """One labelled set to draw: ``path`` below ``splits/``, and the arguments of :func:`spl.data.splits.draw_split`."""

    path: str
    dataset: str
    fold: int
    scheme: str
    seed: int
    labels: int | None = None
    keep: float | None = None
    part: float | None = None


@dataclass(frozen=True)
class Calibration:
    """One measurement of loss weights.

    Attributes:
        path: below ``calibration/``: data set and smooth method.
        folds: those that it is measured on.
        reference: path of the run of the reference method on each fold.
        smooth: path of the run of the smooth method on each fold.
        threshold: tau of the smooth runs.
    """

    path: str
    folds: tuple[int, ...]
    reference: tuple[str, ...]
    smooth: tuple[str, ...]
    threshold: float

    @property
    def runs(self) -> tuple[str, ...]:
        """The paths of all its runs."""
        return (*self.reference, *self.smooth)


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        path: below ``runs/``; readable, holds what differs from the data set's and the method's defaults.
        dataset: name in the study.
        split: path of its split.
        fold: number of its labelled set.
        method: key of :data:`spl.methods.registry.METHODS`.
        variant: the settings in which it differs from the defaults; "" if in none.
        labels: labelled images.
        split_seed: what drew its labelled set.
        seed: the training seed.
        settings: exactly those that this method uses.
        calibration: path of the calibration that gives the weights which the settings call "calibrated"; "" if none.
        start: path of the run from whose final state this one starts; "" if it draws initial weights.
    """

    path: str
    dataset: str
    split: str
    fold: int
    method: str
    variant: str
    labels: int
    split_seed: int
    seed: int
    settings: Mapping[str, Any]
    calibration: str
    start: str = ""


@dataclass(frozen=True)
class Addition:
    """Labels that are added to those of a finished run, and the runs that show what becomes of it; all are paths.

    Attributes:
        first: the run from initial weights with which the chain of additions begins.
        before: the run that has the fewer labels: ``first``, or ``after`` of the addition before.
        after: the run that starts from the final state of ``before`` with the additional labels.
        equal_steps: from initial weights, with the labels and the steps of ``after``.
        equal_total: the same with as many steps as all runs of the chain up to ``after`` have together.
    """

    first: str
    before: str
    after: str
    equal_steps: str
    equal_total: str


@dataclass(frozen=True)
class Plan:
    """Everything a study trains.

    Attributes:
        study: the study.
        splits: by path.
        runs: by path; a run that several experiments need appears once.
        calibrations: by path, each with the data sets' own and the methods' own settings; shared by all experiments.
        experiments: paths of the runs of each experiment, in the order of its methods, variants, splits and seeds.
        experiment_splits: paths of the splits of each experiment, in order of size and fold.
        off: experiments that are left out, and what would put them in.
        missing: what a partial paper does without: paths of runs and of calibrations that have no result.
        partial: whether the paper shows what there is, instead of making all that it shows.
        additions: of experiments that add labels to finished runs: chain after chain, each from the fewest labels on.
    """

    study: Study
    splits: dict[str, SplitJob]
    runs: dict[str, Run]
    calibrations: dict[str, Calibration]
    experiments: dict[str, list[str]]
    experiment_splits: dict[str, list[str]]
    off: dict[str, str]
    missing: frozenset[str] = frozenset()
    partial: bool = False
    additions: dict[str, list[Addition]] = field(default_factory=dict)

    @property
    def products(self) -> str:
        """Where analysis, figures, tables and page go, below ``results/<study>/``."""
        return "partial/" if self.partial else ""


def make_plan(study: Study) -> Plan:
    """Expand a study."""
    plan = Plan(study, {}, {}, {}, {}, {}, {})
    for name, experiment in study.experiments.items():
        if study.datasets[experiment.dataset].off:
            plan.off[name] = f"set datasets.{experiment.dataset}.root"
            continue
        splits = _splits(study, experiment.dataset, experiment.split, experiment.folds)
        if experiment.steps_per_addition:
            plan.additions[name], runs = _with_additions(study, name, splits, experiment.steps_per_addition)
        else:
            runs = [
                _run(study, method, run_settings(study, name, method, variant), split, seed)
                for method in experiment.methods
                for variant in experiment.variants
                for split in splits
                for seed in experiment.seeds
            ]
        if experiment.start_from:
            earlier = [plan.runs[path] for path in plan.experiments.get(experiment.start_from, ())]
            runs = [_started(run, experiment.start_from, earlier) for run in runs]
        plan.splits.update((split.path, split) for split in splits)
        plan.runs.update((run.path, run) for run in runs)
        plan.experiments[name] = list(dict.fromkeys(run.path for run in runs))
        plan.experiment_splits[name] = [split.path for split in splits]
    for dataset, method in dict.fromkeys((run.dataset, run.method) for run in plan.runs.values() if run.calibration):
        _calibrate(plan, dataset, *METHODS[method].calibration or ())
    return plan


def _calibrate(plan: Plan, dataset: str, reference: str, smooth: str) -> None:
    """Add the calibration of a smooth method, and its short runs, to the plan (equations 25 and 26).

    The losses reach equilibrium early in a long run (appendix C.1). Hence the runs follow the first steps of the
    schedule of the methods' own runs, at its learning rate.
    """
    study, given = plan.study, plan.study.datasets[dataset].calibration
    if given is None:
        raise ValueError(f"{dataset}: a study that passed its check calibrates")
    pace = given.steps // CALIBRATION_PARTS
    short = {"stop": given.steps, "evaluate_every": pace, "evaluate_late_every": pace, "lambda_u": 1.0}
    splits = _splits(study, dataset, given.split, given.folds)
    runs = {}
    for method in (reference, smooth):
        settings = completed(method_settings(study, dataset, method).overrides() | short)
        runs[method] = [_run(study, method, settings, split, given.seed) for split in splits]
        plan.runs.update((run.path, run) for run in runs[method])
    plan.splits.update((split.path, split) for split in splits)
    path = f"{dataset}/{smooth}"
    references, smooths = (tuple(run.path for run in runs[method]) for method in (reference, smooth))
    threshold = runs[smooth][0].settings["threshold"]
    plan.calibrations[path] = Calibration(path, tuple(given.folds), references, smooths, threshold)


def _splits(study: Study, dataset: str, scheme: Scheme, folds: list[int]) -> list[SplitJob]:
    classes = len(study.datasets[dataset].known.classes)
    draws: dict[str, dict[str, Any]]
    if isinstance(scheme, Balanced):
        imbalance = f"-imbalanced-{scheme.keep:g}" if scheme.keep is not None else ""
        draws = {f"balanced-{scheme.per_class * classes}{imbalance}": {"labels": scheme.per_class, "keep": scheme.keep}}
    elif isinstance(scheme, Proportional):
        draws = {f"proportional-{scheme.part:g}": {"part": scheme.part}}
    elif isinstance(scheme, Random):
        draws = {f"random-{labels}": {"labels": labels} for labels in scheme.labels}
    else:
        draws = {"full": {}}
    return [
        SplitJob(f"{dataset}/{folder}/fold{fold}", dataset, fold, scheme.scheme, study.fold_seeds[fold], **draw)
        for folder, draw in draws.items()
        for fold in folds
    ]


def label_counts(study: Study, dataset: str, scheme: Scheme) -> list[int]:
    """The numbers of labelled images that a scheme draws."""
    return [_labelled(study, split) for split in _splits(study, dataset, scheme, [0])]


def _run(study: Study, method: str, chosen: Settings, split: SplitJob, seed: int) -> Run:
    unused = METHOD_SETTINGS - METHODS[method].settings
    settings = {key: value for key, value in chosen.model_dump().items() if key not in unused}
    before = method_settings(study, split.dataset, method).model_dump()
    # What is fitted to the length of a run follows from its steps.
    differing = {key: value for key, value in settings.items() if value != before[key] and key in chosen.overrides()}
    changes = ",".join(
        f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in differing.items()
    )
    # Snakemake cannot hand a wildcard with a comma to a job on a cluster.
    path = "/".join(filter(None, [split.path, method, changes.replace(",", "+"), f"seed{seed}"]))
    weights = METHODS[method].calibration if calibrated_weights(method, chosen) else None
    calibration = f"{split.dataset}/{weights[1]}" if weights else ""
    labels = _labelled(study, split)
    return Run(
        path, split.dataset, split.path, split.fold, method, changes, labels, split.seed, seed, settings, calibration
    )


def _started(run: Run, experiment: str, earlier: list[Run]) -> Run:
    """The run as it starts from that run of an experiment which has the next fewer labels."""
    same = [
        other
        for other in earlier
        if other.labels < run.labels
        and (other.method, other.variant, other.fold, other.seed) == (run.method, run.variant, run.fold, run.seed)
    ]
    if not same:
        raise ValueError(f"{run.path}: a study that passed its check has a run to start from")
    return _starting_from(run, max(same, key=lambda other: other.labels).path, experiment)


def _starting_from(run: Run, start: str, experiment: str) -> Run:
    """The run as it starts from the final state of another one; the experiment tells it from runs of other chains."""
    variant = ",".join(filter(None, [run.variant, f"start_from={experiment}"]))
    *folders, seed = run.path.split("/")
    if run.variant:
        folders.pop()
    path = "/".join([*folders, variant.replace(",", "+"), seed])
    return replace(run, path=path, variant=variant, start=start)


def _with_additions(study: Study, name: str, splits: list[SplitJob], steps: int) -> tuple[list[Addition], list[Run]]:
    """The additions of labels of an experiment, and the runs that they compare.

    Args:
        study: the study.
        name: of the experiment.
        splits: of all numbers of labels and all folds.
        steps: of each run that starts from the final state of another one.
    """
    experiment = study.experiments[name]
    additions: list[Addition] = []
    runs: list[Run] = []
    for method in experiment.methods:
        for variant in experiment.variants:
            settings = run_settings(study, name, method, variant)
            for fold in experiment.folds:
                nested = sorted((split for split in splits if split.fold == fold), key=lambda split: split.labels or 0)
                for seed in experiment.seeds:
                    lengths = [settings.steps + number * steps for number in range(len(nested))]
                    scratch = [
                        _run(study, method, lasting(settings, length), split, seed)
                        for split, length in zip(nested, lengths, strict=True)
                    ]
                    short = [_run(study, method, lasting(settings, steps), split, seed) for split in nested[1:]]
                    chain = scratch[:1]
                    for run in short:
                        chain.append(_starting_from(run, chain[-1].path, name))
                    runs += [*chain, *short, *scratch[1:]]
                    additions += [
                        Addition(chain[0].path, before.path, after.path, equal_steps.path, equal_total.path)
                        for (before, after), equal_steps, equal_total in zip(
                            pairwise(chain), short, scratch[1:], strict=True
                        )
                    ]
    return additions, runs


def lasting(settings: Settings, steps: int) -> Settings:
    """The settings of runs of another length; what fits their length unless it is given fits the new one."""
    return completed(settings.overrides() | {"steps": steps})


def _labelled(study: Study, split: SplitJob) -> int:
    """How many images a split labels."""
    known = study.datasets[split.dataset].known
    if split.part is not None:
        return sum(part_of_class(split.part, images) for images in known.train_counts)
    if split.labels is None:
        return known.train_images
    return split.labels * (len(known.classes) if split.scheme == "balanced" else 1)


def planned_values(run: Run) -> dict[str, Any]:
    """The columns of a run's row that are known before it is trained; weights still to be calibrated are None."""
    left_out = ("path", "settings", "calibration", "start")
    known = {name: value for name, value in vars(run).items() if name not in left_out}
    return known | {name: None if value == CALIBRATED else value for name, value in run.settings.items()}
