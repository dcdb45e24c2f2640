"""Tables of all runs under equal conditions, over several experiments (section 4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import gain_of
from spl.analysis.formats import counted, percent
from spl.analysis.statistics import Gain, corrected, summarise
from spl.tables.layout import Cell, Numbers, Table, gain_cells

DRAWS = ["dataset", "split", "fold", "split_seed", "seed"]
# Settings that belong to a method: two runs that differ only in these ran under equal conditions.
OWN = {"lambda_u", "power"}


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Compare every method with the baseline, run for run, over experiments that may share runs.

    The discrepancy of a run is its last error minus its best; that of a method is over all of its runs that are done,
    paired or not.

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
    comparisons = corrected({method: gain_of(done[method]) for method, own in pairs.items() if len(own)})
    numbers = Numbers()
    printed = []
    for method, title in titles.items():
        runs = methods[method].dropna(subset="error_last")
        _add_runs(numbers, title, runs, done.get(method))
        discrepancy = summarise((runs["error_last"] - runs["error_best"]).to_numpy())
        values = {
            "runs": discrepancy.n,
            "discrepancy_mean": discrepancy.mean,
            "discrepancy_max": discrepancy.max,
        }
        lines = numbers.computed({"method": title}, values, runs["run"])
        line: dict[str, str | Cell] = {"": title}
        for name, quantity in {"last − best": "discrepancy_mean", "largest": "discrepancy_max"}.items():
            text = counted(percent(values[quantity], 2), len(runs), len(methods[method]))
            line[name] = Cell(text, lines[quantity])
        if method in comparisons:
            lines = numbers.compared({"method": title}, comparisons[method])
            line |= _gain_cells(comparisons[method], lines, titles[baseline], len(pairs[method]))
        printed.append(line)
    return numbers.table(pd.DataFrame(printed).fillna(""))


def _add_runs(numbers: Numbers, title: str, runs: pd.DataFrame, pairs: pd.DataFrame | None) -> None:
    """Add the errors of each run, and that of the baseline's run that it is compared with."""
    partners = {} if pairs is None else dict(zip(pairs["run"], pairs["run_baseline"], strict=True))
    errors = {} if pairs is None else dict(zip(pairs["run"], pairs["error_last_baseline"], strict=True))
    for run, last, best in zip(runs["run"], runs["error_last"], runs["error_best"], strict=True):
        what = {"method": title, "run": run, "run_baseline": partners.get(run)}
        numbers.computed(what, {"error_last": last, "error_best": best}, [run])
        if run in partners:
            numbers.computed(what, {"error_last_baseline": errors[run]}, [partners[run]])


def _gain_cells(compared: Gain, lines: Mapping[str, int], baseline: str, full: int) -> dict[str, Cell]:
    extremes = {
        name: Cell(counted(percent(value, 2), compared.n, full), lines[f"gain_{name}"])
        for name, value in {"max": compared.max, "min": compared.min}.items()
    }
    better = Cell(f"{compared.wins} of {compared.n}" if compared.n else "–", lines["wins"])
    return gain_cells(compared, lines, f"gain wrt {baseline}", full=full) | extremes | {"better": better}


def equal_conditions(runs: pd.DataFrame, baseline: pd.DataFrame, settings: list[str]) -> pd.DataFrame:
    """Pair a method's runs with those of the baseline.

    Two runs pair when data set, labelled set, seeds and all settings that both methods have, but :data:`OWN`, agree.

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
