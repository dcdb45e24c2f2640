"""The runs behind one number of a table."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import pandas as pd

from spl.errors import InputError

COMPARISONS = (
    *("gain", "wins", "pairs", "p_", "smallest_p", "shift", "effect_size", "worst_gain"),
    *("low_baseline", "high_to_low", "low_to_high"),
)
"""How the names of quantities begin that a table computes from the runs of its baseline, too."""
OF_BASELINE = "low_baseline"
"""The one that is of the baseline's runs alone."""
DROPS = "drop"
"""How the names of quantities begin that compare a method with itself in the second experiment."""
ELSEWHERE = {"_balanced": (DROPS,), "_over_folds": ("folds", "std_over_folds")}
"""Endings of what was measured in a table's second experiment, and what alone is computed from it."""
NUMBER = ("quantity", "value", "run", "run_baseline", "from", "to")
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
    rows = tidy.iloc[[line for line, row in enumerate(tidy.to_dict("records")) if _means(cell, row)]]
    if not len(rows) or "quantity" not in tidy:
        known = ", ".join(dict.fromkeys(str(one) for one in tidy.get("quantity", tidy.columns)))
        methods = f" ({'; '.join(dict.fromkeys(map(str, tidy['method'])))})" if "method" in tidy else ""
        raise InputError(f"{table}:{cell}: no such number; expected what it is of{methods}, and one of {known}")
    computed = rows[rows["fold"].isna()] if "fold" in rows else rows
    if len(rows) > 1 and len(computed) != 1:
        raise InputError(f"{table}:{cell}: {len(rows)} numbers; say more of {', '.join(_of(tidy))}")
    return (computed if len(computed) else rows).iloc[0]


def _of(tidy: pd.DataFrame) -> list[str]:
    return [name for name in tidy.columns if name not in ("quantity", "value")]


def _means(cell: str, row: Mapping[Hashable, Any]) -> bool:
    """Whether a text is made of values of a row, what it is of and its quantity among them."""
    rest = f",{cell.replace(', ', ',')},"
    for value in sorted((_text(one) for name, one in row.items() if name != "value"), key=len, reverse=True):
        rest = rest.replace(f",{value.replace(', ', ',')},", ",", 1) if value else rest
    return rest == "," and f",{row['quantity']},".replace(", ", ",") in f",{cell.replace(', ', ',')},"


def _text(value: Any) -> str:
    if pd.isna(value):
        return ""
    return f"{value:g}" if isinstance(value, float | int) else str(value)


def address(tidy: pd.DataFrame, line: int) -> str:
    """What :func:`select` takes for a number: what it is of and its quantity; its line, where that means several.

    Args:
        tidy: the table, as it was read.
        line: of the number, from 0.
    """
    row = tidy.iloc[line]
    cell = ",".join(filter(None, (_text(one) for one in row.drop("value"))))
    try:
        named = select(tidy, cell, "").name == row.name
    except InputError:
        named = False
    return cell if named else f"{line + 1},value"


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
    quantity = str(row["quantity"])
    compares = quantity.startswith(COMPARISONS)
    same = pd.Series(data=True, index=runs.index)
    for name in (name for name in tidy.columns if name not in NUMBER and pd.notna(row[name])):
        allowed = {row[name]}
        if name == "method" and compares and "run_baseline" not in runs:
            other = _counterpart(str(row[name]), str(baseline), runs["method"])
            allowed = {other} if quantity == OF_BASELINE else {*allowed, other}
        same &= runs[name].isin(allowed)
    for ending, numbers in ELSEWHERE.items():
        there = runs["quantity"].str.endswith(ending)
        if not quantity.startswith(numbers):
            same &= ~there
        elif DROPS in numbers:  # fold by fold
            same &= runs["fold"].isin(runs.loc[same & ~there, "fold"])
        else:
            same &= there
    if "run_baseline" in runs and compares:
        same &= runs["run_baseline"].notna()
    elif "run_baseline" in runs:
        same &= ~runs["quantity"].str.endswith("_baseline")
    if pd.notna(row.get("from")):
        same &= runs["labels"].between(row["from"], row["to"])
    return runs[same]


def _counterpart(method: str, baseline: str, methods: Iterable[str]) -> str:
    """The label of the baseline's runs that a method's are compared with: in the same variant, if it has any."""
    variant = method.partition(", ")[2]
    named = f"{baseline}, {variant}"
    return named if variant and named in set(methods) else baseline


def runs_behind(
    rows: pd.DataFrame, summaries: Iterable[pd.DataFrame], titles: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """The runs that rows of a tidy table are of: their rows in the summaries of experiments, by path.

    Args:
        rows: of single runs.
        summaries: of the experiments that the table shows.
        titles: of the methods, by key.
    """
    known = [summary.to_dict("records") for summary in summaries]
    found: dict[str, dict[str, Any]] = {}
    for row in rows.to_dict("records"):
        of = {str(name): value for name, value in row.items()}
        elsewhere = str(of["quantity"]).endswith(tuple(ELSEWHERE))
        for summary in known[1:] if elsewhere else known:
            runs = [{str(name): value for name, value in run.items()} for run in summary]
            fitting = [run for run in runs if _is_of(of, run, titles)]
            found |= {str(run["run"]): run for run in fitting}
            if fitting and not any(pd.notna(of.get(name)) for name in ("run", "run_baseline")):
                break  # an experiment that shares runs with another
    return found


def _is_of(row: Mapping[str, Any], run: Mapping[str, Any], titles: Mapping[str, str]) -> bool:
    if pd.notna(row.get("run")):
        alone = row["quantity"] in run
        return run["run"] == row["run"] or (not alone and run["run"] == row.get("run_baseline"))
    measured = str(row["quantity"])
    for ending in ELSEWHERE:
        measured = measured.removesuffix(ending)
    same = [name for name in row if name in run and name not in ("method", "quantity", "value") and pd.notna(row[name])]
    return (
        f"{row['method']},".startswith(f"{titles[run['method']]},")  # behind it, what tells a variant from others
        and all(row[name] == run[name] or pd.isna(run[name]) for name in same)
        and (measured not in run or abs(run[measured] - row["value"]) < 1e-9)
    )
