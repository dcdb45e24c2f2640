"""Text in the cells of CSV files and workbooks, where programs take what begins like a formula for one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four: their wide forms


def is_formula(text: str) -> bool:
    """Whether a program that opens a table would compute a cell; signed numbers are none."""
    if not text.lstrip(" ").startswith(FORMULA):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False


def csv_text(value: Any) -> Any:
    """A cell of a CSV file: a formula with an apostrophe before it, everything else as it is."""
    return f"'{value}" if isinstance(value, str) and is_formula(value) else value


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, in which no text is a formula; floats with ten digits."""
    safe = table.rename(columns=csv_text)
    for place, kind in enumerate(safe.dtypes):
        if not is_numeric_dtype(kind):
            values = safe.iloc[:, place].tolist()
            if any(isinstance(value, str) and is_formula(value) for value in values):
                safe.isetitem(place, pd.array([csv_text(value) for value in values], dtype=object))
    safe.to_csv(path, index=False, float_format="%.10g", lineterminator="\n")
