"""The tables of ``spl power``: the folds that a comparison needs, and the power by number of folds."""

from __future__ import annotations

from collections.abc import Sequence
from math import isinf

import pandas as pd

from spl.analysis.formats import p_value, percent
from spl.analysis.power import MOST, SIX, TARGETS, Power
from spl.tables.layout import Table

# Numbers of folds whose power is printed
FOLDS = (3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30, 50, 100)


def needed_table(powers: Sequence[Power]) -> Table:
    """One row for each comparison: the assumed gain, the folds that it needs, and what six folds show."""
    rows = [
        {
            "method": name,
            "gain wrt": power.baseline,
            "pilot folds": str(power.pilot),
            "gain": percent(power.gain, 2),
            **{f"folds for {percent(target, 0)} %": _folds(power, target) for target in TARGETS},
            **{f"Noether, {percent(target, 0)} %": _noether(power, target) for target in TARGETS},
            f"power of {SIX} folds": f"{percent(power.by_folds[SIX - 1])} %",
            f"gain that {SIX} show": "none" if isinf(power.detectable) else percent(power.detectable, 2),
        }
        for name, power in _named(powers)
    ]
    printed = pd.DataFrame(rows)
    return Table(printed, printed, texts=("gain wrt",))


def by_folds_table(powers: Sequence[Power]) -> Table:
    """One row for each of several numbers of folds: the smallest p-value, and the power of each comparison."""
    columns = {name: [f"{percent(power.by_folds[n - 1])} %" for n in FOLDS] for name, power in _named(powers)}
    printed = pd.DataFrame({"folds": list(map(str, FOLDS)), "smallest p": [p_value(0.5**n) for n in FOLDS], **columns})
    return Table(printed, printed)


def _named(powers: Sequence[Power]) -> list[tuple[str, Power]]:
    """Each comparison with its method and, if there are several, the data set."""
    several = len({power.setting for power in powers}) > 1
    return [(f"{power.label}, {power.setting}" if several else power.label, power) for power in powers]


def _folds(power: Power, target: float) -> str:
    needed = power.needed[target]
    return f"> {MOST}" if needed is None else str(needed)


def _noether(power: Power, target: float) -> str:
    folds = power.noether[target]
    return "–" if isinf(folds) else f"{folds:,.0f}"
