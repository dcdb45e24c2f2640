"""The table of basin switches: which runs a method brings to another basin than the baseline does (section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.statistics import holm_of_several, mcnemar, summarise
from spl.tables.arms import Arm, arms, baseline_of, run_names
from spl.tables.form import Row, Table, counted, long, number_rows, percent, run_rows

HEADINGS = {"p_value": "p-value", "p_holm": "p-value, Holm"}


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Count the runs that end in another basin than the baseline's run of the same fold and seed.

    Basins are counted over these pairs; a fold is named once for each of its seeds. The p-value is that of McNemar's
    exact two-sided test, that a switch to the low basin is as likely as one to the high basin. In the tidy table, the
    ``low_basin`` of a run is 1 if it ended there, else 0.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``.
        inputs: the experiment's summary.
    """
    titles, baseline = parameter["titles"], parameter["baseline"]
    found = arms(pd.read_csv(inputs[0]), titles)
    full = len(run_names(found))
    pairs = {arm.label: _low(arm, baseline_of(arm, found, baseline)) for arm in found if arm.method != baseline}
    p_values = {label: mcnemar(len(_to_low(low)), len(_to_high(low))) for label, low in pairs.items()}
    p_holm = holm_of_several(p_values)
    tidy: list[Row] = []
    printed = []
    for arm in found:
        of_arm = summarise(arm.values())
        numbers: dict[str, float] = {"n": of_arm.n, "mean": of_arm.mean, "std": of_arm.std}
        if arm.label in pairs:
            low = pairs[arm.label]
            p = {"p_value": p_values[arm.label]} | ({"p_holm": p_holm[arm.label]} if p_holm else {})
            numbers |= _counts(low) | p
            errors = counted(f"{percent(of_arm.mean, 2)} ± {percent(of_arm.std, 2)}", of_arm.n, full)
            line = {"": arm.label, "mean ± std": errors} | _cells(low, titles[baseline])
            printed.append(line | {HEADINGS[name]: f"{percent(value)} %" for name, value in p.items()})
        of = {"method": arm.label}
        basins = {run: int(basin == "low") for run, basin in arm.of("basin").items()}
        tidy += run_rows(of, arm.errors) + run_rows(of, basins, "low_basin") + number_rows(of, numbers)
    return Table(long(tidy), pd.DataFrame(printed))


def _counts(low: pd.DataFrame) -> dict[str, int]:
    """The tidy numbers of a method's pairs with the baseline."""
    return {
        "pairs": len(low),
        "low": int(low["method"].sum()),
        "low_baseline": int(low["baseline"].sum()),
        "high_to_low": len(_to_low(low)),
        "low_to_high": len(_to_high(low)),
    }


def _cells(low: pd.DataFrame, baseline: str) -> dict[str, str]:
    """The printed cells of a method's pairs with the baseline, which is called ``baseline``."""
    return {
        "low basin": f"{low['method'].sum()} of {len(low)}",
        f"{baseline}'s low basin": f"{low['baseline'].sum()} of {len(low)}",
        "high → low": _counted_folds(_to_low(low)),
        "low → high": _counted_folds(_to_high(low)),
    }


def _low(arm: Arm, baseline: Arm) -> pd.DataFrame:
    """Whether the runs of each pair, by (fold, seed), ended in the low basin: columns ``method`` and ``baseline``."""
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
