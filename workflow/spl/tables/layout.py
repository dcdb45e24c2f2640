"""A table while it is built, and the files of a finished one."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

# pandas needs jinja2 and tabulate to print tables, but imports them on demand. Imported here, they count as packages of
# the jobs that print tables.
import jinja2  # noqa: F401, see above
import pandas as pd
import tabulate  # noqa: F401, see above

from spl.analysis.formats import counted, p_value, percent, spread
from spl.analysis.looks import LEVEL
from spl.analysis.statistics import CORRECTED, Gain, summarise
from spl.text.latex import latex
from spl.text.markdown import markdown
from spl.text.spreadsheet import write_csv

if TYPE_CHECKING:
    from spl.analysis.arms import Arm

Row = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """A printed cell that shows a line of the tidy table, such as a number or the results of one run, or is bold.

    Attributes:
        text: as printed.
        number: the line, from 0; None if it shows none.
        bold: whether it is printed in bold.
    """

    text: str
    number: int | None = None
    bold: bool = False

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Table:
    """Numbers, their printed form, and the runs behind them.

    Attributes:
        tidy: for reading by programs; for a table of numbers, :meth:`Numbers.table` says in which form.
        printed: text, laid out as in the paper; the first column names the rows.
        note: sentences that interpret the numbers, printed below; the caption only describes the experiment.
        texts: columns that hold words, besides the first: aligned left.
        runs: the paths of the runs behind each line of ``tidy``; empty if the table is not computed from runs.
        cells: for each printed cell, row by row, the line of ``tidy`` that it shows, from 0; None if it shows none.
        bold: row and column of each printed cell in bold, from 0.
        details: columns that the page shows apart, folded, where the table would be too wide.
        folded: the number of the last rows that the page shows apart, folded, since nothing in them was measured.
    """

    tidy: pd.DataFrame
    printed: pd.DataFrame
    note: str = ""
    texts: tuple[str, ...] = ()
    runs: Sequence[tuple[str, ...]] = ()
    cells: Sequence[Sequence[int | None]] = ()
    bold: frozenset[tuple[int, int]] = frozenset()
    details: tuple[str, ...] = ()
    folded: int = 0

    @classmethod
    def traced(cls, tidy: pd.DataFrame, printed: pd.DataFrame, runs: Sequence[tuple[str, ...]], **more: Any) -> Table:
        """A table whose printed cells are text or :class:`Cell`; arguments as the attributes."""
        rows = printed.astype(object).to_numpy().tolist()
        cells = [[cell.number if isinstance(cell, Cell) else None for cell in row] for row in rows]
        bold = frozenset(
            (number, place)
            for number, row in enumerate(rows)
            for place, cell in enumerate(row)
            if isinstance(cell, Cell) and cell.bold
        )
        return cls(tidy, printed.astype(object).map(str), runs=runs, cells=cells, bold=bold, **more)

    @property
    def alignment(self) -> list[Literal["left", "right"]]:
        """The side on which each printed column is aligned."""
        names = self.printed.columns
        return ["left" if name in self.texts or name == names[0] else "right" for name in names]

    def written(self, escape: Callable[[str], str], emphasis: str) -> pd.DataFrame:
        """The printed cells and headings in a form of output.

        Args:
            escape: makes text of that form from text.
            emphasis: what is around a bold cell, with ``{}`` in its place.
        """
        cells = [
            [emphasis.format(escape(text)) if (row, column) in self.bold else escape(text) for column, text in line]
            for row, line in enumerate(map(enumerate, self.printed.to_numpy().tolist()))
        ]
        return pd.DataFrame(cells, columns=list(map(escape, self.printed.columns)), dtype=object)


# Columns of a tidy table that hold whole numbers.
WHOLE = ["labels", "from", "to", "fold", "seed"]
# The p-values of a comparison, in the order of the tidy table.
P_VALUES = [name for pair in CORRECTED.items() for name in pair]


class Numbers:
    """The numbers of a table while it is built, each with the runs that it was computed from."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._runs: list[tuple[str, ...]] = []

    def of_runs(
        self, what: Mapping[str, Any], runs: pd.DataFrame, column: str = "error_last", name: str | None = None
    ) -> dict[tuple[int, int], int]:
        """Add one number for each run: what the other numbers are computed from.

        Args:
            what: what distinguishes these runs from others of the table, the method first.
            runs: rows of a summary, indexed by (fold, seed).
            column: of the summary, to take the numbers from.
            name: of the numbers; that of the column if None.

        Returns:
            their lines in the tidy table, from 0, by (fold, seed).
        """
        keys = runs.index.tolist()
        return {
            (fold, seed): self._add({**what, "fold": fold, "seed": seed}, name or column, value, (path,))
            for (fold, seed), value, path in zip(keys, runs[column].tolist(), runs["run"].tolist(), strict=True)
        }

    def computed(self, what: Mapping[str, Any], values: Mapping[str, Any], runs: Iterable[str]) -> dict[str, int]:
        """Add numbers that are computed from the same runs.

        Args:
            what: what the numbers are of, the method first.
            values: the numbers by name.
            runs: paths of the runs.

        Returns:
            their lines in the tidy table, from 0, by name.
        """
        behind = tuple(dict.fromkeys(runs))
        return {name: self._add(what, name, value, behind) for name, value in values.items()}

    def errors(
        self,
        what: Mapping[str, Any],
        arm: Arm,
        full: int,
        names: Iterable[str] = ("n", "mean", "std"),
        column: str = "error_last",
    ) -> dict[str, Cell]:
        """Add what summarises the errors of an arm, or another column of shares.

        Args:
            what: as of :meth:`computed`.
            arm: the runs.
            full: their number when all are done.
            names: of the numbers: attributes of :class:`spl.analysis.statistics.Summary`.
            column: of the summary, to take the shares from.

        Returns:
            the printed shares by name; "mean ± std" in one cell if both are asked for.
        """
        errors = summarise(arm.values(column))
        values = {name: getattr(errors, name) for name in names}
        lines = self.computed(what, values, arm.paths)
        texts = {name: percent(value, 2) for name, value in values.items() if name != "n"}
        cells = {name: Cell(counted(text, errors.n, full), lines[name]) for name, text in texts.items()}
        if {"mean", "std"} <= texts.keys():
            cells["mean ± std"] = Cell(counted(spread(errors.mean, errors.std), errors.n, full), lines["mean"])
        return cells

    def folds(self, what: Mapping[str, Any], arm: Arm, names: Mapping[tuple[int, int], str]) -> dict[str, str | Cell]:
        """Add the errors of an arm's runs; returns them as printed, a dash for a run that is not done.

        ``names`` are those of the planned (fold, seed), as :func:`spl.analysis.arms.run_names` gives them.
        """
        errors, lines = arm.errors, self.of_runs(what, arm.runs)
        return {
            name: Cell(percent(errors[run], 2), lines[run]) if run in errors else "–" for run, name in names.items()
        }

    def compared(self, what: Mapping[str, Any], gain: Gain, prefix: str = "") -> dict[str, int]:
        """Add all numbers of a comparison, in shares.

        With a prefix of the names in the tidy table, the mean is called by the prefix and "mean".

        Returns:
            their lines in the tidy table, from 0, by name without prefix.
        """
        values = {
            "pairs": gain.n,
            "gain_mean": gain.mean,
            "gain_std": gain.std,
            "gain_max": gain.max,
            "gain_min": gain.min,
            "wins": gain.wins,
            **{name: p for name in P_VALUES if (p := getattr(gain, name)) is not None},
            "smallest_p": gain.smallest_p,
            "shift": gain.shift.estimate,
            "shift_low": gain.shift.low,
            "shift_high": gain.shift.high,
            "shift_level": gain.shift.level,
            "effect_size": gain.effect_size,
        }
        names = [f"{prefix}{name.removeprefix('gain_')}" if prefix else name for name in values]
        lines = self.computed(what, dict(zip(names, values.values(), strict=True)), gain.runs)
        return dict(zip(values, lines.values(), strict=True))

    def table(self, printed: pd.DataFrame, note: str = "") -> Table:
        """The finished table.

        Its tidy form has one row for each number: what it is of, its name (``quantity``) and its ``value``. A row with
        a fold and a seed, or with a run, is about one run, or about the runs of one fold and seed; the others are
        computed from such rows. Errors and gains are shares.
        """
        frame = pd.DataFrame(self._rows)
        what = frame.columns.drop(["quantity", "value"])
        tidy = frame[[*what, "quantity", "value"]].astype(dict.fromkeys(what.intersection(WHOLE), "Int64"))
        return Table.traced(tidy, printed, self._runs, note=note)

    def _add(self, what: Mapping[str, Any], name: str, value: Any, runs: tuple[str, ...]) -> int:
        self._rows.append({**what, "quantity": name, "value": value})
        self._runs.append(runs)
        return len(self._rows) - 1


# What each test would show if its p-value is small
DIRECTIONS = {"p_value": "better", "p_worse": "worse", "p_equivalent": "equivalent"}


def gain_cells(
    gain: Gain,
    lines: Mapping[str, int],
    name: str,
    suffix: str = "",
    full: int = 0,
    tests: Sequence[str] = ("p_value", "p_equivalent"),
    better: str = DIRECTIONS["p_value"],
) -> dict[str, Cell]:
    """The printed cells of a comparison: its mean and deviation, and p-values with the corrected ones, if it has them.

    Args:
        gain: the comparison.
        lines: of its numbers, as :meth:`Numbers.compared` returns them.
        name: of the first cell.
        suffix: what follows "p" in the names of the p-values, if a table has those of several comparisons.
        full: as of :func:`counted`.
        tests: the p-values to print.
        better: what a small p-value of a positive gain would show.
    """
    mean = Cell(counted(spread(gain.mean, gain.std), gain.n, full), lines["gain_mean"])
    if full == 1:  # a single pair has no spread and allows no test
        return {f"{name} (one pair)": mean}
    cells = {name: mean}
    directions = DIRECTIONS | {"p_value": better}
    names = {
        key: f"p{suffix} ({directions[test]})" + ", Holm" * (key != test)
        for test in tests
        for key in (test, CORRECTED[test])
    }
    p_values = {key: p for key in names if (p := getattr(gain, key)) is not None}
    # So few pairs can show nothing.
    least = f", least {p_value(gain.smallest_p)}" if gain.smallest_p > LEVEL else ""
    return cells | {
        names[key]: Cell(counted(p_value(p) + least * (key in tests), gain.n, full), lines[key])
        for key, p in p_values.items()
    }


def lowest_printed(means: Iterable[float]) -> str | None:
    """The lowest of several means as it is printed, which all that print the same share.

    None where it would tell nothing apart: of a single mean, or of means that all print the same. NaN is no mean.
    """
    printed = {percent(mean, 2): mean for mean in means if not pd.isna(mean)}
    return min(printed, key=lambda text: printed[text]) if len(printed) > 1 else None


def stacked(first: str, *parts: Mapping[str, Mapping[str, str | Cell]]) -> pd.DataFrame:
    """Printed cells by column and row, the parts below one another; nothing where a column lacks a part.

    Args:
        first: heading of the column that names the rows.
        parts: by heading of the column, then by row; the first part has all columns.
    """
    return pd.concat([pd.DataFrame(part) for part in parts]).fillna("").rename_axis(first).reset_index()


def save_table(table: Table, title: str, caption: str, stem: Path) -> None:
    """Write ``stem`` with the endings .csv (tidy), .md and .tex (printed, with title and caption) and .runs.json.

    The last one holds what :class:`spl.tables.trace.Trace` reads: the paths of all ``runs``; ``groups`` of them, as
    indices; for each line of the tidy table its group (``numbers``); for each printed cell, row by row, the line of the
    number that it shows (``cells``); and the columns that are ``details`` and the number of ``folded`` rows, if any.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    write_csv(table.tidy, stem.with_suffix(".csv"))
    stem.with_suffix(".md").write_text(as_markdown(table, title, caption), encoding="utf-8")
    stem.with_suffix(".tex").write_text(as_latex(table, caption, stem.name), encoding="utf-8")
    stem.with_suffix(".runs.json").write_text(_sidecar(table), encoding="utf-8")


def _sidecar(table: Table) -> str:
    runs = {path: place for place, path in enumerate(dict.fromkeys(path for group in table.runs for path in group))}
    groups = {group: place for place, group in enumerate(dict.fromkeys(table.runs))}
    content = {
        "runs": list(runs),
        "groups": [[runs[path] for path in group] for group in groups],
        "numbers": [groups[group] for group in table.runs],
        "cells": table.cells,
        **({"details": table.details} if table.details else {}),
        **({"folded": table.folded} if table.folded else {}),
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"


def write_table(parameter: Mapping[str, Any], inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Build a table and save it.

    Args:
        parameter: ``module``, whose ``build`` is called with ``given`` and the inputs; ``title`` and ``caption``.
        inputs: files that the table reads.
        outputs: the table's files; the first gives the stem.
    """
    table: Table = importlib.import_module(parameter["module"]).build(parameter["given"], list(inputs))
    save_table(table, parameter["title"], parameter["caption"], outputs[0].with_suffix(""))


def as_markdown(table: Table, title: str, caption: str) -> str:
    """The printed table in Markdown below its title and caption, above its note."""
    cells = table.written(markdown, "**{}**")
    printed = cells.to_markdown(index=False, disable_numparse=True, colalign=table.alignment)
    parts = [f"**{markdown(title)}.** {markdown(caption)}", printed, markdown(table.note)]
    return "\n\n".join(filter(None, parts)) + "\n"


def as_latex(table: Table, caption: str, label: str) -> str:
    """The printed table in LaTeX, with its note after the caption; needs the package booktabs."""
    columns = "".join(side[0] for side in table.alignment)
    cells = table.written(latex, r"\textbf{{{}}}")
    below = f"{caption} {table.note}".strip()
    text: str = cells.style.hide(axis="index").to_latex(
        hrules=True, column_format=columns, caption=latex(below), label=f"tab:{label}", position_float="centering"
    )
    return text
