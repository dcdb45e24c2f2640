"""The arms of an experiment: runs of one method in one variant, compared fold by fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spl.settings import SYMBOLS
from spl.statistics import Values


@dataclass(frozen=True)
class Arm:
    """One line of a comparison.

    Attributes:
        method: key of the method.
        variant: the settings in which its runs differ from the defaults, as in their paths.
        label: the method's title, with these settings.
        errors: last error, a share, by (fold, seed), in ascending order.
    """

    method: str
    variant: str
    label: str
    errors: dict[tuple[int, int], float]

    def values(self) -> Values:
        """The errors alone, float (n,)."""
        return np.array(list(self.errors.values()))


def arms(summary: pd.DataFrame, titles: dict[str, str]) -> list[Arm]:
    """Group an experiment's runs, in the order of the study.

    Args:
        summary: one row for each run.
        titles: of the methods.
    """
    found: list[Arm] = []
    named = summary.assign(variant=summary["variant"].astype(object).fillna(""))
    for (method, variant), runs in named.groupby(["method", "variant"], sort=False):
        ordered = runs.sort_values(["fold", "seed"])
        keys = zip(ordered["fold"].tolist(), ordered["seed"].tolist(), strict=True)
        errors = dict(zip(keys, ordered["error_last"].tolist(), strict=True))
        if len(errors) != len(runs):
            raise ValueError(f"{method} {variant}: several runs of one fold and seed cannot share a line of a table")
        found.append(Arm(str(method), str(variant), arm_label(titles[str(method)], str(variant)), errors))
    return found


def arm_label(title: str, variant: str) -> str:
    """The method's title and the settings of its variant, by their symbols."""
    changes = [change.split("=") for change in variant.split(",") if change]
    return ", ".join([title, *(f"{SYMBOLS.get(name, name)} = {value}" for name, value in changes)])


def arms_by_size(summary: pd.DataFrame, titles: dict[str, str]) -> dict[str, dict[int, Arm]]:
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


def paired(arm: Arm, baseline: Arm) -> tuple[Values, Values]:
    """Errors of both arms on the folds and seeds that both have, float (n,) each."""
    common = [key for key in arm.errors if key in baseline.errors]
    return np.array([arm.errors[key] for key in common]), np.array([baseline.errors[key] for key in common])
