"""The paper's comparison of methods, on errors from any code base: run for run, with exact tests.

``from spl.analysis import compare``, then ``compare.compare_methods("errors.csv", baseline="FixMatch")``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from spl.analysis.arms import Arm, arms, baseline_of, gains
from spl.analysis.error_files import ErrorsOfRuns, first_few, read_errors
from spl.analysis.statistics import Gain, corrected
from spl.errors import InputError


@dataclass(frozen=True)
class Comparison:
    """The methods on one data set, each compared with the baseline.

    Attributes:
        setting: the data set, "" if the file has only one.
        baseline: the method that the others are compared with.
        arms: the methods, or their variants, with their errors, in the order of the file.
        gains: by label of the arm, for all arms but the baseline's, in shares; corrected for the comparisons of all
            data sets together.
    """

    setting: str
    baseline: str
    arms: tuple[Arm, ...]
    gains: dict[str, Gain]


def compare_methods(
    errors: str | Path | ErrorsOfRuns, baseline: str | None = None, margin: float | None = None, best: bool = False
) -> list[Comparison]:
    """Compare every method with the baseline, on each data set of a file.

    Runs are paired by fold and seed, and every method must have the folds and seeds of the baseline.

    Args:
        errors: a file or folder of errors, or what :func:`spl.analysis.error_files.read_errors` read from it.
        baseline: a method of the file; the first one if None.
        margin: the largest gain, either way, that counts as no effect, a share; without it, equivalence is not tested.
        best: whether to read the best error of each run in place of the last.

    Raises:
        InputError: the message names the file, what is wrong in it, and the expectation.
    """
    found = errors if isinstance(errors, ErrorsOfRuns) else read_errors(Path(errors), best)
    compared = arms_with_baseline(found, baseline)
    family = corrected(
        {
            (setting, label): gain
            for setting, (reference, of_setting) in compared.items()
            for label, gain in gains(of_setting, reference, margin=margin).items()
        }
    )
    return [
        Comparison(
            setting,
            reference,
            tuple(of_setting),
            {arm: gain for (name, arm), gain in family.items() if name == setting},
        )
        for setting, (reference, of_setting) in compared.items()
    ]


def arms_with_baseline(found: ErrorsOfRuns, baseline: str | None) -> dict[str, tuple[str, list[Arm]]]:
    """The baseline and the arms of each setting, checked to be pairs of runs; arguments as :func:`compare_methods`."""
    reference = baseline if baseline is not None else next(iter(found.settings.values()))["method"].iloc[0]
    return {
        setting: (reference, _arms(found.source, setting, runs, reference)) for setting, runs in found.settings.items()
    }


def _arms(source: Path, setting: str, runs: pd.DataFrame, baseline: str) -> list[Arm]:
    """The arms of a setting, whose runs are done on the folds and seeds of the baseline's."""
    methods = list(dict.fromkeys(runs["method"]))
    where = f"{source}, {setting}" if setting else f"{source}"
    if baseline not in methods:
        raise InputError(f"{where}: expected runs of the baseline {baseline}, got those of {first_few(methods)}")
    if len(methods) < 2:
        raise InputError(f"{where}: expected at least two methods, got {baseline} alone")
    found = arms(runs, dict(zip(methods, methods, strict=True)))
    for arm in found:
        reference = baseline_of(arm, found, baseline)
        for more, fewer in ((arm, reference), (reference, arm)):
            if alone := [_name(key) for key in more.errors if key not in fewer.errors]:
                raise InputError(
                    f"{where}: expected {fewer.label} on the same folds and seeds as {more.label}, to pair runs; "
                    f"{fewer.label} lacks {first_few(alone)}"
                )
    return found


def _name(key: tuple[object, object]) -> str:
    fold, seed = key
    return f"fold {fold}" if seed == 0 else f"fold {fold} with seed {seed}"
