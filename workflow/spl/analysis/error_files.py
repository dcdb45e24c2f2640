"""Errors of runs from files of any code base: CSV files, this project's own, and log folders of TorchSSL and USB."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from math import isfinite
from pathlib import Path

import pandas as pd

from spl.analysis.benchmark_logs import read_logs
from spl.analysis.error_texts import read_bytes
from spl.errors import InputError
from spl.text.printable import printable

REQUIRED = ("method", "fold")
# What an error is divided by to be a share, by the column that holds it
ERRORS = {"error": 1, "error_percent": 100}
# Columns of this project's tables that do not tell the experiments of a table apart
NO_SETTING = ("method", "fold", "seed", "quantity", "value")
# So many names are listed in a message
LISTED = 5
# Of a method; an exact test takes as long as the cube of their number
MOST_RUNS = 1000

Row = tuple[int, Mapping[str, str]]  # a line of a file with its number, from 1


@dataclass(frozen=True)
class ErrorsOfRuns:
    """Errors to compare.

    Attributes:
        source: the file or folder.
        description: which errors were read, in words.
        settings: for each data set or experiment of the file, by name, "" if it is the only one, a row for each run
            with the columns of a summary that :func:`spl.analysis.arms.arms` needs; ``error_last`` holds the errors,
            shares; folds and seeds are whole numbers if all of a file are, else texts.
    """

    source: Path
    description: str
    settings: dict[str, pd.DataFrame]


def read_errors(source: Path, best: bool = False) -> ErrorsOfRuns:
    """Read errors from a CSV file or a folder of logs; the columns of a file tell its form.

    Three forms of CSV files are read: ``method``, ``fold`` and ``error`` (a share) or ``error_percent``, and if there,
    ``seed`` and ``dataset``; the tidy CSV of a table of this project; the summary of an experiment
    (``analysis/EXPERIMENT.csv``). For folders, see :func:`spl.analysis.benchmark_logs.read_logs`.

    Args:
        source: the file or folder.
        best: the best error of each run in place of the last; only summaries and logs have it.

    Raises:
        InputError: the message names file, line and column, and the expectation.
    """
    if source.is_dir():
        description, runs = read_logs(source, best)
    else:
        header, rows = _read_csv(source)
        description, runs = _runs_of(source, header, rows, best)
    if runs.empty:
        raise InputError(f"{source}: expected a line for each run, got none")
    runs = runs.assign(fold=_whole_or_text(runs["fold"]), seed=_whole_or_text(runs["seed"]))
    _check_once(source, runs)
    settings = {str(name): part.drop(columns="setting") for name, part in runs.groupby("setting", sort=False)}
    if len(settings) == 1:
        settings = {"": next(iter(settings.values()))}
    return ErrorsOfRuns(source, description, settings)


def _read_csv(source: Path) -> tuple[list[str], list[Row]]:
    """The columns of a CSV file, and its lines by column, each cell as one line of visible characters."""
    try:
        reader = csv.reader(StringIO(read_bytes(source).decode("utf-8-sig"), newline=""), strict=True)
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except OSError as error:
        found = "cannot be read" if os.path.lexists(source) else "not found"
        raise InputError(f"{source}: {found}; expected a CSV file, or a folder of logs ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"{source}: expected a CSV file in UTF-8") from None
    except csv.Error as error:
        raise InputError(f"{source}, line {reader.line_num}: expected CSV, separated by commas: {error}") from None
    if not lines:
        raise InputError(f"{source}: expected a first line with the columns method, fold and error, got an empty file")
    header = [name.strip().lower() for name in lines[0][1]]
    if twice := {name for name, count in Counter(header).items() if count > 1}:
        raise InputError(f"{source}, line 1: expected each column once, got {', '.join(sorted(twice))} twice")
    for number, cells in lines[1:]:
        if len(cells) != len(header):
            raise InputError(f"{source}, line {number}: expected {len(header)} columns as in line 1, got {len(cells)}")
    return header, [
        (number, dict(zip(header, (printable(cell.strip()) for cell in cells), strict=True)))
        for number, cells in lines[1:]
    ]


def _runs_of(source: Path, header: Sequence[str], rows: list[Row], best: bool) -> tuple[str, pd.DataFrame]:
    """What was read, in words, and the runs of a file in any of the three forms, with their ``setting``."""
    if {"run", "error_last", "error_best"} <= set(header):
        which = "best" if best else "last"
        return f"{which} error of each run", _summary(source, header, rows, f"error_{which}")
    if best:
        raise InputError(f"{source}: --best: expected a summary of runs or a folder of logs, which have best errors")
    if {"quantity", "value"} <= set(header):
        return "last error of each run", _tidy(source, header, rows)
    given = [name for name in ERRORS if name in header]
    if missing := [name for name in REQUIRED if name not in header] + ["error"] * (not given):
        raise InputError(
            f"{source}, line 1: expected the columns method, fold, and error (a share) or error_percent, separated by "
            f"commas; missing: {', '.join(missing)}"
        )
    if len(given) > 1:
        raise InputError(f"{source}, line 1: expected one of the columns error and error_percent, got both")
    return f"column {given[0]}", pd.DataFrame(list(_plain(source, rows, given[0])))


def _plain(source: Path, rows: list[Row], column: str) -> Iterator[dict[str, object]]:
    """The runs of a file with the columns method, fold and error."""
    for number, row in rows:
        for name in ("method", "fold", "seed", "dataset"):
            if row.get(name) == "":
                raise InputError(f"{source}, line {number}: expected a value in the column {name}, got an empty cell")
        yield {
            "run": f"line {number}",
            "setting": row.get("dataset", ""),
            "method": row["method"],
            "variant": "",
            "fold": row["fold"],
            "seed": row.get("seed", "0"),
            "error_last": _error(source, number, row, column, ERRORS[column]),
        }


def _tidy(source: Path, header: Sequence[str], rows: list[Row]) -> pd.DataFrame:
    """The runs of a tidy table of this project, such as Table 7's: its last errors by method and fold."""
    if missing := [name for name in REQUIRED if name not in header]:
        raise InputError(f"{source}, line 1: expected the columns method and fold, missing: {', '.join(missing)}")
    more = [name for name in header if name not in NO_SETTING]
    runs = [
        {
            "run": f"line {number}",
            "setting": ", ".join(f"{name} {row[name]}" for name in more if row[name]),
            "method": row["method"],
            "variant": "",
            "fold": row["fold"],
            "seed": row.get("seed") or "0",
            "error_last": _error(source, number, row, "value", 1),
        }
        for number, row in rows
        if row["quantity"] == "error_last" and row["fold"]
    ]
    if not runs:
        raise InputError(f"{source}: expected a table with the errors of runs: lines of the quantity error_last")
    return pd.DataFrame(runs)


def _summary(source: Path, header: Sequence[str], rows: list[Row], column: str) -> pd.DataFrame:
    """The runs of a summary, with all of its columns; runs that are not done have no errors, and are not accepted."""
    needed = ("run", "dataset", "labels", "method", "variant", "fold", "seed")
    if missing := [name for name in needed if name not in header]:
        raise InputError(f"{source}, line 1: expected the columns of a summary of runs, missing: {', '.join(missing)}")
    for number, row in rows:
        for part in filter(None, row["variant"].split(",")):
            if part.count("=") != 1 or part.partition("=")[0] not in header:
                raise InputError(
                    f"{source}, line {number}, column variant: expected SETTING=VALUE of settings that have columns, "
                    f"separated by commas, got '{part}'"
                )
    errors = [_error(source, number, row, column, 1) for number, row in rows]
    # All settings as numbers, truth values or texts, from which the labels of variants are written
    text = StringIO()
    writer = csv.DictWriter(text, header)
    writer.writeheader()
    writer.writerows(row for _, row in rows)
    settings = pd.read_csv(StringIO(text.getvalue()))
    texts = {name: [row[name] for _, row in rows] for name in ("run", "method", "variant", "fold", "seed")}
    names = [f"{row['dataset']}, {row['labels']} labels" for _, row in rows]
    return settings.assign(**texts, error_last=errors, setting=names)


def _error(source: Path, number: int, row: Mapping[str, str], column: str, whole: int) -> float:
    """An error as a share, from a cell that gives it as a part of ``whole``."""
    text, expected = row[column], "a share from 0 to 1" if whole == 1 else "percent from 0 to 100"
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value) or "_" in text or not text.isascii() or not 0 <= value <= whole:
        hint = "; errors in percent belong in a column error_percent" if 1 < value <= 100 and column == "error" else ""
        raise InputError(f"{source}, line {number}, column {column}: expected {expected}, got '{text}'{hint}")
    return value / whole


def _whole_or_text(labels: pd.Series[str]) -> pd.Series[int] | pd.Series[str]:
    """Folds or seeds as whole numbers if all are, also those that were written as 3.0, else unchanged."""
    texts = labels.astype(str)
    if texts.map(lambda text: re.fullmatch(r"[0-9]{1,15}(\.0+)?", text) is not None).all():
        return texts.map(lambda text: int(text.partition(".")[0]))
    return texts


def _check_once(source: Path, runs: pd.DataFrame) -> None:
    """Refuse two runs of one method, fold and seed, and more of a method than exact tests can take."""
    seen: dict[tuple[object, ...], str] = {}
    columns = ["setting", "method", "variant", "fold", "seed", "run"]
    for setting, method, variant, fold, seed, run in runs[columns].itertuples(index=False, name=None):
        key = setting, method, variant, fold, seed
        if key in seen:
            raise InputError(
                f"{source}, {run}: expected one run of {method} with fold {fold} and seed {seed}, got a second one "
                f"after {seen[key]}; seeds and data sets are told apart by columns seed and dataset"
            )
        seen[key] = run
    for (setting, method, variant), count in Counter(key[:3] for key in seen).items():
        if count > MOST_RUNS:
            named = " ".join(filter(None, map(str, (setting, method, variant))))
            raise InputError(f"{source}: expected at most {MOST_RUNS:,} runs of each method, got {count:,} of {named}")


def first_few(names: Sequence[str]) -> str:
    """Names in a message, the first few of many."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
