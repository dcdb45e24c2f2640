"""The table of when runs were best, and how far their last error lies above their best one (sections 4.1 and 4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import arms, gains, run_names
from spl.analysis.formats import counted, percent
from spl.analysis.statistics import corrected, summarise
from spl.tables.layout import Cell, Numbers, Table, gain_cells

# Columns of the tidy table for each run.
OF_RUNS = ("error_last", "error_best", "best_step", "last_step", "unstable")


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Count the runs whose best error comes in the last tenth of the training, and those that are unstable.

    The discrepancy of a run is its last error minus its best. A method gains if its discrepancy is smaller than that of
    the baseline's run of the same fold and seed. If several evaluations have the best error, the first one counts.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``.
        inputs: the experiment's summary.
    """
    titles, baseline = parameter["titles"], parameter["baseline"]
    summary = pd.read_csv(inputs[0])
    compared = arms(summary.assign(discrepancy=summary["error_last"] - summary["error_best"]), titles)
    full = len(run_names(compared))
    comparisons = corrected(gains(compared, baseline, "discrepancy"))
    numbers = Numbers()
    printed = []
    for arm in compared:
        what, runs = {"method": arm.label}, arm.runs.astype({"unstable": int})
        for column in OF_RUNS:
            numbers.of_runs(what, runs, column)
        late = int((10 * runs["best_step"] > 9 * runs["last_step"]).sum())
        unstable = int(runs["unstable"].sum())
        discrepancy = summarise(arm.values("discrepancy"))
        values = {
            "n": len(runs),
            "best_late": late,
            "unstable_runs": unstable,
            "discrepancy_mean": discrepancy.mean,
            "discrepancy_max": discrepancy.max,
        }
        lines = numbers.computed(what, values, arm.paths)
        line: dict[str, str | Cell] = {
            "": arm.label,
            "best in the last tenth": Cell(_share(late, len(runs)), lines["best_late"]),
            "unstable": Cell(_share(unstable, len(runs)), lines["unstable_runs"]),
        }
        for heading, name in {"last − best": "discrepancy_mean", "largest": "discrepancy_max"}.items():
            line[heading] = Cell(counted(percent(values[name], 2), len(runs), full), lines[name])
        if arm.label in comparisons:
            gain = comparisons[arm.label]
            lines = numbers.compared(what | {"endpoint": "discrepancy"}, gain)
            line |= gain_cells(gain, lines, f"gain wrt {titles[baseline]}", full=full)
        printed.append(line)
    return numbers.table(pd.DataFrame(printed).fillna(""))


def _share(count: int, n: int) -> str:
    return f"{count} of {n}" if n else "–"
