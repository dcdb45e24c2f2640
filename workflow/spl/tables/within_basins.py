"""The table of gains by basin, and of the distance between the basins (section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import Arm, arms, baseline_of, paired
from spl.analysis.formats import percent, spread
from spl.analysis.statistics import DECIMALS, Values, summarise
from spl.tables.layout import Cell, Numbers, Table

# Headings of the pairs of runs, by the basin of the baseline's run and that of the method's.
PAIRS = {
    ("high", "high"): "both high",
    ("low", "low"): "both low",
    ("low", "high"): "low → high",
    ("high", "low"): "high → low",
}


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Gains of the pairs that stay in a basin and of those that switch, and the mean error in each basin.

    The groups are chosen by the outcome of the runs, so their gains are described, not tested. The distance of a
    method's basins is the mean error of its runs in the low basin minus that of its runs in the high one.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``.
        inputs: the experiment's summary.
    """
    compared = arms(pd.read_csv(inputs[0]), parameter["titles"])
    numbers = Numbers()
    printed = []
    for arm in compared:
        line: dict[str, str | Cell] = {"": arm.label}
        numbers.of_runs({"method": arm.label}, arm.runs)
        numbers.of_runs({"method": arm.label}, arm.runs.assign(low_basin=(arm.runs["basin"] == "low") + 0), "low_basin")
        if arm.method != parameter["baseline"]:
            line |= _gains(numbers, arm, baseline_of(arm, compared, parameter["baseline"]))
        else:
            line |= dict.fromkeys(["pairs", *PAIRS.values()], "")
        printed.append(line | _distance(numbers, arm))
    return numbers.table(pd.DataFrame(printed))


def _gains(numbers: Numbers, arm: Arm, baseline: Arm) -> dict[str, str | Cell]:
    """Add number, mean and deviation of the gains of each kind of pair; returns them as printed."""
    pairs = paired(arm, baseline)
    planned = len(arm.planned.index.intersection(baseline.planned.index))
    both = [*pairs["run"], *pairs["run_baseline"]]
    total = numbers.computed({"method": arm.label}, {"pairs": len(pairs)}, both)["pairs"]
    cells: dict[str, str | Cell] = {"pairs": Cell(f"{len(pairs)} of {planned}", total)}
    for (theirs, ours), heading in PAIRS.items():
        own = pairs[(pairs["basin_baseline"] == theirs) & (pairs["basin"] == ours)]
        what = {"method": arm.label, "basins": heading}
        numbers.computed(what, {"pairs": len(own)}, both)
        gains = (own["error_last_baseline"] - own["error_last"]).round(DECIMALS).to_numpy()
        cells[heading] = _described(numbers, what, "gain_", gains, [*own["run"], *own["run_baseline"]])
    return cells


def _distance(numbers: Numbers, arm: Arm) -> dict[str, str | Cell]:
    """Add the mean error in each basin and the distance between them; returns them as printed."""
    of_basins = {basin: arm.runs[arm.runs["basin"] == basin] for basin in ("high", "low")}
    cells: dict[str, str | Cell] = {}
    for basin, runs in of_basins.items():
        what = {"method": arm.label, "basins": basin}
        numbers.computed(what, {"n": len(runs)}, arm.paths)
        cells[f"error, {basin}"] = _described(numbers, what, "", runs["error_last"].to_numpy(), runs["run"].tolist())
    high, low = (runs["error_last"].mean() for runs in of_basins.values())
    line = numbers.computed({"method": arm.label}, {"distance": low - high}, arm.paths)["distance"]
    return cells | {"low − high": Cell(percent(low - high, 2), line)}


def _described(numbers: Numbers, what: Mapping[str, Any], prefix: str, values: Values, runs: list[str]) -> str | Cell:
    """Add mean and deviation of shares; returns them as printed, with their number."""
    if not len(values):
        return "–"
    summary = summarise(values)
    lines = numbers.computed(what, {f"{prefix}mean": summary.mean, f"{prefix}std": summary.std}, runs)
    return Cell(f"{spread(summary.mean, summary.std)}, n = {summary.n}", lines[f"{prefix}mean"])
