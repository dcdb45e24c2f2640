"""The runs behind one number of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.errors import InputError

COMPARISONS = ("gain", "wins", "pairs", "p_", "smallest_p", "shift", "effect_size", "drop", "worst_gain")
"""How the names of quantities begin that a table computes from the runs of its baseline, too."""
NUMBER = ("fold", "seed", "quantity", "value", "run", "run_baseline", "from", "to")
"""Columns of a tidy table that do not say what a number is of."""


def select(tidy: pd.DataFrame, cell: str, table: str) -> pd.Series[Any]:
    """One row of a tidy table.

    Args:
        tidy: the table.
        cell: "ROW,COLUMN" of the printed table, such as "Smooth FixMatch,mean", with more in between where a number is
            of more than a method: "FixMatch,20,mean"; or "12,value", the number of a line below the heading.
        table: names it in messages.

    Raises:
        InputError: no row, or several, are meant.
    """
    first, _, last = cell.partition(",")
    if first.isdecimal() and last in tidy.columns:
        if not 1 <= int(first) <= len(tidy):
            raise InputError(f"{table}:{cell}: expected a line from 1 to {len(tidy)}")
        return tidy.iloc[int(first) - 1]
    whole = tidy[tidy["fold"].isna()] if "fold" in tidy and tidy["fold"].isna().any() else tidy
    found = [place for frame in (whole, tidy) for place, row in frame.iterrows() if _means(cell, row)]
    if not found or "quantity" not in tidy:
        known = ", ".join(dict.fromkeys(str(one) for one in tidy.get("quantity", tidy.columns)))
        raise InputError(f"{table}:{cell}: no such number; expected what it is of, and one of {known}")
    rows = tidy.loc[list(dict.fromkeys(found))]
    if len(rows) > 1 and rows["fold"].isna().sum() != 1:
        raise InputError(f"{table}:{cell}: {len(rows)} numbers; say more of {', '.join(_of(tidy))}")
    return rows.iloc[0]


def _of(tidy: pd.DataFrame) -> list[str]:
    return [name for name in tidy.columns if name not in ("quantity", "value")]


def _means(cell: str, row: pd.Series[Any]) -> bool:
    """Whether a text is made of values of a row, what it is of and its quantity among them."""
    rest = f",{cell.replace(', ', ',')},"
    for value in sorted((_text(one) for one in row.drop("value")), key=len, reverse=True):
        rest = rest.replace(f",{value.replace(', ', ',')},", ",", 1) if value else rest
    return rest == "," and f",{row['quantity']},".replace(", ", ",") in f",{cell.replace(', ', ',')},"


def _text(value: Any) -> str:
    if pd.isna(value):
        return ""
    return f"{value:g}" if isinstance(value, float | int) else str(value)


def rows_behind(tidy: pd.DataFrame, row: pd.Series[Any], baseline: str | None) -> pd.DataFrame:
    """The rows of single runs that a number was computed from; itself, if it is one.

    Args:
        tidy: the table.
        row: of it.
        baseline: title of the method that the table compares with.
    """
    runs = tidy[tidy["run"].notna()] if "run" in tidy else tidy[tidy["fold"].notna()]
    if row.name in runs.index:
        return runs.loc[[row.name]]
    same = pd.Series(data=True, index=runs.index)
    for name in (name for name in tidy.columns if name not in NUMBER and pd.notna(row[name])):
        allowed = {row[name]}
        if name == "method" and str(row["quantity"]).startswith(COMPARISONS):
            allowed.add(baseline)
        same &= runs[name].isin(allowed)
    if pd.notna(row.get("from")):
        same &= runs["labels"].between(row["from"], row["to"])
    return runs[same]


def runs_behind(rows: pd.DataFrame, summaries: Iterable[Path], titles: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The runs that rows of a tidy table are of: their rows in the summaries of experiments, by path.

    Args:
        rows: of single runs.
        summaries: of the experiments that the table shows.
        titles: of the methods, by key.
    """
    known = pd.concat([pd.read_csv(path) for path in summaries]).drop_duplicates("run")
    known["title"] = known["method"].map(titles)
    found: dict[str, dict[str, Any]] = {}
    for row in rows.to_dict("records"):
        for run in known.to_dict("records"):
            if _is_of({str(k): v for k, v in row.items()}, {str(k): v for k, v in run.items()}):
                found[str(run["run"])] = {str(name): value for name, value in run.items()}
    return found


def _is_of(row: Mapping[str, Any], run: Mapping[str, Any]) -> bool:
    if pd.notna(row.get("run")):
        return run["run"] in (row["run"], row.get("run_baseline"))
    measured = str(row["quantity"]).removesuffix("_balanced")
    same = [name for name in row if name in run and name not in ("method", "quantity", "value") and pd.notna(row[name])]
    return (
        f"{row['method']},".startswith(f"{run['title']},")  # behind it, what tells a variant from others
        and all(row[name] == run[name] for name in same)
        and measured in run
        and abs(run[measured] - row["value"]) < 1e-9
    )
