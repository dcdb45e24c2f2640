"""A table on the page, in which each number is a link to the runs that it was computed from."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from markdown_it import MarkdownIt
from markdown_it.token import Token

from spl.tables.trace import Trace

READER = MarkdownIt("commonmark", {"html": False}).enable("table")
IN_ROW = 2  # level of a row's token; those of its cells are above
# The comparisons of tidy tables, by the prefix of their quantities.
COMPARED = {"": "gain", "drop_": "rise due to imbalance"}
# Quantities of a comparison.
MEASURED = (
    *("pairs", "shift", "shift_low", "shift_high", "shift_level", "effect_size", "p_value", "p_worse", "smallest_p"),
)


class TracedTable:
    """A finished table, and the runs behind its numbers.

    Attributes:
        details: the columns that :meth:`details_html` shows apart from the others.
        folded: the number of rows, the last ones, that :meth:`folded_html` shows apart from the others.
        runs: the paths of the runs behind each number that was linked so far, by the number's address.
    """

    def __init__(self, stem: Path, shown: Collection[str]) -> None:
        """Read the files of a table: ``stem`` with the endings .md, .csv and .runs.json.

        ``shown`` are the paths of the runs on the page; a number from other runs, which calibrate, is no link.
        """
        self.runs: dict[str, list[str]] = {}
        self._shown = frozenset(shown)
        self._name = stem.name
        self._markdown = stem.with_suffix(".md").read_text(encoding="utf-8")
        self._trace = Trace(stem)
        self.details, self.folded = self._trace.details, self._trace.folded

    def html(self) -> str:
        """The table and its note, without its caption, its details and its folded rows."""
        columns = [heading not in self.details for heading in self._rows[0]]
        return self._html(self._tokens, columns, range(len(self._rows) - 1 - self.folded))

    def details_html(self) -> str:
        """The names of the rows that are not folded, with the details."""
        columns = [column == 0 or heading in self.details for column, heading in enumerate(self._rows[0])]
        return self._html(self._without_note, columns, range(len(self._rows) - 1 - self.folded))

    def folded_html(self) -> str:
        """The folded rows, with the columns in which they differ."""
        rows = range(len(self._rows) - 1 - self.folded, len(self._rows) - 1)
        folded = [self._rows[1 + row] for row in rows]
        columns = [column == 0 or len(set(cells)) > 1 for column, cells in enumerate(zip(*folded, strict=True))]
        return self._html(self._without_note, columns, rows)

    @property
    def _tokens(self) -> list[Token]:
        return READER.parse(self._markdown[self._markdown.index("\n\n") :])

    @property
    def _without_note(self) -> list[Token]:
        tokens = self._tokens
        return tokens[: next(place for place, token in enumerate(tokens) if token.type == "table_close") + 1]

    @cached_property
    def _rows(self) -> list[list[str]]:
        """The cells, in Markdown; the headings come first."""
        rows: list[list[str]] = []
        for token, content in pairwise(self._tokens):
            if token.type == "tr_open":
                rows.append([])
            elif token.type in ("th_open", "td_open"):
                rows[-1].append(content.content)
        return rows

    def _html(self, tokens: list[Token], columns: Sequence[bool], rows: range) -> str:
        """The table in these tokens with the columns and the rows that are shown, and its headings."""
        shown = []
        row, column = -2, -1  # the headings are row -1
        for start, token in enumerate(tokens):
            cell = tokens[min(start + 1, len(tokens) - 1)]
            if token.type == "tr_open":
                row, column = row + 1, -1
            elif token.type in ("th_open", "td_open"):
                column += 1
            if token.level >= IN_ROW and row >= 0 and row not in rows:
                continue
            if token.level > IN_ROW and not columns[column]:
                continue
            shown.append(token)
            if token.type == "th_open" and not cell.content:
                _make(token, tokens[start + 2], "td")  # an empty corner heads nothing
            elif token.type == "td_open" and column == 0:
                _make(token, tokens[start + 2], "th", scope="row")
            elif token.type == "td_open":
                _link(cell, self._target(row, column))
        html: str = READER.renderer.render(shown, READER.options, {})
        return re.sub(r"(?<=>)[^<]+", lambda match: whole(match[0]), html)

    def comparisons(self) -> list[dict[str, Any]]:
        """What the tidy table holds of its comparisons beyond the printed cells, with ``links`` behind the numbers."""
        if not self._trace.computed:
            return []
        tidy = self._trace.tidy
        computed = tidy[tidy[tidy.columns.intersection(["fold", "run"])].isna().all(axis="columns")]
        of = [name for name in computed.columns.drop(["quantity", "value"]) if computed[name].notna().any()]
        comparisons = []
        for what, numbers in computed.groupby(of, sort=False, dropna=False):
            value = dict(zip(numbers["quantity"], numbers["value"], strict=True))
            line = dict(zip(numbers["quantity"], numbers.index, strict=True))
            for prefix, name in COMPARED.items():
                if f"{prefix}shift" in value and value[f"{prefix}pairs"] > 1:
                    comparison: dict[str, Any] = {key: value[prefix + key] for key in MEASURED}
                    comparison["of"] = ", ".join([*filter(None, map(_named, what, of)), name])
                    comparison["links"] = {key: self._number(line[prefix + key]) for key in MEASURED}
                    comparisons.append(comparison)
        return comparisons

    def _target(self, row: int, column: int) -> str | None:
        """Where a printed cell leads: to its number, or in a table with a line for each run to that run."""
        cells = self._trace.cells
        line = cells[row][column] if cells else None
        if line is None or self._trace.computed:
            return None if line is None else self._number(line)
        return _address("run", self._trace.runs(line)[0])

    def _number(self, line: int) -> str | None:
        """Where a number leads, if runs are behind it that the page shows."""
        runs = self._trace.runs(line)
        if not runs or not self._shown.issuperset(runs):
            return None
        cell = f"{self._name}:{self._trace.address(line)}"
        self.runs[cell] = runs
        return _address("cell", cell)


def _address(kind: str, value: str) -> str:
    return f"#{kind}={quote(value, safe='/:,=+')}"


def _link(cell: Token, target: str | None) -> None:
    """Make a cell's content a link."""
    if target and cell.content.strip("–"):
        opening = Token("link_open", "a", 1, attrs={"href": target})
        cell.children = [opening, *(cell.children or []), Token("link_close", "a", -1)]


def _make(opening: Token, closing: Token, tag: str, **attributes: str) -> None:
    """Change the tag of a cell."""
    opening.tag = closing.tag = tag
    opening.attrs |= attributes


def _named(value: Any, column: str) -> str:
    if pd.isna(value):
        return ""
    if column == "endpoint":
        return str(value).replace("_", " ")
    return str(value) if isinstance(value, str) else f"{column} {value:g}"


def whole(text: str) -> str:
    """HTML without tags that breaks no line in words with a hyphen, in "name = value" and before a percent sign."""
    joined = re.sub(r" (=|±) | (?=%)", lambda match: match[0].replace(" ", NO_BREAK), text)
    return HYPHENATED.sub(r'<span class="whole">\g<0></span>', joined)


NO_BREAK = "\N{NO-BREAK SPACE}"
WORD = r"(?:&#?\w+;|[^\s;&])*"  # letters and whole entities; a semicolon of the text ends it
HYPHENATED = re.compile(rf"{WORD}[^\W_]-[^\W_]{WORD}")
