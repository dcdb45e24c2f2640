"""The table of basin switches: which runs a method brings to another basin than the baseline does (section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import Arm, arms, baseline_of, run_names
from spl.analysis.formats import counted, percent, spread
from spl.analysis.statistics import holm_of_several, mcnemar, summarise
from spl.tables.layout import Row, Table, long, number_rows, run_rows

HEADINGS = {"p_value": "p-value", "p_holm": "p-value, Holm"}


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Count the runs that end in another basin than the baseline's run of the same fold and seed.

    Basins are counted over the pairs that are done; a fold is named once for each of its seeds. The p-value is that of
    McNemar's exact two-sided test, that a switch to the low basin is as likely as one to the high basin. In the tidy
    table, the ``low_basin`` of a run is 1 if it ended there, else 0.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``.
        inputs: the experiment's summary.
    """
    titles, baseline = parameter["titles"], parameter["baseline"]
    found = arms(pd.read_csv(inputs[0]), titles)
    full = len(run_names(found))
    baselines = {arm.label: baseline_of(arm, found, baseline) for arm in found if arm.method != baseline}
    pairs = {arm.label: _low(arm, baselines[arm.label]) for arm in found if arm.label in baselines}
    p_values = {label: _p_value(low) for label, low in pairs.items()}
    p_holm = holm_of_several(p_values)
    tidy: list[Row] = []
    printed = []
    for arm in found:
        of_arm = summarise(arm.values())
        numbers: dict[str, float] = {"n": of_arm.n, "mean": of_arm.mean, "std": of_arm.std}
        if arm.label in pairs:
            low = pairs[arm.label]
            planned = len(arm.planned.index.intersection(baselines[arm.label].planned.index))
            p = {"p_value": p_values[arm.label]} | ({"p_holm": p_holm[arm.label]} if p_holm else {})
            numbers |= _counts(low) | p
            errors = counted(spread(of_arm.mean, of_arm.std), of_arm.n, full)
            cells = _cells(low, titles[baseline], planned)
            cells |= {HEADINGS[name]: counted(f"{percent(value)} %", len(low), planned) for name, value in p.items()}
            printed.append({"": arm.label, "mean ± std": errors} | cells)
        of = {"method": arm.label}
        basins = {run: int(basin == "low") for run, basin in arm.of("basin").items()}
        tidy += run_rows(of, arm.errors) + run_rows(of, basins, "low_basin") + number_rows(of, numbers)
    return Table(long(tidy), pd.DataFrame(printed))


def _p_value(low: pd.DataFrame) -> float:
    return mcnemar(len(_to_low(low)), len(_to_high(low))) if len(low) else float("nan")


def _counts(low: pd.DataFrame) -> dict[str, int]:
    """The tidy numbers of a method's pairs with the baseline."""
    return {
        "pairs": len(low),
        "low": int(low["method"].sum()),
        "low_baseline": int(low["baseline"].sum()),
        "high_to_low": len(_to_low(low)),
        "low_to_high": len(_to_high(low)),
    }


def _cells(low: pd.DataFrame, baseline: str, planned: int) -> dict[str, str]:
    """The printed cells of a method's pairs with the baseline, which is called ``baseline``."""
    share = {"low basin": low["method"].sum(), f"{baseline}'s low basin": low["baseline"].sum()}
    switched = {"high → low": _to_low(low), "low → high": _to_high(low)}
    cells = {name: f"{ended} of {len(low)}" if len(low) else "–" for name, ended in share.items()}
    return cells | {name: counted(_counted_folds(folds), len(low), planned) for name, folds in switched.items()}


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
    which = f" (fold{'s' if len(folds) > 1 else ''} {', '.join(map(str, folds))})" if folds else ""
    return f"{len(folds)}{which}"
