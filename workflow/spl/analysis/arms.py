"""The arms of an experiment: runs of one method in one variant, compared fold by fold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spl.analysis.formats import percent
from spl.analysis.statistics import NO_GAIN, Gain, Values, gain
from spl.errors import InputError
from spl.study.labels import TECHNICAL, network_name, setting_name, setting_value
from spl.study.settings import CALIBRATED


@dataclass(frozen=True, eq=False)
class Arm:
    """One line of a comparison.

    Attributes:
        method: key of the method.
        variant: the settings in which its runs differ from the defaults, as in their paths.
        label: the method's title, with what tells its variant from the others.
        planned: their rows of the summary, indexed by (fold, seed), in ascending order; what came out is empty in the
            rows of runs that are not done.
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

    def of(self, column: str) -> dict[tuple[int, int], Any]:
        """One column of the summary, of the runs that are done, by (fold, seed), in ascending order."""
        return by_run(self.runs, column)

    @property
    def errors(self) -> dict[tuple[int, int], float]:
        """Last errors, shares, of the runs that are done, by (fold, seed), in ascending order."""
        return self.of("error_last")

    def values(self) -> Values:
        """The errors alone, float (n,)."""
        return np.array(list(self.errors.values()))


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
    found: list[tuple[int, Arm]] = []
    labels = arm_labels(summary, titles)
    for (method, variant), runs in _variants(summary):
        indexed = runs.set_index(["fold", "seed"]).sort_index()
        if indexed.index.has_duplicates:
            raise ValueError(f"{method} {variant}: several runs of one fold and seed cannot share a line of a table")
        place = sum(arm.method == method for _, arm in found)
        found.append((place, Arm(method, variant, labels[method, variant], indexed)))
    return [arm for _, arm in sorted(found, key=lambda one: one[0])]


def arm_labels(summary: pd.DataFrame, titles: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """What to call each method in each of its variants: by the first setting that alone tells them apart, else by all.

    Args:
        summary, titles: as :func:`arms`.
    """
    found: dict[tuple[str, str], str] = {}
    variants = _variants(summary)
    for method in dict.fromkeys(method for (method, _), _ in variants):
        own = [_Variant(variant, runs) for (one, variant), runs in variants if one == method]
        names = _telling(own)
        for variant in own:
            found[method, variant.text] = ", ".join([titles[method], *(variant.change(name) for name in names)])
    return found


class _Variant:
    """One variant of a method: what it changes, and what its runs have where only others change something."""

    def __init__(self, text: str, runs: pd.DataFrame) -> None:
        self.text, self._runs = text, runs
        self.changes = dict(change.split("=") for change in text.split(",") if change)

    def value(self, name: str) -> str:
        if name in self.changes:
            return self.changes[name]
        known = self._runs[name].dropna()  # a run that is not done may lack what a calibration gives
        return setting_value(known.iloc[0]) if len(known) else CALIBRATED

    def change(self, name: str) -> str:
        value = self.value(name)
        return network_name(value) if name == "network" else f"{setting_name(name)} = {value}"


def _variants(summary: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    named = summary.assign(variant=summary["variant"].astype(object).fillna(""))
    groups = named.groupby(["method", "variant"], sort=False)
    return [((str(method), str(variant)), runs) for (method, variant), runs in groups]


def _telling(variants: list[_Variant]) -> list[str]:
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
    found: dict[str, dict[int, Arm]] = {}
    for labels, runs in summary.groupby("labels"):
        for arm in arms(runs, titles):
            found.setdefault(arm.label, {})[int(str(labels))] = arm
    return found


def baseline_of(arm: Arm, found: list[Arm], method: str) -> Arm:
    """The arm of the baseline method to compare with: in the same variant if it ran, else in its first one."""
    candidates = [one for one in found if one.method == method]
    return next((one for one in candidates if one.variant == arm.variant), candidates[0])


def counterpart(arm: Arm, others: list[Arm], origin: Path) -> Arm:
    """The same method in the same variant in another experiment.

    Args:
        arm: of one experiment.
        others: the arms of the other.
        origin: file of the other, for the message.

    Raises:
        InputError: it did not run there.
    """
    for other in others:
        if (other.method, other.variant) == (arm.method, arm.variant):
            return other
    raise InputError(f"{origin}: expected runs of {arm.label} to compare with")


def run_names(found: list[Arm]) -> dict[tuple[int, int], str]:
    """What to call the planned (fold, seed) of any arm: by the fold alone where there is but one seed."""
    runs = sorted({key for arm in found for key in arm.planned.index})
    several_seeds = len({seed for _, seed in runs}) > 1
    return {(fold, seed): f"{fold}, seed {seed}" if several_seeds else str(fold) for fold, seed in runs}


def fold_cells(arm: Arm, names: Mapping[tuple[int, int], str]) -> dict[str, str]:
    """An arm's printed errors by the names of its folds, a dash where it has none."""
    errors = arm.errors
    return {name: percent(errors.get(key, float("nan")), 2) for key, name in names.items()}


def paired(arm: Arm, baseline: Arm) -> tuple[Values, Values]:
    """Errors of both arms on the folds and seeds that both have done, float (n,) each."""
    ours, theirs = arm.errors, baseline.errors
    common = [key for key in ours if key in theirs]
    return np.array([ours[key] for key in common]), np.array([theirs[key] for key in common])


def gain_on(baseline: Arm, arm: Arm) -> Gain:
    """What an arm gains on a baseline, over their pairs of runs."""
    errors, before = paired(arm, baseline)
    return gain(errors, before) if len(errors) else NO_GAIN


def gains(found: list[Arm], baseline: str) -> dict[str, Gain]:
    """What every arm but those of the baseline gains on it, by label."""
    others = [arm for arm in found if arm.method != baseline]
    return {arm.label: gain_on(baseline_of(arm, found, baseline), arm) for arm in others}
