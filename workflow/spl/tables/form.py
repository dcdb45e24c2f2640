"""A finished table and its three files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from spl.statistics import Gain


@dataclass(frozen=True)
class Table:
    """Numbers and their printed form.

    Attributes:
        tidy: one number a cell, for reading by programs.
        printed: text, laid out as in the paper; the first column names the rows.
        note: sentences on what the numbers say, printed below; a caption says only what was run.
    """

    tidy: pd.DataFrame
    printed: pd.DataFrame
    note: str = ""


def percent(share: float, digits: int = 1) -> str:
    """A share as percent, without the sign; a dash where there is nothing to print."""
    return "–" if pd.isna(share) else f"{100 * share:.{digits}f}".replace("-", "−")


def counted(cell: str, n: int, full: int) -> str:
    """A cell that tells how many runs it was made from where others were made from more."""
    return f"{cell} ({n})" if n < full else cell


def bold(cell: str) -> str:
    """A cell that stands out, in Markdown and in LaTeX."""
    return f"**{cell}**"


def gain_cells(won: Gain, baseline: str, full: int = 0) -> dict[str, str]:
    """The two printed cells that compare a method with the baseline.

    Args:
        won: the comparison.
        baseline: its title.
        full: as of :func:`counted`.
    """
    return {
        f"gain wrt {baseline}": counted(f"{percent(won.mean, 2)} ± {percent(won.std, 2)}", won.n, full),
        "p-value": counted(f"{percent(won.p_value)} %", won.n, full),
    }


def gain_columns(won: Gain) -> dict[str, float]:
    """The tidy columns of a comparison: all of a :class:`Gain`, in shares."""
    return {
        "pairs": won.n,
        "gain_mean": won.mean,
        "gain_std": won.std,
        "gain_max": won.max,
        "gain_min": won.min,
        "wins": won.wins,
        "p_value": won.p_value,
        "smallest_p": won.smallest_p,
        "shift": won.shift.estimate,
        "shift_low": won.shift.low,
        "shift_high": won.shift.high,
        "shift_level": won.shift.level,
        "effect_size": won.effect_size,
    }


def save(table: Table, title: str, caption: str, stem: Path) -> None:
    """Write ``stem`` with the endings .csv (tidy), .md and .tex (printed, with title and caption)."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    table.tidy.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.10g", lineterminator="\n")
    align = ["left"] + ["right"] * (table.printed.shape[1] - 1)
    markdown = table.printed.to_markdown(index=False, disable_numparse=True, colalign=align)
    parts = [f"**{title}.** {caption}", markdown, table.note]
    stem.with_suffix(".md").write_text("\n\n".join(filter(None, parts)) + "\n", encoding="utf-8")
    below = f"{caption} {table.note}".strip()
    stem.with_suffix(".tex").write_text(_latex(table.printed, below, stem.name), encoding="utf-8")


def _latex(printed: pd.DataFrame, caption: str, label: str) -> str:
    escaped = printed.map(_escape)
    escaped.columns = [_escape(name) for name in printed.columns]
    columns = "l" + "r" * (printed.shape[1] - 1)
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
