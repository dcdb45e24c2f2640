"""The numbers of a finished table, and the runs behind each, as the table recorded them when it was built."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from spl.errors import InputError


class Trace:
    """A finished table's numbers with their runs.

    Attributes:
        tidy: the tidy table, as read.
        cells: for each printed cell, row by row, the line of ``tidy`` that it shows, from 0; None if it shows none.
        details: the printed columns that the page shows apart.
        folded: the number of the last printed rows that it shows apart.
    """

    def __init__(self, stem: Path) -> None:
        """Read ``stem`` with the endings .csv and .runs.json, as :func:`spl.tables.layout.save_table` writes them."""
        self._name = f"{stem.name}.csv"
        self.tidy = pd.read_csv(stem.with_suffix(".csv"))
        content = json.loads(stem.with_suffix(".runs.json").read_text(encoding="utf-8"))
        self._runs, self._groups, self._numbers = content["runs"], content["groups"], content["numbers"]
        self.cells: list[list[int | None]] = content["cells"]
        self.details: list[str] = content.get("details", [])
        self.folded: int = content.get("folded", 0)

    @property
    def computed(self) -> bool:
        """Whether its lines are numbers that are computed from runs, not settings, and not one line for each run."""
        return "quantity" in self.tidy

    def runs(self, line: int) -> list[str]:
        """Paths of the runs behind a line of the tidy table, from 0; none for published numbers and settings."""
        return [self._runs[place] for place in self._groups[self._numbers[line]]] if self._numbers else []

    def address(self, line: int) -> str:
        """The address of a number, which :meth:`line` resolves: all that it is of, and its name.

        If several numbers share it, the address is the line of the number below the heading and "value": "12,value".
        """
        address = self._addresses[line]
        return address if self._occurrences[address] == 1 else f"{line + 1},value"

    def line(self, address: str) -> int:
        """The line of the tidy table that an address means, from 0.

        Args:
            address: "ROW,COLUMN" of the printed table, such as "Smooth FixMatch,mean", with more in between where a
                number is of more than a method: "FixMatch,20,mean"; or "12,value", a line below the heading.

        Raises:
            InputError: no number, or several, have this address.
        """
        first, _, last = address.partition(",")
        if first.isdecimal() and last in self.tidy.columns:
            if not 1 <= int(first) <= len(self.tidy):
                raise InputError(f"{self._name}:{address}: expected a line from 1 to {len(self.tidy)}")
            return int(first) - 1
        lines = self._matching(address.replace(", ", ","))
        if not lines:
            methods = "; ".join(dict.fromkeys(self.tidy.iloc[:, 0]))
            quantities = ", ".join(dict.fromkeys(self.tidy["quantity"]))
            raise InputError(
                f"{self._name}:{address}: no such number; expected what it is of ({methods}), and one of {quantities}"
            )
        if len(lines) > 1:
            of = ", ".join(self.tidy.columns.drop(["quantity", "value"]))
            raise InputError(f"{self._name}:{address}: {len(lines)} numbers; say more of {of}")
        return lines[0]

    def _matching(self, address: str) -> list[int]:
        """The lines with this address; if there are none, those with an address that says more between its ends.

        If there are none of these either, case and punctuation do not count, nor settings in the name of a method:
        "smooth-fixmatch,mean" is "Smooth FixMatch, λ_u = 1,mean".
        """
        full = self._addresses
        exact = [line for line in range(len(full)) if full[line].replace(", ", ",") == address]
        longer = exact or [line for line in range(len(full)) if self._abbreviates(address, full[line], line)]
        alike = longer or [line for line in range(len(full)) if _resembles(address, full[line])]
        first = _spelt(address.partition(",")[0])
        return [line for line in alike if _spelt(str(self.tidy.iloc[line, 0])) == first] or alike

    def _abbreviates(self, address: str, full: str, line: int) -> bool:
        """Whether an address begins and ends like the full one of a line, and has only parts of it in between."""
        first, quantity = (str(self.tidy[name].iloc[line]) for name in (self.tidy.columns[0], "quantity"))
        start, end = f"{first.replace(', ', ',')},", f",{quantity.replace(', ', ',')}"
        if not (f"{address},".startswith(start) and address.endswith(end)):
            return False
        between = (text[len(start) : -len(end)].split(",") for text in (address, full.replace(", ", ",")))
        parts, all_parts = map(Counter, between)
        return parts - Counter([""]) <= all_parts

    @cached_property
    def _addresses(self) -> list[str]:
        columns = [[_text(value) for value in self.tidy[name]] for name in self.tidy.columns.drop("value")]
        return [",".join(filter(None, row)) for row in zip(*columns, strict=True)]

    @cached_property
    def _occurrences(self) -> Counter[str]:
        return Counter(self._addresses)


def _spelt(part: str) -> str:
    """A part of an address without case and punctuation."""
    return re.sub(r"[\W_]+", "-", part.strip().lower())


def _resembles(address: str, full: str) -> bool:
    """Whether an address has the ends of a full one and parts of what lies between, but for case and punctuation."""
    parts, all_parts = (list(map(_spelt, text.split(","))) for text in (address, full))
    return parts[0] == all_parts[0] and parts[-1] == all_parts[-1] and Counter(parts) <= Counter(all_parts)


def _text(value: Any) -> str:
    if pd.isna(value):
        return ""
    return f"{value:g}" if isinstance(value, float | int) else str(value)
