"""Result files, read strictly: only what a job writes, so that no other program finds something else in them."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from spl.attempts.plain_file import read_plain
from spl.campaign.strict_json import parse_json
from spl.errors import InputError

# What a broken file raises when it is read as the file of a job.
BROKEN = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError),
    *(SafetensorError, InputError, csv.Error),
)
# Bytes; the description of ImageNet, with the digest of each image, has a fifth of that
MOST_OF_RESULT = 2**30
# What safetensors says of a tensor.
DESCRIBED = {"dtype", "shape", "data_offsets"}


def readable(lines: Iterator[str], place: Path) -> Iterator[str]:
    """The lines, and one more if what lies at a place cannot be read as what it should be."""
    try:
        yield from lines
    except BROKEN as error:
        yield f"{place}: not what a job writes: {type(error).__name__}: {' '.join(str(error).split())}"


def read_json(path: Path) -> Any:
    """The content of a JSON file, as :func:`spl.campaign.strict_json.parse_json` takes it.

    Raises:
        ValueError: it is no such JSON.
    """
    try:
        return parse_json(read_plain(path, MOST_OF_RESULT))
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, cell by cell as jobs write them: no column twice, no quotes and blanks without need.

    Raises:
        ValueError: it is none.
    """
    text = read_plain(path, MOST_OF_RESULT).decode()
    header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    if len(set(header)) < len(header):
        raise ValueError(f"{path.name} has a column twice")
    named = [dict(zip(header, row, strict=True)) for row in rows]
    again = io.StringIO(newline="")
    csv.writer(again, lineterminator="\n").writerows([header, *rows])
    if again.getvalue() != text:
        raise ValueError(f"{path.name} has other quotes or ends of lines than jobs write")
    return named


def read_measurements(path: Path, columns: Collection[str] = ()) -> list[dict[str, float]]:
    """The rows of a CSV file of numbers alone; all columns without a choice.

    Raises:
        ValueError: it is none, or holds a number in another form than Python writes it, which programs may read
            differently or not at all.
        KeyError: it lacks a column.
    """
    rows = read_rows(path)
    try:
        return [{name: _number(row[name]) for name in columns or row} for row in rows]
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None


def _number(cell: str) -> float:
    value = int(cell) if cell.lstrip("-").isdigit() else float(cell)
    if repr(value) != cell:
        raise ValueError(f"{cell!r} is no number as jobs write it")
    return value


def tensors(path: Path) -> tuple[dict[str, tuple[str, list[int]]], dict[str, str]]:
    """Type and shape of each tensor in a safetensors file, by name, and the metadata of the file.

    Raises:
        ValueError, SafetensorError: it is no such file, or says more of a tensor.
    """
    with safe_open(path, "np"):  # checks that the header fits the file, but not that it has each name once
        pass
    with path.open("rb") as file:
        header = parse_json(file.read(int.from_bytes(file.read(8), "little")))
    metadata = header.pop("__metadata__", {})
    if strange := [name for name, described in header.items() if described.keys() != DESCRIBED]:
        raise ValueError(f"{path.name}: {strange[0]!r}: expected {', '.join(sorted(DESCRIBED))} alone")
    return {name: (described["dtype"], described["shape"]) for name, described in header.items()}, metadata
