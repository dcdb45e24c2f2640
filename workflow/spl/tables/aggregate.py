"""Tables of all runs under equal conditions, over several experiments (section 4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.settings import Settings
from spl.statistics import Gain, corrected, gain
from spl.tables.form import Table, gain_cells, gain_columns, percent

DRAWS = ["dataset", "split", "fold", "split_seed", "seed"]
OWN = {"lambda_u", "power"}
"""What a method chooses for itself: two runs that differ in these alone ran under equal conditions."""


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Compare every method with the baseline, run for run, over experiments that may share runs.

    The discrepancy of a run is its last error minus its best; that of a method is over all of its runs, paired or not.

    Args:
        parameter: ``titles`` of the methods to show, in order, and the key of the ``baseline``.
        inputs: the summaries of the experiments; a run that several of them list counts once.
    """
    runs = pd.concat([pd.read_csv(path) for path in inputs]).drop_duplicates("run")
    titles, baseline = parameter["titles"], parameter["baseline"]
    won = corrected(_gains(runs, titles, baseline))
    tidy, printed = [], []
    for method, title in titles.items():
        of_method = runs[runs["method"] == method]
        discrepancy = of_method["error_last"] - of_method["error_best"]
        mean, largest = discrepancy.mean(), discrepancy.max()
        row = {"method": title, "runs": len(of_method), "discrepancy_mean": mean, "discrepancy_max": largest}
        line = {"": title, "last − best": percent(mean, 2), "largest": percent(largest, 2)}
        if method in won:
            row |= gain_columns(won[method])
            line |= _gain_cells(won[method], titles[baseline])
        tidy.append(row)
        printed.append(line)
    return Table(pd.DataFrame(tidy), pd.DataFrame(printed).fillna(""))


def _gains(runs: pd.DataFrame, titles: Mapping[str, str], baseline: str) -> dict[str, Gain]:
    """What each method that has a partner of the baseline gains on it."""
    pairs = {
        method: equal_conditions(runs[runs["method"] == method], runs[runs["method"] == baseline])
        for method in titles
        if method != baseline
    }
    return {
        method: gain(own["error_last"].to_numpy(), own["error_last_baseline"].to_numpy())
        for method, own in pairs.items()
        if len(own)
    }


def _gain_cells(won: Gain, baseline: str) -> dict[str, str]:
    extremes = {"max": percent(won.max, 2), "min": percent(won.min, 2)}
    return gain_cells(won, f"gain wrt {baseline}") | extremes | {"better": f"{won.wins} of {won.n}"}


def equal_conditions(runs: pd.DataFrame, baseline: pd.DataFrame) -> pd.DataFrame:
    """Pair a method's runs with those of the baseline.

    Two runs pair when data set, labelled set, seeds and all settings that both methods have, but :data:`OWN`, agree.

    Args:
        runs: rows of summaries, each run once.
        baseline: likewise.

    Returns:
        one row for each pair, the baseline's own columns with the suffix ``_baseline``.

    Raises:
        ValueError: a run has several partners.
    """
    settings = [
        name
        for name in Settings.model_fields
        if name not in OWN and name in runs and runs[name].notna().any() and baseline[name].notna().any()
    ]
    return runs.merge(baseline, on=DRAWS + settings, suffixes=("", "_baseline"), validate="one_to_one")
