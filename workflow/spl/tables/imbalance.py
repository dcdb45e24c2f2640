"""Tables of the runs with an imbalanced class, against the baseline and the balanced runs (Tables 3 and 10)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import Arm, arms, counterpart, gain_of, gains, paired, run_names
from spl.analysis.statistics import Gain, corrected
from spl.tables.layout import Cell, Numbers, Table, gain_cells, stacked
from spl.tables.literature_columns import Published


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """One column for each method, and in the lines what it gains on the baseline and what the imbalance costs it.

    The cost is what the paper calls a drop (section 4.3.3): the error with the imbalance minus that without, fold by
    fold, here called a rise, since it is positive if the error rises, which its p-value tests. Gains are tested both
    ways, as the paper finds FlexMatch worse than the baseline. Gains are one family of comparisons, rises another.
    Imbalances of several strengths follow one another, each below a line that names its strength; published numbers
    stand beside the first one.

    Args:
        parameter: ``titles`` of the methods, key of the ``baseline``, ``keep``, the share of the class that remains in
            each experiment with an imbalance, and the ``rows`` above gain and rise, in order, of "folds" (a line for
            each), "mean", "std", "max", "min" and "range".
        inputs: summaries of the first experiment with an imbalance, of the one without, and of further ones with.

    Raises:
        InputError: the experiment without imbalance lacks a method of another.
    """
    titles, kept = parameter["titles"], parameter["keep"]
    first, balanced, *others = (arms(pd.read_csv(path), titles) for path in inputs)
    compared = dict(zip(kept, [first, *others], strict=True))
    without = {(keep, arm.label): counterpart(arm, balanced, inputs[1]) for keep in kept for arm in compared[keep]}
    gained = corrected(
        {(keep, label): gain for keep in kept for label, gain in gains(compared[keep], parameter["baseline"]).items()}
    )
    # The gain of an arm if the imbalance were removed.
    dropped = corrected(
        {(keep, arm.label): gain_of(paired(without[keep, arm.label], arm)) for keep in kept for arm in compared[keep]}
    )
    published = Published(parameter, inputs[0])
    numbers = Numbers()
    parts = []
    for keep in kept:
        beside = published if keep == kept[0] else None
        own_gains, own_drops = (
            {label: gain for (key, label), gain in family.items() if key == keep} for family in (gained, dropped)
        )
        balanced_arms = {arm.label: without[keep, arm.label] for arm in compared[keep]}
        part = _part(numbers, parameter, keep, compared[keep], balanced_arms, own_gains, own_drops, beside)
        heading = pd.DataFrame([{part.columns[0]: f"{100 * keep:g} % kept"}])
        parts += [heading, part] if len(kept) > 1 else [part]
    return numbers.table(pd.concat(parts, ignore_index=True)[parts[-1].columns].fillna(""), published.note)


def _part(
    numbers: Numbers,
    parameter: Mapping[str, Any],
    keep: float,
    compared: list[Arm],
    without: Mapping[str, Arm],
    gained: Mapping[str, Gain],
    dropped: Mapping[str, Gain],
    published: Published | None,
) -> pd.DataFrame:
    """The printed lines of one strength of imbalance."""
    names = run_names(compared)
    full = len(names)
    above: dict[str, dict[str, str | Cell]] = {}
    gain_lines: dict[str, dict[str, Cell]] = {}
    drop_lines: dict[str, dict[str, Cell]] = {}
    for arm in compared:
        what = {"method": arm.label, "keep": keep}
        folds = numbers.folds(what, arm, names)
        numbers.of_runs(what, without[arm.label].runs, name="error_last_balanced")
        # A single run has neither extremes nor a mean.
        rows = [row for row in parameter["rows"] if full > 1 or row in ("folds", "mean")]
        cells = numbers.errors(what, arm, full, [name for name in rows if name != "folds"])
        above[arm.label] = {}
        for row in rows:
            above[arm.label] |= folds if row == "folds" else {"error" if full == 1 else row: cells[row]}
        if published:
            above[arm.label] |= dict.fromkeys(published.names, "–") | published.cells(numbers, what, arm)
        if gain := gained.get(arm.label):
            lines = numbers.compared(what, gain)
            heading = f"gain wrt {parameter['titles'][parameter['baseline']]}"
            gain_lines[arm.label] = gain_cells(gain, lines, heading, full=full, tests=("p_value", "p_worse"))
        lines = numbers.compared(what, dropped[arm.label], "drop_")
        drop_lines[arm.label] = gain_cells(
            dropped[arm.label], lines, "rise due to imbalance", " of the rise", full, better="larger error"
        )
    return stacked("fold" if "folds" in parameter["rows"] else "", above, gain_lines, drop_lines)
