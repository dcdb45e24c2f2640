"""A finished table and its three files."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

# pandas needs jinja2 and tabulate to print tables, but imports them on demand. Imported here, they count as packages of
# the jobs that print tables.
import jinja2  # noqa: F401
import pandas as pd
import tabulate  # noqa: F401

from spl.analysis.formats import counted, percent, spread
from spl.analysis.statistics import Gain


@dataclass(frozen=True)
class Table:
    """Numbers and their printed form.

    Attributes:
        tidy: for reading by programs; of a table of numbers, :func:`long`.
        printed: text, laid out as in the paper; the first column names the rows.
        note: sentences on what the numbers say, printed below; a caption says only what was run.
        texts: columns that hold words, beside the first: to be read from the left, and in several lines.
    """

    tidy: pd.DataFrame
    printed: pd.DataFrame
    note: str = ""
    texts: tuple[str, ...] = ()

    @property
    def alignment(self) -> list[Literal["left", "right"]]:
        """Of each printed column."""
        names = self.printed.columns
        return ["left" if name in self.texts or name == names[0] else "right" for name in names]


Row = dict[str, Any]


def gain_cells(won: Gain, name: str, p_value: str = "p-value", full: int = 0) -> dict[str, str]:
    """The printed cells of a comparison: its mean and deviation, its p-value, and the corrected one if there is one.

    Args:
        won: the comparison.
        name: of the first cell.
        p_value: name of the second.
        full: as of :func:`counted`.
    """
    cells = {name: spread(won.mean, won.std), p_value: f"{percent(won.p_value)} %"}
    if full == 1:  # a single pair allows no test
        return {name: counted(cells[name], won.n, full)}
    if won.p_holm is not None:
        cells[f"{p_value}, Holm"] = f"{percent(won.p_holm)} %"
    return {row: counted(cell, won.n, full) for row, cell in cells.items()}


def stacked(first: str, *parts: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Printed cells by column and row, the parts below one another; nothing where a column lacks a part.

    Args:
        first: heading of the column that names the rows.
        parts: by heading of the column, then by row; the first part has all columns.
    """
    return pd.concat([pd.DataFrame(part) for part in parts]).fillna("").rename_axis(first).reset_index()


def gain_columns(won: Gain) -> dict[str, float]:
    """The tidy numbers of a comparison: all of a :class:`Gain`, in shares."""
    return {
        "pairs": won.n,
        "gain_mean": won.mean,
        "gain_std": won.std,
        "gain_max": won.max,
        "gain_min": won.min,
        "wins": won.wins,
        "p_value": won.p_value,
        **({} if won.p_holm is None else {"p_holm": won.p_holm}),
        "smallest_p": won.smallest_p,
        "shift": won.shift.estimate,
        "shift_low": won.shift.low,
        "shift_high": won.shift.high,
        "shift_level": won.shift.level,
        "effect_size": won.effect_size,
    }


WHOLE = ["labels", "from", "to", "fold", "seed"]


def run_rows(of: Mapping[str, Any], runs: Mapping[tuple[int, int], float], name: str = "error_last") -> list[Row]:
    """Tidy rows of single runs: what the other numbers are computed from.

    Args:
        of: what tells these runs from others of the table, the method first.
        runs: one number for each (fold, seed).
        name: of that number.
    """
    return [{**of, "fold": fold, "seed": seed, "quantity": name, "value": one} for (fold, seed), one in runs.items()]


def number_rows(of: Mapping[str, Any], numbers: Mapping[str, Any]) -> list[Row]:
    """Tidy rows of numbers that are said of ``of``, by their name."""
    return [{**of, "quantity": name, "value": value} for name, value in numbers.items()]


def long(rows: list[Row]) -> pd.DataFrame:
    """The tidy form that tables of numbers share: what a number is of, the ``quantity`` and its ``value``.

    A row with a fold and a seed is of one run, one without is computed from such rows. Errors and gains are shares.
    """
    frame = pd.DataFrame(rows)
    of = frame.columns.drop(["quantity", "value"])
    return frame[[*of, "quantity", "value"]].astype(dict.fromkeys(of.intersection(WHOLE), "Int64"))


def save_table(table: Table, title: str, caption: str, stem: Path) -> None:
    """Write ``stem`` with the endings .csv (tidy), .md and .tex (printed, with title and caption)."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    table.tidy.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.10g", lineterminator="\n")
    markdown = table.printed.to_markdown(index=False, disable_numparse=True, colalign=table.alignment)
    parts = [f"**{title}.** {caption}", markdown, table.note]
    stem.with_suffix(".md").write_text("\n\n".join(filter(None, parts)) + "\n", encoding="utf-8")
    below = f"{caption} {table.note}".strip()
    stem.with_suffix(".tex").write_text(_latex(table, below, stem.name), encoding="utf-8")


def write_table(parameter: Mapping[str, Any], inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Build a table and save it.

    Args:
        parameter: ``module``, whose ``build`` is called; ``given``, what it builds from beside its inputs; ``title`` and
            ``caption``.
        inputs: files that the table reads.
        outputs: the table's files, the first one of which names the stem.
    """
    table: Table = importlib.import_module(parameter["module"]).build(parameter["given"], list(inputs))
    save_table(table, parameter["title"], parameter["caption"], outputs[0].with_suffix(""))


def _latex(table: Table, caption: str, label: str) -> str:
    escaped = table.printed.map(_escape)
    escaped.columns = [_escape(name) for name in table.printed.columns]
    columns = "".join(side[0] for side in table.alignment)
    text: str = escaped.style.hide(axis="index").to_latex(
        hrules=True, column_format=columns, caption=_escape(caption), label=f"tab:{label}", position_float="centering"
    )
    return text


LATEX = {
    "λ_u": r"$\lambda_u$",
    "λ_Φ": r"$\lambda_\Phi$",
    "τ": r"$\tau$",
    "μ": r"$\mu$",
    "±": r"$\pm$",
    "†": r"$\dagger$",
    "−": "$-$",
    "–": "--",
    "→": r"$\to$",
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "%_&#$"},
}


def _escape(text: str) -> str:
    escaped = re.sub("|".join(map(re.escape, LATEX)), lambda found: LATEX[found[0]], text)
    return re.sub(r"\*\*(.+?)\*\*", r"\\textbf{\1}", escaped)
