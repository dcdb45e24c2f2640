"""Which number of a tidy table a printed cell shows."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from spl.study.labels import setting_name, setting_value

QUANTITIES = {
    r"mean( ± std)?": ("mean",),
    r"std( over seeds)?": ("std",),
    r"std over folds": ("std_over_folds",),
    r"max": ("max", "gain_max"),
    r"min": ("min", "gain_min"),
    r"range": ("range",),
    r"worst": ("max",),
    r"best": ("min",),
    r"worst wrt best .+": ("worst_gain",),
    r"gain wrt .+": ("gain_mean",),
    r"better": ("wins",),
    r"p-value": ("p_value",),
    r"p-value, Holm": ("p_holm",),
    r"drop due to imbalance": ("drop_mean",),
    r"p-value of the drop": ("drop_p_value",),
    r"p-value of the drop, Holm": ("drop_p_holm",),
    r"last − best": ("discrepancy_mean",),
    r"largest": ("discrepancy_max",),
    r"low basin": ("low",),
    r".+'s low basin": ("low_baseline",),
    r"high → low": ("high_to_low",),
    r"low → high": ("low_to_high",),
}
"""Headings of rows and columns as patterns, and the quantities that they may print, the first that there is."""
OF_A_RUN = ("error_last", "populated_diagonal")
WHERE = ["labels", "from", "to", "fold", "seed"]
"""Columns that are empty in the rows of numbers that are computed over all of what they name."""


def number_shown(tidy: pd.DataFrame, corner: str, row: str, column: str) -> int | None:
    """The line of a tidy table of which a printed cell shows the value, from 0; None if it shows none of them.

    Args:
        tidy: the table, as it was read; :func:`spl.tables.layout.long`.
        corner: the heading of the printed table's first column.
        row: the text of the printed row's first cell.
        column: the heading of the cell's column.
    """
    method, rest = _method(tidy, row, column)
    of: dict[str, Any] = {"method": method}
    quantities: tuple[str, ...] = ()
    for text in rest:
        if found := _quantities(text):
            quantities = found
        elif place := _place(tidy, corner, text):
            of |= place
        else:
            return None
    if not quantities:
        quantities = OF_A_RUN if "fold" in of else ("p_value",) if "from" in of else ("mean",)
    rows = tidy[_fits(tidy, of)]
    fitting = (rows.index[rows["quantity"] == quantity] for quantity in quantities)
    return next((int(lines[0]) for lines in fitting if len(lines)), None)


def _method(tidy: pd.DataFrame, row: str, column: str) -> tuple[str | None, list[str]]:
    """The method that a row or column is of, and what else they say: of "FixMatch, fold 0" that it is of fold 0."""
    for label in sorted(tidy["method"].unique(), key=len, reverse=True):
        if label == column:
            return label, [row]
        if row == label or row.startswith((f"{label}, ", f"{label}: ")):
            return label, list(filter(None, [row[len(label) + 2 :], column]))
    return None, [row, column]


def _quantities(text: str) -> tuple[str, ...]:
    return next((names for pattern, names in QUANTITIES.items() if re.fullmatch(pattern, text)), ())


def _place(tidy: pd.DataFrame, corner: str, text: str) -> dict[str, Any]:
    """What a heading says of where a number was measured: in which fold, with how many labels, at which setting."""
    if found := re.fullmatch(r"(\d+) → (\d+)", text):
        return {"from": int(found[1]), "to": int(found[2])}
    if (corner == "fold" or text.startswith("fold ")) and (
        found := re.fullmatch(r"(?:fold )?(\d+)(?:, seed (\d+))?", text)
    ):
        return {"fold": int(found[1])} | ({"seed": int(found[2])} if found[2] else {})
    named = (name for name in tidy.columns.drop(["quantity", "value"]) if setting_name(name) == corner)
    return {name: value for name in named for value in tidy[name].dropna().unique() if setting_value(value) == text}


def _fits(tidy: pd.DataFrame, of: dict[str, Any]) -> pd.Series[bool]:
    fits = pd.Series(data=True, index=tidy.index)
    for name, value in of.items():
        fits &= tidy[name] == value
    for name in tidy.columns.intersection(WHERE).difference(list(of)):
        if not (name == "seed" and "fold" in of):
            fits &= tidy[name].isna()
    return fits
