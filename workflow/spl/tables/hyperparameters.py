"""Tables of settings, one column for each network or method (Tables 14 and 15)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.study.labels import CALIBRATED, setting_name, setting_value
from spl.study.weights import read_weights
from spl.tables.layout import Table


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """List what was chosen, with an asterisk behind what was assumed and a dagger behind what was calibrated.

    Args:
        parameter: ``columns``, each with its ``title``, its ``settings`` by name, the names of those ``assumed``, and
            the path of the ``calibration`` for the settings with the value "calibrated" ("" if there are none).
        inputs: files of calibrations, ``<path>.json`` for each path that the columns name; a weight whose file is
            missing is printed as a dash.

    Raises:
        InputError: a file is not a calibration.
    """
    weights = {"/".join(path.with_suffix("").parts[-2:]): read_weights(path) for path in inputs}
    tidy = []
    for column in parameter["columns"]:
        for name, value in column["settings"].items():
            measured = value == CALIBRATED
            number = weights.get(column["calibration"], {}).get(name) if measured else value
            source = "calibrated" if measured else "assumed" if name in column["assumed"] else "given"
            tidy.append({"column": column["title"], "setting": name, "value": number, "source": source})
    cells = {(row["column"], row["setting"]): _printed(row["value"], row["source"]) for row in tidy}
    names = list(dict.fromkeys(row["setting"] for row in tidy))
    titles = [column["title"] for column in parameter["columns"]]
    printed = {"": [setting_name(name) for name in names]}
    printed |= {title: [cells.get((title, name), "–") for name in names] for title in titles}
    return Table(pd.DataFrame(tidy), pd.DataFrame(printed))


MARKS = {"given": "", "assumed": "*", "calibrated": "†"}


def _printed(value: Any, source: str) -> str:
    if value is None:
        return f"–{MARKS[source]}"
    return (f"{value:.4g}" if source == "calibrated" else setting_value(value)) + MARKS[source]
