"""The table of basin switches: which runs a method brings to another basin than the baseline does (section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import Arm, arms, baseline_of, paired_paths, run_names
from spl.analysis.formats import counted, percent
from spl.analysis.statistics import holm_of_several, mcnemar
from spl.tables.layout import Cell, Numbers, Table

HEADINGS = {"p_value": "p-value", "p_holm": "p-value, Holm"}


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
    pairs = {arm.label: _low(arm, baselines[arm.label]) for arm in compared if arm.label in baselines}
    p_values = {label: _p_value(low) for label, low in pairs.items()}
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
            lines = _add_counts(numbers, what, arm, baselines[arm.label], p)
            planned = len(arm.planned.index.intersection(baselines[arm.label].planned.index))
            cells = _cells(pairs[arm.label], lines, titles[baseline], planned)
            for name, value in p.items():
                p_text = counted(f"{percent(value)} %", len(pairs[arm.label]), planned)
                cells[HEADINGS[name]] = Cell(p_text, lines[name])
            printed.append({"": arm.label, "mean ± std": mean} | cells)
    return numbers.table(pd.DataFrame(printed))


def _p_value(low: pd.DataFrame) -> float:
    return mcnemar(len(_to_low(low)), len(_to_high(low))) if len(low) else float("nan")


def _add_counts(
    numbers: Numbers, what: Mapping[str, Any], arm: Arm, baseline: Arm, p_values: Mapping[str, float]
) -> dict[str, int]:
    """Add the numbers of an arm's pairs with the baseline; returns their lines in the tidy table by name."""
    low = _low(arm, baseline)
    ours, theirs = paired_paths(arm, baseline)
    switches = {"high_to_low": len(_to_low(low)), "low_to_high": len(_to_high(low))}
    lines = numbers.computed(what, {"pairs": len(low)}, [*ours, *theirs])
    lines |= numbers.computed(what, {"low": int(low["method"].sum())}, ours)
    lines |= numbers.computed(what, {"low_baseline": int(low["baseline"].sum())}, theirs)
    return lines | numbers.computed(what, {**switches, **p_values}, [*ours, *theirs])


def _cells(low: pd.DataFrame, lines: Mapping[str, int], baseline: str, planned: int) -> dict[str, Cell]:
    """The printed counts of a method's pairs with the baseline, which is called ``baseline``."""
    shares = {
        "low basin": Cell(_share(low["method"]), lines["low"]),
        f"{baseline}'s low basin": Cell(_share(low["baseline"]), lines["low_baseline"]),
    }
    switches = {
        "high → low": Cell(counted(_counted_folds(_to_low(low)), len(low), planned), lines["high_to_low"]),
        "low → high": Cell(counted(_counted_folds(_to_high(low)), len(low), planned), lines["low_to_high"]),
    }
    return shares | switches


def _share(low: pd.Series[bool]) -> str:
    return f"{low.sum()} of {len(low)}" if len(low) else "–"


def _low(arm: Arm, baseline: Arm) -> pd.DataFrame:
    """Whether the runs of each pair that is done ended in the low basin: by (fold, seed), ``method``, ``baseline``."""
    basins = {"method": arm.runs["basin"], "baseline": baseline.runs["basin"]}
    return pd.concat(basins, axis="columns", join="inner") == "low"


def _to_low(low: pd.DataFrame) -> list[int]:
    return _folds(low[low["method"] & ~low["baseline"]])


def _to_high(low: pd.DataFrame) -> list[int]:
    return _folds(low[low["baseline"] & ~low["method"]])


def _folds(low: pd.DataFrame) -> list[int]:
    return sorted(low.index.get_level_values("fold"))


def _counted_folds(folds: list[int]) -> str:
    names = f" (fold{'s' if len(folds) > 1 else ''} {', '.join(map(str, folds))})" if folds else ""
    return f"{len(folds)}{names}"
