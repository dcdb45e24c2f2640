"""Tables of paired tests around labels that are added to finished runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.additions import AddedLabels, read_additions, with_change
from spl.analysis.arms import gain_of, paired
from spl.analysis.statistics import Gain, corrected
from spl.tables.added_labels import row_name
from spl.tables.layout import Cell, Numbers, Table, gain_cells

# What is compared: the endpoint of the resumed runs, and the runs beside them.
COMPARISONS = {
    "error, before": ("error_last", "before"),
    "error, equal steps": ("error_last", "equal steps"),
    "error, equal total steps": ("error_last", "equal total steps"),
    "corrected, equal total steps": ("corrected", "equal total steps"),
}


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Compare the runs that were resumed with the runs before, and with both kinds of runs from initial weights.

    A gain is positive if the resumed run is better: a lower error, or a larger share of corrected predictions. Each
    comparison is a family over all methods and additions.

    Arguments as :func:`spl.analysis.additions.read_additions`.
    """
    additions = read_additions(parameter, inputs)
    gains = {
        name: corrected({number: _gain(added, *of) for number, added in enumerate(additions)})
        for name, of in COMPARISONS.items()
    }
    numbers = Numbers()
    printed = []
    for number, added in enumerate(additions):
        for name in COMPARISONS:
            what = {"method": added.method, "from": added.start, "to": added.end, "compared": name}
            gain, full = gains[name][number], len(added.after.planned)
            cells = gain_cells(gain, numbers.compared(what, gain), "gain", full=full, tests=("p_value", "p_worse"))
            line: dict[str, str | Cell] = {"": row_name(added), "compared": name, **cells}
            printed.append(line)
    return replace(numbers.table(pd.DataFrame(printed)), texts=("compared",))


def _gain(added: AddedLabels, column: str, other: str) -> Gain:
    """The gain of the resumed runs on the others, fold by fold."""
    if column == "error_last":
        return gain_of(paired(added.after, added.compared[other]))
    pairs = paired(with_change(added.after, column), with_change(added.compared[other], column))
    gain = gain_of(pairs, column, sign=-1)
    return replace(gain, runs=(*added.before.planned["run"].loc[pairs.index], *gain.runs))
