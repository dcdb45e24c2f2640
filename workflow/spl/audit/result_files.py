"""Result files, read strictly: only what a job writes, so that no other program finds something else in them."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json
from safetensors import SafetensorError, safe_open

from spl.attempts.plain_file import read_plain
from spl.campaign.strict_json import MOST_OF_JSON, check_values, parse_json
from spl.errors import InputError

# What a broken file raises when it is read as the file of a job.
BROKEN = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, MemoryError),
    *(SafetensorError, InputError, csv.Error),
)
# By column, one number for each evaluation
Measurements = dict[str, list[float]]
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
        return parse_json(read_plain(path, MOST_OF_JSON))
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None


def read_script(path: Path) -> str:
    """The text of a script that holds JSON.

    Raises:
        ValueError: it is no text, or holds too many values.
    """
    content = read_plain(path, MOST_OF_JSON)
    check_values(content)
    return content.decode()


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, cell by cell as jobs write them: no column twice, no quotes and blanks without need.

    Raises:
        ValueError: it is none.
    """
    text = _text(path)
    check_values(text)
    header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    _check_header(path, header)
    named = [dict(zip(header, row, strict=True)) for row in rows]
    again = io.StringIO(newline="")
    csv.writer(again, lineterminator="\n").writerows([header, *rows])
    if again.getvalue() != text:
        raise ValueError(f"{path.name} has other quotes or ends of lines than jobs write")
    return named


def read_measurements(path: Path, columns: Collection[str] = ()) -> Measurements:
    """The columns of a CSV file of numbers alone, which has a name for each; all of them without a choice.

    Raises:
        ValueError: it is none, it has no row, or it holds a number in another form than Python writes it, which
            programs may read differently or not at all.
        KeyError: it lacks a column.
    """
    text = _text(path)
    check_values(text)
    if not text.endswith("\n") or '"' in text or "\r" in text:
        raise ValueError(f"{path.name} has quotes or other ends of lines than jobs write")
    lines = text[:-1].split("\n")
    header = lines[0].split(",")
    _check_header(path, header)
    if len(lines) == 1 or len({line.count(",") for line in lines}) > 1:
        raise ValueError(f"{path.name}: expected rows of {len(header)} numbers")
    # Not row by row by the module csv, which would take most of the time of an audit
    _, *rows = lines
    cells, place = ",".join(rows).split(","), {name: number for number, name in enumerate(header)}
    try:
        return {name: _numbers(cells[place[name] :: len(header)]) for name in columns or header}
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None


def _text(path: Path) -> str:
    return read_plain(path).decode()


def _check_header(path: Path, header: list[str]) -> None:
    if len(set(header)) < len(header):
        raise ValueError(f"{path.name} has a column twice")


def _numbers(cells: list[str]) -> list[float]:
    """The numbers of a column: all at once if JSON writes them as Python does, which is many times faster."""
    text = ",".join(cells).encode()
    # Below 0.0001, Python writes an exponent
    if text and not text.translate(None, b"0123456789.,-") and b"0.0000" not in text:
        with suppress(ValueError):
            values: list[float] = from_json(b"[%b]" % text)
            if to_json(values) == b"[%b]" % text:
                return values
    return list(map(_number, cells))


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
