"""Cross-checks of a study: mistakes that no part of it shows alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from spl.methods.registry import METHODS
from spl.study.dataset import DatasetSettings
from spl.study.plan import label_counts, lasting
from spl.study.resolve import calibrated_weights, dataset_settings, method_settings, run_settings
from spl.study.schema import Experiment, Registered, Study
from spl.study.scheme import Balanced, Full, Random, Scheme
from spl.study.settings import Settings
from spl.text.printable import is_printable

# The gate is measured on this method in the first experiment, and on the second one.
BASELINE = "fixmatch"
GATED, SUPERVISED = "scarce-labels", "fully-supervised"
# Of a study; the whole paper has a few hundred
MOST_RUNS = 10_000


class InconsistentStudyError(Exception):
    """Two parts of a study contradict each other.

    Attributes:
        key: dotted key of the part to change.
        hint: what was expected there.
    """

    def __init__(self, key: str, hint: str) -> None:
        super().__init__(f"{key}: {hint}")
        self.key, self.hint = key, hint


def missing_calibrations(study: Study) -> dict[str, str]:
    """The calibrations that a study needs and lacks: what needs them, by dotted key."""
    lacking: dict[str, str] = {}
    for name, experiment in study.experiments.items():
        dataset = study.datasets.get(experiment.dataset)
        for method in experiment.methods if dataset and dataset.calibration is None else ():
            for variant in experiment.variants if METHODS[method].calibration else ():
                for weight in calibrated_weights(method, run_settings(study, name, method, variant)):
                    hint = f"{method} of experiments.{name} calibrates {weight} (or give {weight} a number there)"
                    lacking.setdefault(f"datasets.{experiment.dataset}.calibration", f"missing; {hint}")
    return lacking


def check_consistency(study: Study) -> None:
    """Check that the parts of a study fit together, and that each text is one printable line.

    Its calibrations are there (:func:`missing_calibrations`).

    Raises:
        InconsistentStudyError: they do not; reports the first mistake.
    """
    _check_texts(study)
    _check_size(study)
    for name, experiment in study.experiments.items():
        _check_experiment(study, name, experiment)
    for name, dataset in study.datasets.items():
        _check_dataset(study, name, dataset)
    if study.registered:
        _check_registered(study, study.registered)
    if study.gate:
        _check_gate(study)
    for key in study.assumed:
        if not _exists(study.model_dump(), key.split(".")):
            _refuse(f"assumed.{key}", "no such key in this study")


def _check_texts(study: Study) -> None:
    """Every text of a study, keys and names of classes included, is one line without control characters.

    Captions, tables and messages quote them, and none of them can then begin a line or move a terminal's cursor.
    """
    for key, text in _texts(study.model_dump(), ()):
        if not is_printable(text):
            _refuse(".".join(key), f"expected one line without control characters, got {text!r:.60}")
    for name, dataset in study.datasets.items():
        for one in () if dataset.off else dataset.known.classes:
            if not is_printable(str(one)):
                _refuse(f"datasets.{name}.root", f"expected classes without control characters, got {one!r:.60}")


def _check_size(study: Study) -> None:
    """A few lines can ask for more runs than anybody has the time to plan or audit: each takes some milliseconds."""
    runs = sum(map(_runs, study.experiments.values()))
    if runs > MOST_RUNS:
        _refuse("experiments", f"expected at most {MOST_RUNS:,} runs, got {runs:,}; make several studies of them")


def _runs(experiment: Experiment) -> int:
    """How many runs an experiment has at most, or labelled sets if it has no methods."""
    sizes = len(experiment.split.labels) if isinstance(experiment.split, Random) else 1
    trained = len(experiment.methods) * len(experiment.variants) * len(experiment.seeds)
    return sizes * len(experiment.folds) * max(1, trained)


def _texts(node: Any, key: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """All texts below a part of a study, with their dotted keys; paths and keys are texts, too."""
    if isinstance(node, str | Path):
        yield key, str(node)
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list | tuple) else ()
    for name, value in inner:
        yield key, str(name)
        yield from _texts(value, (*key, str(name)))


def _check_experiment(study: Study, name: str, experiment: Experiment) -> None:
    where = f"experiments.{name}"
    if experiment.dataset not in study.datasets:
        _refuse(f"{where}.dataset", f"'{experiment.dataset}' is not under datasets ({', '.join(study.datasets)})")
    dataset = study.datasets[experiment.dataset]
    _check_split(where, experiment.split, dataset)
    _check_folds(study, f"{where}.folds", experiment.split, experiment.folds)
    for settings in (experiment.training, *experiment.variants, *experiment.methods.values()):
        if settings.overrides().get("crop_padding", 0) >= dataset.pixels:
            _refuse(where, f"crop_padding: expected less than {dataset.pixels}, the side of an image")
    for method in experiment.methods:
        resolved = [run_settings(study, name, method, variant) for variant in experiment.variants]
        for number, settings in enumerate(resolved):
            _check_calibration(study, where, method, settings, experiment.dataset)
            if settings.batch % settings.processes:
                _refuse(where, f"batch {settings.batch}: expected a multiple of {settings.processes} processes")
            if settings.graph and settings.processes > 1:
                _refuse(where, f"graph: expected processes: 1, not {settings.processes}")
            if settings.tf32 and settings.device == "cpu":
                _refuse(where, "tf32: expected false on the CPU; only CUDA devices round so")
            if settings.stop and settings.stop > settings.steps:
                _refuse(where, f"stop {settings.stop}: expected at most {settings.steps}, the steps of {method}")
            if settings in resolved[:number]:
                same = f"the same as variants.{resolved.index(settings)} for {method}; expected other settings"
                _refuse(f"{where}.variants.{number}", same)
    if experiment.start_from:
        _check_start(study, name, experiment, experiment.start_from)
    if experiment.steps_per_addition:
        _check_additions(study, name, experiment, experiment.steps_per_addition)


def _check_additions(study: Study, name: str, experiment: Experiment, steps: int) -> None:
    """Labels are added to runs that go to their end, on nested labelled sets of several sizes."""
    where = f"experiments.{name}"
    if not isinstance(experiment.split, Random) or len(experiment.split.labels) < 2:
        _refuse(f"{where}.split", "expected scheme: random with at least 2 numbers of labels, for steps_per_addition")
    if not experiment.methods:
        _refuse(f"{where}.methods", "expected at least one method, for steps_per_addition")
    if experiment.start_from:
        _refuse(f"{where}.start_from", "expected without steps_per_addition, whose first runs draw initial weights")
    for method in experiment.methods:
        resolved = [run_settings(study, name, method, variant) for variant in experiment.variants]
        resumed = [lasting(settings, steps) for settings in resolved]
        for number, settings in enumerate(resumed):
            if settings.stop:
                _refuse(where, f"stop {settings.stop}: expected none of {method}; labels are added to complete runs")
            if settings in resumed[:number]:
                same = f"the same as variants.{resumed.index(settings)} for {method} but for steps"
                _refuse(f"{where}.variants.{number}", f"{same}; expected other settings")


def _check_start(study: Study, name: str, experiment: Experiment, source: str) -> None:
    """Each run needs one to start from: of the same method, settings, fold and seed, with fewer labels."""
    where = f"experiments.{name}.start_from"
    before = list(study.experiments)[: list(study.experiments).index(name)]
    if source not in before:
        _refuse(where, f"'{source}' is not an experiment above this one")
    other = study.experiments[source]
    if other.start_from:
        _refuse(where, f"{source} itself starts from {other.start_from}; expected one that starts from initial weights")
    if other.dataset != experiment.dataset:
        _refuse(where, f"{source} is on {other.dataset}; expected {experiment.dataset}")
    for key in ("methods", "folds", "seeds"):
        if lacking := [value for value in getattr(experiment, key) if value not in getattr(other, key)]:
            _refuse(where, f"{source} lacks {key[:-1]} {lacking[0]}")
    for method in experiment.methods:
        there = [run_settings(study, source, method, variant) for variant in other.variants]
        if any(run_settings(study, name, method, variant) not in there for variant in experiment.variants):
            _refuse(where, f"{source} has no run of {method} with the same settings")
    if study.datasets[experiment.dataset].off:
        return
    fewest = [min(label_counts(study, one.dataset, one.split)) for one in (other, experiment)]
    if fewest[0] >= fewest[1]:
        _refuse(where, f"{source} begins at {fewest[0]} labels; expected fewer than the {fewest[1]} of this experiment")


def _check_gate(study: Study) -> None:
    """The gate compares FixMatch with few labels to full supervision on the same images."""
    reference, supervised = (study.experiments.get(name) for name in (GATED, SUPERVISED))
    if not reference or BASELINE not in reference.methods:
        _refuse("gate", f"needs an experiment {GATED} with {BASELINE}")
    if not supervised or not isinstance(supervised.split, Full) or not supervised.methods:
        _refuse("gate", f"needs an experiment {SUPERVISED} with all images labelled (scheme: full) and a method")
    sources = [study.datasets[one.dataset].source for one in (reference, supervised)]
    if sources[0] != sources[1]:
        _refuse(f"experiments.{SUPERVISED}.dataset", f"expected images of {sources[0]}, as in {GATED}, for the gate")


def _check_dataset(study: Study, name: str, dataset: DatasetSettings) -> None:
    if dataset.calibration:
        where = f"datasets.{name}.calibration"
        _check_split(where, dataset.calibration.split, dataset)
        _check_folds(study, f"{where}.folds", dataset.calibration.split, dataset.calibration.folds)
    if dataset_settings(study, name).crop_padding >= dataset.pixels:
        _refuse(f"datasets.{name}.training.crop_padding", f"expected less than {dataset.pixels}, the side of an image")


def _check_registered(study: Study, registered: Registered) -> None:
    """The looks take more and more folds of the same experiments, in their order."""
    where, most = "registered.experiments", registered.looks[-1]
    for name in registered.experiments:
        if name not in study.experiments:
            _refuse(where, f"'{name}' is not under experiments ({', '.join(study.experiments)})")
        folds = study.experiments[name].folds
        if folds != study.experiments[registered.experiments[0]].folds:
            _refuse(f"experiments.{name}.folds", f"expected those of {registered.experiments[0]}, for the same looks")
        if folds != list(range(folds[0], folds[0] + len(folds))):
            _refuse(f"experiments.{name}.folds", "expected consecutive folds, since each look adds the next ones")
        if folds[0] + most > len(study.fold_seeds):
            _refuse("fold_seeds", f"expected at least {folds[0] + most}, for the last look at {name}")


def _check_split(where: str, split: Scheme, dataset: DatasetSettings) -> None:
    if dataset.off:
        return
    if isinstance(split, Balanced) and split.per_class > dataset.known.smallest_class:
        _refuse(f"{where}.split.per_class", f"expected at most {dataset.known.smallest_class}, the smallest class")
    if isinstance(split, Random) and max(split.labels) > dataset.known.train_images:
        _refuse(f"{where}.split.labels", f"expected at most {dataset.known.train_images}, the training images")


def _check_folds(study: Study, where: str, split: Scheme, folds: list[int]) -> None:
    for fold in folds:
        if fold >= len(study.fold_seeds):
            _refuse(where, f"fold {fold} has no seed; expected 0 to {len(study.fold_seeds) - 1}, or more fold_seeds")
    if isinstance(split, Full) and folds != [0]:
        _refuse(where, "expected [0]: with all images labelled every fold is the same")


def _check_calibration(study: Study, where: str, method: str, settings: Settings, dataset: str) -> None:
    for name in calibrated_weights(method, settings):
        if METHODS[method].calibration is None:
            _refuse(f"{where}.methods.{method}.{name}", f"expected a number: {method} has no calibration")
        calibrated = method_settings(study, dataset, method)
        for shape in sorted({"power", "jump"} & METHODS[method].settings):
            if getattr(settings, shape) != getattr(calibrated, shape):
                hint = f"needs {name} as a number: the calibration is for another {shape}"
                _refuse(f"{where}.methods.{method}.{shape}", hint)
        calibration = study.datasets[dataset].calibration
        for calibrating in METHODS[method].calibration or ():
            steps = method_settings(study, dataset, calibrating).steps
            if calibration and calibration.steps > steps:
                hint = f"{calibration.steps}: expected at most {steps}, the steps of {calibrating}"
                _refuse(f"datasets.{dataset}.calibration.steps", hint)


def _refuse(key: str, hint: str) -> NoReturn:
    raise InconsistentStudyError(key, hint)


def _exists(tree: Any, path: list[str]) -> bool:
    if not path:
        return True
    if isinstance(tree, list):
        return path[0].isdigit() and int(path[0]) < len(tree) and _exists(tree[int(path[0])], path[1:])
    return isinstance(tree, dict) and path[0] in tree and _exists(tree[path[0]], path[1:])
