"""The arms of an experiment: runs of one method in one variant, compared fold by fold."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.statistics import Gain, Values, gain
from spl.errors import InputError
from spl.study.labels import CALIBRATED, LOSS_WEIGHTS, TECHNICAL, network_name, setting_name, setting_value


@dataclass(frozen=True, eq=False)
class Arm:
    """One line of a comparison.

    Attributes:
        method: key of the method.
        variant: the settings in which its runs differ from the defaults, as in their paths.
        label: the method's title, with what tells its variant from the others.
        planned: their rows of the summary, indexed by (fold, seed), in ascending order; the columns of results are
            empty in the rows of runs that are not done.
    """

    method: str
    variant: str
    label: str
    planned: pd.DataFrame

    @cached_property
    def runs(self) -> pd.DataFrame:
        """The rows of the runs that are done."""
        return self.planned.dropna(subset="error_last")

    @property
    def complete(self) -> bool:
        """Whether all of its runs are done."""
        return len(self.runs) == len(self.planned)

    @property
    def paths(self) -> list[str]:
        """The paths of the runs that are done, by (fold, seed) ascending."""
        return self.runs["run"].tolist()

    @property
    def errors(self) -> dict[tuple[int, int], float]:
        """Last errors, shares, of the runs that are done, by (fold, seed), in ascending order."""
        return by_run(self.runs, "error_last")

    def values(self, column: str = "error_last") -> Values:
        """One column of the runs that are done, by default the errors, float (n,)."""
        return self.runs[column].to_numpy(float)


def by_run(runs: pd.DataFrame, column: str) -> dict[tuple[int, int], Any]:
    """One column of a summary's rows that are indexed by (fold, seed), by these, in the order of the rows."""
    return dict(zip(runs.index.tolist(), runs[column].tolist(), strict=True))


def arms(summary: pd.DataFrame, titles: Mapping[str, str]) -> list[Arm]:
    """Group an experiment's runs: the methods in the order of the study, all in their first variant, then the next.

    Args:
        summary: one row for each run.
        titles: of the methods.

    Raises:
        ValueError: several runs of a method in one variant have the same fold and seed.
    """
    ranked: list[tuple[int, Arm]] = []  # each arm with the rank of its variant within its method
    labels = arm_labels(summary, titles)
    for (method, variant), runs in _variants(summary):
        indexed = runs.set_index(["fold", "seed"]).sort_index()
        if indexed.index.has_duplicates:
            raise ValueError(f"{method} {variant}: several runs of one fold and seed cannot share a line of a table")
        rank = sum(arm.method == method for _, arm in ranked)
        ranked.append((rank, Arm(method, variant, labels[method, variant], indexed)))
    return [arm for _, arm in sorted(ranked, key=lambda item: item[0])]


def arm_labels(summary: pd.DataFrame, titles: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """The label of each (method, variant): the method's title and the settings that distinguish its variants.

    One setting is named if it alone distinguishes them, else all that differ. Arguments as :func:`arms`.
    """
    labels: dict[tuple[str, str], str] = {}
    groups = _variants(summary)
    for method in dict.fromkeys(method for (method, _), _ in groups):
        variants = [_Variant(text, runs) for (own_method, text), runs in groups if own_method == method]
        names = _distinguishing(variants)
        for variant in variants:
            labels[method, variant.text] = ", ".join([titles[method], *(variant.change(name) for name in names)])
    return labels


def run_in_words(run: Mapping[Hashable, Any], summary: pd.DataFrame, titles: Mapping[str, str]) -> tuple[str, str]:
    """What tells a run from the others of an experiment: the label of its arm; labels if they differ, fold, and seed.

    Args:
        run: its row of the summary.
        summary: one row for each run.
        titles: of the methods.
    """
    sizes = [f"{run['labels']:,} labels"] if len(set(summary["labels"])) > 1 else []
    variant = "" if pd.isna(run["variant"]) else str(run["variant"])
    return (
        arm_labels(summary, titles)[run["method"], variant],
        ", ".join([*sizes, f"fold {run['fold']}", f"seed {run['seed']}"]),
    )


class _Variant:
    """A variant of a method: the settings that it changes, and its runs' values of those that other variants change."""

    def __init__(self, text: str, runs: pd.DataFrame) -> None:
        self.text, self._runs = text, runs
        self.changes = {name: _parsed(value) for name, value in (part.split("=") for part in text.split(",") if part)}

    def value(self, name: str) -> str:
        """A setting as printed."""
        if name in self.changes:
            return setting_value(self.changes[name])
        if name not in self._runs:  # of the plan, not of the runs' settings: the start of another variant's runs
            return setting_value(None)
        values = self._runs[name].dropna()  # a calibrated weight is unknown until a run is done
        if len(values):
            return setting_value(values.iloc[0])
        return CALIBRATED if name in LOSS_WEIGHTS else setting_value(None)

    def change(self, name: str) -> str:
        """A setting with its name, as printed; a network needs no name."""
        value = self.value(name)
        return network_name(value) if name == "network" else f"{setting_name(name)} = {value}"


def _parsed(text: str) -> Any:
    """A value of a setting from a path: a number, a truth value, or the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # of digits or brackets, more than Python reads
        return text


def _variants(summary: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    named = summary.assign(variant=summary["variant"].astype(object).fillna(""))
    groups = named.groupby(["method", "variant"], sort=False)
    return [((str(method), str(variant)), runs) for (method, variant), runs in groups]


def _distinguishing(variants: list[_Variant]) -> list[str]:
    """The settings to name in the labels of a method's variants; a single variant's label names all essential ones."""
    changed = list(dict.fromkeys(name for variant in variants for name in variant.changes))
    essential = [name for name in changed if name not in TECHNICAL]
    if len(variants) == 1:
        return essential
    candidates = [*([name] for name in essential), essential, *([name] for name in changed), changed]
    return next(names for names in candidates if _differ(variants, names))


def _differ(variants: list[_Variant], names: list[str]) -> bool:
    return len({tuple(map(variant.value, names)) for variant in variants}) == len(variants)


def arms_by_size(summary: pd.DataFrame, titles: Mapping[str, str]) -> dict[str, dict[int, Arm]]:
    """The arms of an experiment with labelled sets of several sizes: by label, then by number of labels, ascending.

    Arguments as :func:`arms`.
    """
    methods: dict[str, dict[int, Arm]] = {}
    for labels, runs in summary.groupby("labels"):
        for arm in arms(runs, titles):
            methods.setdefault(arm.label, {})[int(str(labels))] = arm
    return methods


def baseline_of(arm: Arm, compared: list[Arm], method: str) -> Arm:
    """The baseline method's arm to compare with: the one in the same variant if there is one, else its first."""
    candidates = [other for other in compared if other.method == method]
    return next((other for other in candidates if other.variant == arm.variant), candidates[0])


def counterpart(arm: Arm, others: list[Arm], origin: Path) -> Arm:
    """The same method in the same variant among the arms of another experiment, whose file is ``origin``.

    Raises:
        InputError: the other experiment lacks it.
    """
    for other in others:
        if (other.method, other.variant) == (arm.method, arm.variant):
            return other
    raise InputError(f"{origin}: expected runs of {arm.label} to compare with")


def run_names(compared: list[Arm]) -> dict[tuple[int, int], str]:
    """The printed name of each planned (fold, seed) of any arm: the fold alone if there is only one seed."""
    runs = sorted({key for arm in compared for key in arm.planned.index})
    several_seeds = len({seed for _, seed in runs}) > 1
    return {(fold, seed): f"{fold}, seed {seed}" if several_seeds else str(fold) for fold, seed in runs}


def paired(arm: Arm, baseline: Arm) -> pd.DataFrame:
    """Each finished run of an arm beside the baseline's run on the same fold and seed, where that is done, too.

    The baseline's columns have the suffix ``_baseline``.
    """
    return arm.runs.merge(baseline.runs, left_index=True, right_index=True, suffixes=("", "_baseline"))


def gain_of(pairs: pd.DataFrame, column: str = "error_last", sign: int = 1, margin: float | None = None) -> Gain:
    """The gain over pairs of runs that are done, one in each row.

    Args:
        pairs: as :func:`paired` returns them.
        column: the endpoint that is compared.
        sign: 1 if less is better, -1 if more is better.
        margin: of equivalence, as in :func:`gain`.
    """
    ours, theirs = (sign * pairs[name].to_numpy(float) for name in (column, f"{column}_baseline"))
    return replace(gain(ours, theirs, margin), runs=(*pairs["run"], *pairs["run_baseline"]))


def gains(
    compared: list[Arm], baseline: str, column: str = "error_last", sign: int = 1, margin: float | None = None
) -> dict[str, Gain]:
    """The gain of each arm of another method over the baseline's arm, by label; more arguments as :func:`gain_of`."""
    others = [arm for arm in compared if arm.method != baseline]
    pairs = {arm.label: paired(arm, baseline_of(arm, compared, baseline)) for arm in others}
    return {label: gain_of(of_arm, column, sign, margin) for label, of_arm in pairs.items()}
