"""The table of twins: how far apart runs end that differ in a small disturbance of their initial weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.formats import counted, spread
from spl.analysis.statistics import Gain, corrected, gain, summarise
from spl.analysis.twins import divergence
from spl.tables.layout import Cell, Numbers, Table, gain_cells

# The endpoints: columns of the divergence, with what a heading calls them.
ENDPOINTS = {"disagreement": "disagreement", "error_difference": "error difference"}


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Compare disagreement and error difference of twins at their last evaluation with those of the baseline.

    A method gains if its twins are closer to each other than those of the baseline on the same fold and seed. The
    comparisons of each endpoint are one family.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``.
        inputs: the experiment's summary, and the predictions and metrics of its finished runs.
    """
    summary, titles, baseline = pd.read_csv(inputs[0]), parameter["titles"], parameter["baseline"]
    last = divergence(summary, inputs).drop_duplicates("twin", keep="last").set_index(["fold", "seed"])
    pairs = {method: last[last["method"] == method] for method in titles}
    others = [method for method in titles if method != baseline]
    comparisons = {
        endpoint: corrected({method: _gain(pairs[method], pairs[baseline], endpoint) for method in others})
        for endpoint in ENDPOINTS
    }
    full = int((summary[summary["initial_noise"] > 0]["method"] == baseline).sum())
    numbers = Numbers()
    printed = []
    for method, own in pairs.items():
        line: dict[str, str | Cell] = {"": titles[method]}
        for endpoint, noun in ENDPOINTS.items():
            what = {"method": titles[method], "endpoint": endpoint}
            for (fold, seed), pair in zip(own.index.tolist(), own.to_dict("records"), strict=True):
                behind = (pair["run"], pair["twin"])
                numbers.computed(what | {"fold": fold, "seed": seed}, {endpoint: pair[endpoint]}, behind)
            over = summarise(own[endpoint].to_numpy(float))
            values = {"n": over.n, "mean": over.mean, "std": over.std}
            mean = numbers.computed(what, values, [*own["run"], *own["twin"]])["mean"]
            line[noun] = Cell(counted(spread(over.mean, over.std), over.n, full), mean)
            if method in comparisons[endpoint]:
                compared = comparisons[endpoint][method]
                lines = numbers.compared(what, compared)
                line |= gain_cells(compared, lines, f"gain of the {noun}", f" of the {noun}", full)
        printed.append(line)
    return numbers.table(pd.DataFrame(printed).fillna(""))


def _gain(own: pd.DataFrame, baseline: pd.DataFrame, endpoint: str) -> Gain:
    """The gain of one endpoint over the pairs of twins of two methods on the same folds and seeds."""
    both = own.merge(baseline, left_index=True, right_index=True, suffixes=("", "_baseline"))
    compared = gain(both[endpoint].to_numpy(float), both[f"{endpoint}_baseline"].to_numpy(float))
    runs = [name for column in ("run", "twin") for name in (*both[column], *both[f"{column}_baseline"])]
    return replace(compared, runs=tuple(runs))
