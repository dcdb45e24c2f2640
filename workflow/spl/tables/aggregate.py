"""Tables of all runs under equal conditions, over several experiments (section 4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.formats import counted, percent
from spl.analysis.statistics import NO_GAIN, Gain, corrected, gain, summarise
from spl.tables.layout import Row, Table, gain_cells, gain_columns, long, number_rows

DRAWS = ["dataset", "split", "fold", "split_seed", "seed"]
OWN = {"lambda_u", "power"}
"""What a method chooses for itself: two runs that differ in these alone ran under equal conditions."""


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Compare every method with the baseline, run for run, over experiments that may share runs.

    The discrepancy of a run is its last error minus its best; that of a method is over all of its runs, paired or not,
    as far as they are done.

    Args:
        parameter: ``titles`` of the methods to show, in order, key of the ``baseline``, and names of all ``settings``.
        inputs: the summaries of the experiments; a run that several of them list counts once.
    """
    planned = pd.concat([pd.read_csv(path) for path in inputs]).drop_duplicates("run")
    titles, baseline = parameter["titles"], parameter["baseline"]
    methods = {method: planned[planned["method"] == method] for method in titles}
    pairs = {
        method: equal_conditions(own, methods[baseline], parameter["settings"])
        for method, own in methods.items()
        if method != baseline
    }
    done = {method: own.dropna(subset=["error_last", "error_last_baseline"]) for method, own in pairs.items()}
    won = corrected({method: _gain(done[method]) for method, own in pairs.items() if len(own)})
    tidy: list[Row] = []
    printed = []
    for method, title in titles.items():
        runs = methods[method].dropna(subset="error_last")
        discrepancy = summarise((runs["error_last"] - runs["error_best"]).to_numpy())
        numbers: dict[str, float] = {
            "runs": discrepancy.n,
            "discrepancy_mean": discrepancy.mean,
            "discrepancy_max": discrepancy.max,
        }
        cells = {"last − best": percent(discrepancy.mean, 2), "largest": percent(discrepancy.max, 2)}
        line = {"": title} | {name: counted(cell, len(runs), len(methods[method])) for name, cell in cells.items()}
        if method in won:
            numbers |= gain_columns(won[method])
            line |= _gain_cells(won[method], titles[baseline], len(pairs[method]))
        tidy += _run_rows(title, runs, done.get(method)) + number_rows({"method": title}, numbers)
        printed.append(line)
    return Table(long(tidy), pd.DataFrame(printed).fillna(""))


def _gain(pairs: pd.DataFrame) -> Gain:
    return gain(pairs["error_last"].to_numpy(), pairs["error_last_baseline"].to_numpy()) if len(pairs) else NO_GAIN


def _run_rows(title: str, runs: pd.DataFrame, pairs: pd.DataFrame | None) -> list[Row]:
    """Tidy rows of each run: its errors, and the baseline's run that it is compared with, and that one's."""
    shown = runs[["run", "error_last", "error_best"]]
    if pairs is not None:
        shown = shown.merge(pairs[["run", "run_baseline", "error_last_baseline"]], on="run", how="left")
    rows: list[Row] = []
    for run in shown.to_dict("records"):
        of = {"method": title, "run": run.pop("run"), "run_baseline": run.pop("run_baseline", None)}
        rows += number_rows(of, {str(name): error for name, error in run.items() if pd.notna(error)})
    return rows


def _gain_cells(won: Gain, baseline: str, full: int) -> dict[str, str]:
    extremes = {"max": percent(won.max, 2), "min": percent(won.min, 2)}
    cells = {name: counted(cell, won.n, full) for name, cell in extremes.items()}
    better = f"{won.wins} of {won.n}" if won.n else "–"
    return gain_cells(won, f"gain wrt {baseline}", full=full) | cells | {"better": better}


def equal_conditions(runs: pd.DataFrame, baseline: pd.DataFrame, settings: list[str]) -> pd.DataFrame:
    """Pair a method's runs with those of the baseline.

    Two runs pair when data set, labelled set, seeds and all settings that both methods have, but :data:`OWN`, agree.

    Args:
        runs: rows of summaries, each run once.
        baseline: likewise.
        settings: names of the columns that hold them.

    Returns:
        one row for each pair, the baseline's own columns with the suffix ``_baseline``.

    Raises:
        ValueError: a run has several partners.
    """
    equal = [
        name
        for name in settings
        if name not in OWN and name in runs and runs[name].notna().any() and baseline[name].notna().any()
    ]
    return runs.merge(baseline, on=DRAWS + equal, suffixes=("", "_baseline"), validate="one_to_one")
