"""Tables of one column for each method and one row for each fold (Table 7)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.statistics import gain, summarise
from spl.tables.arms import arms, baseline_of, paired, run_names
from spl.tables.form import Table, counted, gain_cells, gain_columns, percent


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """List the errors of every arm, fold by fold, over max, min, range, gain and p-value.

    Args:
        parameter: ``titles`` of the methods and the key of the ``baseline``.
        inputs: the experiment's summary.
    """
    titles = parameter["titles"]
    found = arms(pd.read_csv(inputs[0]), titles)
    names = run_names(found)
    tidy: list[dict[str, Any]] = []
    columns: dict[str, dict[str, str]] = {}
    for arm in found:
        of_arm = summarise(arm.values())
        below = {"max": of_arm.max, "min": of_arm.min, "range": of_arm.range}
        column = {names[key]: percent(error, 2) for key, error in arm.errors.items()}
        column |= {name: counted(percent(value, 2), of_arm.n, len(names)) for name, value in below.items()}
        if arm.method != parameter["baseline"]:
            won = gain(*paired(arm, baseline_of(arm, found, parameter["baseline"])))
            below |= gain_columns(won)
            column |= gain_cells(won, titles[parameter["baseline"]], len(names))
        tidy += [
            {"method": arm.label, "fold": fold, "seed": seed, "quantity": "error_last", "value": error}
            for (fold, seed), error in arm.errors.items()
        ]
        tidy += [{"method": arm.label, "quantity": name, "value": value} for name, value in below.items()]
        columns[arm.label] = column
    rows = [*names.values(), "max", "min", "range"]
    rows += list(dict.fromkeys(row for column in columns.values() for row in column if row not in rows))
    printed = {"fold": rows} | {label: [column.get(row, "") for row in rows] for label, column in columns.items()}
    frame = pd.DataFrame(tidy).astype({"fold": "Int64", "seed": "Int64"})
    return Table(frame, pd.DataFrame(printed))
