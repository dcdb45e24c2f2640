"""Published error rates, from ``published.csv``.

The file has one row per published number. Rows without an error are numbers that this project had no access to; once
filled in, they appear in the tables beside our results.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo, field_validator

from spl.data.registry import SOURCES
from spl.errors import InputError
from spl.methods.registry import METHODS
from spl.study.base import Model
from spl.study.settings import NETWORK
from spl.text.printable import in_lines

PUBLISHED = Path(__file__).with_name("published.csv")


def _one_of(known: Collection[str]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in known:
            raise ValueError
        return value

    return AfterValidator(check)


def _folds(cell: Any) -> Any:
    """The folds of a range such as "1-5"; anything else as it is."""
    limits = re.fullmatch(r"(\d+)-(\d+)", cell) if isinstance(cell, str) else None
    return tuple(range(int(limits[1]), int(limits[2]) + 1)) if limits else cell


class PublishedError(Model):
    """One row of the file. The description of a column is quoted in error messages as the expected value."""

    source: str = Field(description="the paper's name")
    where: str = Field(description="where to find the number")
    checkpoint: Literal["last", "best", "median of last 20", "checkpoint unknown"] = Field(
        description="last, best, median of last 20 or checkpoint unknown"
    )
    dataset: Annotated[str, _one_of(SOURCES), Field(description=f"one of {', '.join(SOURCES)}")]
    scheme: Literal["balanced", "imbalanced", "random", "full"] = Field(
        description="balanced, imbalanced, random or full"
    )
    labels: int = Field(ge=1, description="the number of labelled images")
    network: str = Field(pattern=NETWORK, description="a network like wrn-28-2")
    method: Annotated[str, _one_of(METHODS), Field(description=f"one of {', '.join(METHODS)}")]
    folds: Annotated[
        Annotated[int, Field(ge=1)] | Annotated[tuple[int, ...], Field(min_length=1)] | None, BeforeValidator(_folds)
    ] = Field(
        default=None, description="a whole number of at least 1, the folds that correspond to it like 1-5, or nothing"
    )
    error_mean: float | None = Field(
        default=None, ge=0, le=100, allow_inf_nan=False, description="percent, from 0 to 100, or nothing"
    )
    error_std: float | None = Field(
        default=None, ge=0, le=100, allow_inf_nan=False, description="percent beside an error_mean, or nothing"
    )
    note: str = Field(default="", description="text")

    @field_validator("error_std")
    @classmethod
    def _has_mean(cls, error_std: float | None, info: ValidationInfo) -> float | None:
        if error_std is not None and info.data.get("error_mean", error_std) is None:
            raise ValueError
        return error_std


COLUMNS = tuple(PublishedError.model_fields)
# Columns that identify a number
KEY = ("source", "checkpoint", "dataset", "scheme", "labels", "network", "method")
# Columns that tables use
SHOWN = {"source", "checkpoint", "labels", "network", "method", "folds", "error_mean", "error_std", "note"}


def read_published(path: Path = PUBLISHED) -> list[PublishedError]:
    """Read and check the file.

    Raises:
        InputError: one line for each mistake, naming file, line, column and what was expected.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:  # spreadsheet programs write a byte order mark
            return _check(csv.DictReader(file, strict=True), path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _check(reader: csv.DictReader[str], path: Path) -> list[PublishedError]:
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise InputError(f"{path}:1: expected the columns {','.join(COLUMNS)}")
    rows: list[PublishedError] = []
    lines: dict[tuple[object, ...], int] = {}
    mistakes: list[str] = []
    for cells in reader:
        place = f"{path}:{reader.line_num}"
        if None in cells or None in cells.values():
            mistakes.append(f"{place}: expected {len(COLUMNS)} columns")
            continue
        try:
            row = PublishedError.model_validate({column: cell for column, cell in cells.items() if cell})
        except ValidationError as error:
            wrong = [str(problem["loc"][0]) for problem in error.errors()]
            expected = {column: PublishedError.model_fields[column].description for column in wrong}
            mistakes += [f"{place}: {name}: expected {what}, got '{cells[name]}'" for name, what in expected.items()]
            continue
        first = lines.setdefault(tuple(getattr(row, column) for column in KEY), reader.line_num)
        if first != reader.line_num:
            mistakes.append(f"{place}: source: expected other {', '.join(KEY)} than in line {first}")
        rows.append(row)
    if mistakes:
        raise InputError(in_lines(mistakes))
    return rows


def comparable_errors(
    rows: list[PublishedError], dataset: str, scheme: str, arms: Collection[tuple[str, int, str]] | None = None
) -> list[dict[str, object]]:
    """The published numbers for runs on the same data and labels, with the columns that tables use.

    Args:
        rows: from :func:`read_published`.
        dataset: key of :data:`spl.data.registry.SOURCES`.
        scheme: how labels are drawn, as in the file.
        arms: (method, number of labels, network) of the runs; None for any.
    """
    return [
        row.model_dump(include=SHOWN)
        for row in rows
        if row.error_mean is not None
        and (row.dataset, row.scheme) == (dataset, scheme)
        and (arms is None or (row.method, row.labels, row.network) in arms)
    ]
