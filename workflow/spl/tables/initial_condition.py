"""The table of one fold trained from several seeds (Table 4)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import Arm, arms, baseline_of, by_run, counterpart, run_names
from spl.analysis.formats import counted, percent
from spl.analysis.statistics import Values, summarise
from spl.tables.layout import Row, Table, long, number_rows, run_rows


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """How much the training seed decides, beside how much the labelled images do.

    The last column compares each method's worst seed with the baseline's best one: positive if even the worst is better
    (paper, section 4.3.5). The paper chose the fold because the baseline had ended in the low basin there; where it has
    not, the note says so.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``.
        inputs: summaries of the experiment with one fold and several seeds, and of the one with several folds.

    Raises:
        InputError: the second experiment lacks a method of the first.
    """
    titles, baseline = parameter["titles"], parameter["baseline"]
    found, over_folds = (arms(pd.read_csv(path), titles) for path in inputs)
    seeds, folds = len(run_names(found)), len(run_names(over_folds))
    tidy: list[Row] = []
    printed = []
    for arm in found:
        of_seeds = summarise(arm.values())
        elsewhere = counterpart(arm, over_folds, inputs[1])
        of_folds = summarise(_fold_means(elsewhere))
        numbers: dict[str, float] = {"n": of_seeds.n, "mean": of_seeds.mean, "std": of_seeds.std}
        numbers |= {"min": of_seeds.min, "max": of_seeds.max, "folds": of_folds.n, "std_over_folds": of_folds.std}
        line = {
            "": arm.label,
            "mean": counted(percent(of_seeds.mean, 2), of_seeds.n, seeds),
            "std over seeds": counted(percent(of_seeds.std, 2), of_seeds.n, seeds),
            "std over folds": counted(percent(of_folds.std, 2), len(elsewhere.errors), folds),
            "best": counted(percent(of_seeds.min, 2), of_seeds.n, seeds),
            "worst": counted(percent(of_seeds.max, 2), of_seeds.n, seeds),
        }
        if arm.method != baseline:
            theirs = summarise(baseline_of(arm, found, baseline).values())
            ahead = numbers["worst_gain"] = theirs.min - of_seeds.max
            line[f"worst wrt best {titles[baseline]}"] = counted(percent(ahead, 2), min(of_seeds.n, theirs.n), seeds)
        of = {"method": arm.label}
        tidy += run_rows(of, arm.errors) + run_rows(of, elsewhere.errors, "error_last_over_folds")
        tidy += number_rows(of, numbers)
        printed.append(line)
    shown = sorted({fold for arm in found for fold, _ in arm.planned.index})
    warnings = [
        f"Warning: over the folds, {titles[baseline]} did not end in the low basin on fold {fold}, "
        "so the premise of this table does not hold here."
        for fold in shown
        if _basins(baseline, over_folds, fold) == {"high"}
    ]
    return Table(long(tidy), pd.DataFrame(printed).fillna(""), " ".join(warnings))


def _basins(method: str, over_folds: list[Arm], fold: int) -> set[str]:
    """The basins in which a method's runs of one fold ended, NaN for one that is not done; none if none was planned."""
    own = [by_run(arm.planned, "basin") for arm in over_folds if arm.method == method]
    return {basin for arm in own for (one, _), basin in arm.items() if one == fold}


def _fold_means(arm: Arm) -> Values:
    return arm.runs.groupby(level="fold")["error_last"].mean().to_numpy()
