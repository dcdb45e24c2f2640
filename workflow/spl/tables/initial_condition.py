"""The table of folds that are trained from several seeds each (Table 4; the paper has one)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import Arm, arms, baseline_of, by_run, counterpart, run_names
from spl.analysis.formats import counted, percent
from spl.analysis.statistics import Values, summarise
from spl.tables.layout import Cell, Numbers, Table


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Compare the spread over training seeds with the spread over labelled sets.

    The last column compares each method's worst seed with the baseline's best one: positive if even the worst is better
    (paper, section 4.3.5). The paper chose the fold because the baseline had ended in the low basin there; where it has
    not, the note says so.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``.
        inputs: summaries of the experiment with several seeds of each fold, and of the one with several folds.

    Raises:
        InputError: the second experiment lacks a method of the first.
    """
    titles, baseline = parameter["titles"], parameter["baseline"]
    compared, over_folds = (arms(pd.read_csv(path), titles) for path in inputs)
    shown, folds = sorted({fold for arm in compared for fold, _ in arm.planned.index}), len(run_names(over_folds))
    numbers = Numbers()
    printed = []
    for fold in shown:
        named = {"fold": fold} if len(shown) > 1 else {}
        on_fold = [replace(arm, planned=arm.planned.loc[[fold]]) for arm in compared if fold in arm.planned.index]
        seeds = len(run_names(on_fold))
        for arm in on_fold:
            what = {"method": arm.label, **named}
            elsewhere = counterpart(arm, over_folds, inputs[1])
            numbers.of_runs(what, arm.runs)
            numbers.of_runs(what, elsewhere.runs, name="error_last_over_folds")
            of_seeds, of_folds = summarise(arm.values()), summarise(_fold_means(elsewhere))
            cells = numbers.errors(what, arm, seeds, ("n", "mean", "std", "min", "max"))
            values = {"folds": of_folds.n, "std_over_folds": of_folds.std}
            line = numbers.computed(what, values, elsewhere.paths)["std_over_folds"]
            row = {
                "": arm.label,
                **named,
                "mean": cells["mean"],
                "std over seeds": cells["std"],
                "std over folds": Cell(counted(percent(of_folds.std, 2), len(elsewhere.errors), folds), line),
                "best": cells["min"],
                "worst": cells["max"],
            }
            if arm.method != baseline:
                other = baseline_of(arm, on_fold, baseline)
                theirs = summarise(other.values())
                ahead = theirs.min - of_seeds.max
                line = numbers.computed(what, {"worst_gain": ahead}, [*arm.paths, *other.paths])["worst_gain"]
                text = counted(percent(ahead, 2), min(of_seeds.n, theirs.n), seeds)
                row[f"best {titles[baseline]} − worst"] = Cell(text, line)
            printed.append(row)
    high = [str(fold) for fold in shown if _basins(baseline, over_folds, fold) == {"high"}]
    warning = (
        f"Warning: over the folds, {titles[baseline]} did not end in the low basin on fold{'s' * (len(high) > 1)} "
        f"{', '.join(high)}, so the premise of this table does not hold {'there' if len(high) > 1 else 'here'}."
    )
    return numbers.table(pd.DataFrame(printed).fillna(""), warning if high else "")


def _basins(method: str, over_folds: list[Arm], fold: int) -> set[str]:
    """The basins in which a method's runs of one fold ended, NaN where a run is not done; empty if none is planned."""
    basins = [by_run(arm.planned, "basin") for arm in over_folds if arm.method == method]
    return {basin for of_arm in basins for (own_fold, _), basin in of_arm.items() if own_fold == fold}


def _fold_means(arm: Arm) -> Values:
    return arm.runs.groupby(level="fold")["error_last"].mean().to_numpy()
