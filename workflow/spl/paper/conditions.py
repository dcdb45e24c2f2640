"""The conditions of runs, in words: data, labels, network, length, folds and seeds. Functions of the study alone."""

from __future__ import annotations

from collections.abc import Iterable

from spl.methods.registry import METHODS
from spl.study.labels import SYMBOLS, network_name
from spl.study.plan import Plan, Run, SplitJob
from spl.study.resolve import is_assumed, run_settings, setting_origins

# Data sets as papers write them; others are called by their name in the study.
DATA_SETS = {"cifar-10": "CIFAR-10", "cifar-100": "CIFAR-100", "fashion-mnist": "Fashion-MNIST", "imagenet": "ImageNet"}

# Methods whose title in a table, with a comma, would be two in a list
IN_TEXT = {"smooth-fixmatch-factor": "Smooth FixMatch with the factor as an additional loss"}


def conditions(plan: Plan, experiment: str) -> str:
    """What was run in an experiment: data, labels, network, length, folds, seeds, loss weights, settings of methods."""
    runs = [plan.runs[path] for path in plan.experiments[experiment]]
    mu = [run.settings["mu"] for run in runs if "mu" in run.settings]
    network = network_name(values_in_words(runs, "network"))
    times = "as many" if set(mu) == {1} else f"{values_in_words(runs, 'mu')} times as many"
    unlabelled = f" and {times} unlabelled" if mu else ""
    text = (
        f"{data_name(plan, runs[0].dataset)}, {_labels(plan, runs)}; {network}, "
        f"{lengths_in_words(runs)} with batches of {values_in_words(runs, 'batch')} "
        f"labelled{unlabelled} images; "
        f"{numbered('fold', {run.fold for run in runs})}, "
        f"{numbered('training seed', {run.seed for run in runs})}; "
        f"{len(runs)} run{'s' if len(runs) > 1 else ''}."
    )
    return text + _weights(plan, experiment) + _own(plan, experiment)


def length_in_words(run: Run) -> str:
    """How long a run is: "600 steps"."""
    steps, stop = run.settings["steps"], run.settings["stop"]
    return f"the first {stop:,} of {steps:,} steps" if stop else f"{steps:,} steps"


def lengths_in_words(runs: list[Run]) -> str:
    """How long runs are, in ascending order: "400, 600 or 1,000 steps"."""
    ordered = sorted(runs, key=lambda run: (run.settings["steps"], run.settings["stop"] or 0))
    texts = list(dict.fromkeys(map(length_in_words, ordered)))
    *others, last = texts
    if all(run.settings["stop"] is None for run in runs):
        others = [text.removesuffix(" steps") for text in others]  # said once, at the end
    return listed([*others, last], "or")


def _weights(plan: Plan, experiment: str) -> str:
    """The runs' values of lambda_u, method by method where these differ, and the methods for which it is calibrated."""
    runs = [plan.runs[path] for path in plan.experiments[experiment]]
    measured = dict.fromkeys(run.method for run in runs if run.calibration)
    fixed: dict[tuple[str, tuple[str, ...]], list[str]] = {}  # methods by the values and what is said of them
    for method in dict.fromkeys(run.method for run in runs):
        own = [run for run in runs if run.method == method and not run.calibration]
        if values := values_in_words(own, "lambda_u"):
            marks = ("assumed",) * _is_assumed_of_method(plan, experiment, method, "lambda_u")
            fixed.setdefault((values, marks), []).append(method)
    groups = []
    for (values, marks), methods in fixed.items():
        uncalibrated = any(METHODS[method].calibration and method not in measured for method in methods)
        if len(fixed) > 1:
            values += f" for {listed(map(method_title, methods))}"
            marks += ("not calibrated",) * uncalibrated
        values += f" ({', '.join(marks)})" * bool(marks)
        if len(fixed) == 1 and uncalibrated and not measured:
            values += ", fixed rather than calibrated (equation 25)"
        groups.append(values)
    text = f" λ_u = {', '.join(groups)}" if groups else ""
    if measured:
        text += f"; for {listed(map(method_title, measured))} it is calibrated" if text else " λ_u is calibrated"
        text += " (equation 25)"
    return text and f"{text}."


def method_title(method: str) -> str:
    """A method's title in running text."""
    return IN_TEXT.get(method, METHODS[method].title)


def listed(names: Iterable[str], last: str = "and") -> str:
    """The names as a list in a sentence: "a, b and c"."""
    *before, final = names
    return f"{', '.join(before)} {last} {final}" if before else final


def values_in_words(runs: list[Run], setting: str) -> str:
    """The values of a setting over the runs that use it: "a, b or c"; empty if none does."""
    values = dict.fromkeys(run.settings[setting] for run in runs if setting in run.settings)
    texts = [value if isinstance(value, str) else f"{value:,}".removesuffix(".0") for value in values]
    return listed(texts, "or") if texts else ""


def _labels(plan: Plan, runs: list[Run]) -> str:
    """How many labels the runs see; labelled sets that differ in size alone share the noun: "20, 40 or 80 labels"."""
    splits = [plan.splits[run.split] for run in runs]
    if {split.scheme for split in splits} == {"random"}:
        sizes = dict.fromkeys(str(split.labels) for split in splits)
        return listed(sizes, "or") + (" label" if list(sizes) == ["1"] else " labels")
    return listed(dict.fromkeys(map(_drawn, splits)), "or")


def _drawn(split: SplitJob) -> str:
    if split.part is not None:
        return f"{100 * split.part:g} % of the labels of each class"
    if split.labels is None:
        return "all labels"
    return f"{split.labels} label{'' if split.labels == 1 else 's'}" + " per class" * (split.scheme == "balanced")


def _own(plan: Plan, experiment: str) -> str:
    """The other settings that single methods have of their own in all variants, and whether they are assumed."""
    study, given, named = plan.study, plan.study.experiments[experiment], []
    for method in given.methods:
        resolved = run_settings(study, experiment, method, given.variants[0])
        for key in _of_method(plan, experiment, method):
            note = " (assumed)" if _is_assumed_of_method(plan, experiment, method, key) else ""
            if key != "lambda_u":
                named.append(f"{SYMBOLS.get(key, key)} = {getattr(resolved, key)} for {method_title(method)}{note}")
    return f" {'; '.join(named)}." if named else ""


def _of_method(plan: Plan, experiment: str, method: str) -> dict[str, str]:
    """The settings that the study gives to a method alone, in all variants: the keys that decide them, by setting."""
    variants = range(len(plan.study.experiments[experiment].variants))
    first, *others = (setting_origins(plan.study, experiment, method, variant) for variant in variants)
    places = (f"methods.{method}", f"experiments.{experiment}.methods.{method}")
    return {
        key: origin
        for key, origin in first.items()
        if origin in {f"{place}.{key}" for place in places} and all(other[key] == origin for other in others)
    }


def _is_assumed_of_method(plan: Plan, experiment: str, method: str, key: str) -> bool:
    origin = _of_method(plan, experiment, method).get(key)
    return origin is not None and is_assumed(plan.study, origin)


def data_name(plan: Plan, dataset: str) -> str:
    """A data set as papers write it, and which one it stands in for."""
    stands_in_for = plan.study.datasets[dataset].stands_in_for
    name = DATA_SETS.get(dataset, dataset.capitalize())
    return f"{name} (standing in for {stands_in_for})" if stands_in_for else name


def data_in_heading(plan: Plan, experiment: str) -> str:
    """The data of an experiment in a heading: "ImageNet", or "digits-png in place of ImageNet"."""
    dataset = plan.study.experiments[experiment].dataset
    stands_in_for = plan.study.datasets[dataset].stands_in_for
    return f"{dataset} in place of {stands_in_for}" if stands_in_for else DATA_SETS.get(dataset, dataset)


def numbered(noun: str, values: Iterable[int]) -> str:
    """A noun with its numbers: "folds 0–5"."""
    ordered = sorted(values)
    return f"{noun}{'s' if len(ordered) > 1 else ''} {_span(ordered)}"


def _span(values: list[int]) -> str:
    consecutive = len(values) > 2 and values == list(range(values[0], values[-1] + 1))
    return f"{values[0]}–{values[-1]}" if consecutive else listed(map(str, values))


def is_single_pair(plan: Plan, experiment: str) -> bool:
    """Whether an experiment compares methods by one run each."""
    given = plan.study.experiments[experiment]
    return len(given.folds) * len(given.seeds) == 1


def comparisons_in(plan: Plan, experiment: str) -> int:
    """The number of comparisons with FixMatch."""
    chosen = plan.study.experiments[experiment]
    return (len(chosen.methods) - 1) * len(chosen.variants)


def partly_collapsed_means(plan: Plan) -> str:
    """How few predictions, and how few of them right, make a class count as collapsed, at least partly."""
    column, recall = plan.study.basins.partly_collapsed, plan.study.basins.recall
    return (
        f"fewer predictions than {100 * column:g} % of its test images, and less than {100 * recall:g} % of these "
        "recognised (assumed limits)"
    )
