"""The table of basin switches: which runs a method brings to another basin than the baseline does (section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import arms, baseline_of, paired, run_names
from spl.analysis.formats import counted, p_value
from spl.analysis.statistics import holm_of_several, mcnemar
from spl.tables.layout import Cell, Numbers, Table

HEADINGS = {"p_value": "p", "p_holm": "p, Holm"}


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Count the runs that end in another basin than the baseline's run of the same fold and seed.

    Basins are counted over the pairs that are done; a fold is named once for each of its seeds. The p-value is that of
    McNemar's exact two-sided test that switches to the low and to the high basin are equally likely. In the tidy table,
    the ``low_basin`` of a run is 1 if it ended there, else 0.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``.
        inputs: the experiment's summary.
    """
    titles, baseline = parameter["titles"], parameter["baseline"]
    compared = arms(pd.read_csv(inputs[0]), titles)
    full = len(run_names(compared))
    baselines = {arm.label: baseline_of(arm, compared, baseline) for arm in compared if arm.method != baseline}
    pairs = {arm.label: paired(arm, baselines[arm.label]) for arm in compared if arm.label in baselines}
    p_values = {label: mcnemar(*map(len, _switches(own))) if len(own) else float("nan") for label, own in pairs.items()}
    p_holm = holm_of_several(p_values)
    numbers = Numbers()
    printed = []
    for arm in compared:
        what = {"method": arm.label}
        numbers.of_runs(what, arm.runs)
        numbers.of_runs(what, arm.runs.assign(low_basin=(arm.runs["basin"] == "low").astype(int)), "low_basin")
        mean = numbers.errors(what, arm, full)["mean ± std"]
        if arm.label in pairs:
            p = {"p_value": p_values[arm.label]} | ({"p_holm": p_holm[arm.label]} if p_holm else {})
            planned = len(arm.planned.index.intersection(baselines[arm.label].planned.index))
            cells = _cells(numbers, what, pairs[arm.label], planned, titles[baseline], p)
            printed.append({"": arm.label, "mean ± std": mean} | cells)
    return numbers.table(pd.DataFrame(printed))


def _cells(
    numbers: Numbers,
    what: Mapping[str, Any],
    pairs: pd.DataFrame,
    planned: int,
    baseline: str,
    p_values: Mapping[str, float],
) -> dict[str, Cell]:
    """Add the numbers of a method's pairs with the baseline, which is called ``baseline``; returns them as printed."""
    low, low_baseline = pairs["basin"] == "low", pairs["basin_baseline"] == "low"
    to_low, to_high = _switches(pairs)
    both = [*pairs["run"], *pairs["run_baseline"]]
    lines = numbers.computed(what, {"pairs": len(pairs)}, both)
    lines |= numbers.computed(what, {"low": int(low.sum())}, pairs["run"])
    lines |= numbers.computed(what, {"low_baseline": int(low_baseline.sum())}, pairs["run_baseline"])
    lines |= numbers.computed(what, {"high_to_low": len(to_low), "low_to_high": len(to_high), **p_values}, both)

    def cell(text: str, name: str) -> Cell:
        return Cell(counted(text, len(pairs), planned), lines[name])

    return {
        "low basin": Cell(_share(low), lines["low"]),
        f"{baseline}'s low basin": Cell(_share(low_baseline), lines["low_baseline"]),
        "high → low": cell(_counted_folds(to_low), "high_to_low"),
        "low → high": cell(_counted_folds(to_high), "low_to_high"),
        **{HEADINGS[name]: cell(p_value(value), name) for name, value in p_values.items()},
    }


def _switches(pairs: pd.DataFrame) -> tuple[list[int], list[int]]:
    """The folds of the pairs in which the method alone ended in the low basin, and those of the baseline alone."""
    low, low_baseline = pairs["basin"] == "low", pairs["basin_baseline"] == "low"
    alone = pairs[low & ~low_baseline], pairs[low_baseline & ~low]
    to_low, to_high = (sorted(own.index.get_level_values("fold")) for own in alone)
    return to_low, to_high


def _share(low: pd.Series[bool]) -> str:
    return f"{low.sum()} of {len(low)}" if len(low) else "–"


def _counted_folds(folds: list[int]) -> str:
    names = f" (fold{'s' if len(folds) > 1 else ''} {', '.join(map(str, folds))})" if folds else ""
    return f"{len(folds)}{names}"
