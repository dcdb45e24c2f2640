"""A table on the page, each number of it a link to the runs that it was computed from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from markdown_it import MarkdownIt
from markdown_it.token import Token

from spl.page.printed import number_shown
from spl.provenance.cells import address, rows_behind, runs_behind

COMPARED = {"": "gain", "drop_": "drop due to imbalance"}
"""What the tidy tables compare, by the prefix of its quantities."""
MEASURED = ("pairs", "shift", "shift_low", "shift_high", "shift_level", "effect_size", "p_value", "smallest_p")
"""Of a comparison."""


class TracedTable:
    """A finished table, and the runs behind its numbers.

    Attributes:
        runs: the paths of the runs behind each number that was linked so far, by the number's address.
    """

    def __init__(
        self, section: Mapping[str, Any], titles: Mapping[str, str], tables: Path, summaries: Sequence[Path]
    ) -> None:
        """Read a table.

        Args:
            section: of the page; ``name``, and ``baseline``, the title of the method that the table compares with.
            titles: of the methods, by key.
            tables: folder that holds it.
            summaries: of the experiments that it shows, in its order.
        """
        self.runs: dict[str, list[str]] = {}
        self._name, self._baseline = section["name"], section["baseline"]
        self._titles = titles
        self._tidy = pd.read_csv(tables / f"{self._name}.csv")
        self._markdown = (tables / f"{self._name}.md").read_text(encoding="utf-8")
        self._summaries = [pd.read_csv(path) for path in summaries]
        self._behind: dict[tuple[int, ...], list[str]] = {}

    def html(self) -> str:
        """The table without its caption."""
        reader = MarkdownIt("commonmark", {"html": False}).enable("table")
        tokens = reader.parse(self._markdown[self._markdown.index("\n\n") :])
        headings: list[str] = []
        row: list[str] = []
        line = -1
        for start, token in enumerate(tokens):
            cell = tokens[min(start + 1, len(tokens) - 1)]
            if token.type == "tr_open":
                row, line = [], line + 1
            elif token.type == "th_open":
                headings.append(cell.content)
                if not cell.content:
                    _make(token, tokens[start + 2], "td")  # an empty corner heads nothing
            elif token.type == "td_open":
                row.append(cell.content)
                if len(row) == 1:
                    _make(token, tokens[start + 2], "th", scope="row")
                else:
                    _link(cell, self._of_cell(headings[0], row[0], headings[len(row) - 1], line - 1))
        html: str = reader.renderer.render(tokens, reader.options, {})
        return re.sub(r"(?<=>)[^<]+", lambda found: whole(found[0]), html)

    def comparisons(self) -> list[dict[str, Any]]:
        """What the table knows of its comparisons beyond what it prints, each with ``links`` behind its numbers."""
        if not self._computed:
            return []
        tidy = self._tidy
        computed = tidy[tidy[tidy.columns.intersection(["fold", "run"])].isna().all(axis="columns")]
        of = [name for name in computed.columns.drop(["quantity", "value"]) if computed[name].notna().any()]
        found = []
        for what, numbers in computed.groupby(of, sort=False, dropna=False):
            value = dict(zip(numbers["quantity"], numbers["value"], strict=True))
            line = dict(zip(numbers["quantity"], numbers.index, strict=True))
            for prefix, name in COMPARED.items():
                if f"{prefix}shift" in value and value[f"{prefix}pairs"] > 1:
                    named = {"of": ", ".join([*map(_named, what, of), name])}
                    links = {key: self._of_number(line[prefix + key]) for key in MEASURED}
                    found.append(named | {key: value[prefix + key] for key in MEASURED} | {"links": links})
        return found

    @property
    def _computed(self) -> bool:
        """Whether its numbers are computed from runs."""
        return "quantity" in self._tidy

    def _of_cell(self, corner: str, row: str, column: str, line: int) -> str | None:
        """Where a printed cell leads: to a number, or where each line is of one run, to that."""
        if not self._computed:
            return _address("run", self._tidy["run"].iloc[line]) if "run" in self._tidy else None
        number = number_shown(self._tidy, corner, row, column)
        return None if number is None else self._of_number(number)

    def _of_number(self, line: int) -> str | None:
        """Where a number leads to, if runs are behind it."""
        rows = rows_behind(self._tidy, self._tidy.iloc[line], self._baseline)
        same = tuple(rows.index)
        if same not in self._behind:
            self._behind[same] = list(runs_behind(rows, self._summaries, self._titles))
        if not self._behind[same]:
            return None
        cell = f"{self._name}:{address(self._tidy, line)}"
        self.runs[cell] = self._behind[same]
        return _address("cell", cell)


def _address(kind: str, value: str) -> str:
    return f"#{kind}={quote(value, safe='/:,=+')}"


def _link(cell: Token, target: str | None) -> None:
    """Make a cell's content a link."""
    if target and cell.content.strip("–"):
        opening = Token("link_open", "a", 1, attrs={"href": target})
        cell.children = [opening, *(cell.children or []), Token("link_close", "a", -1)]


def _make(opening: Token, closing: Token, tag: str, **attributes: str) -> None:
    """Make a cell one of another kind."""
    opening.tag = closing.tag = tag
    opening.attrs |= attributes


def _named(value: Any, column: str) -> str:
    return str(value) if column == "method" else f"{column} {value:g}"


def whole(text: str) -> str:
    """Text of a table without line breaks in words with a hyphen, in "name = value" and before a percent sign."""
    joined = re.sub(r" (=|±) | (?=%)", lambda found: found[0].replace(" ", NO_BREAK), text)
    return re.sub(r"[^\s;]*[^\W_]-[^\W_][^\s;]*", r'<span class="whole">\g<0></span>', joined)


NO_BREAK = "\N{NO-BREAK SPACE}"
