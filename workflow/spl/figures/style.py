"""One look for all figures: readable at column width, safe for colour-blind readers, the same bytes every time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

COLUMN = 3.5
"""Width of a journal column in inches."""

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#707070"
"""From Okabe and Ito's palette, distinguishable with any colour vision and in grey."""

RC: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.4,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "pdf.fonttype": 42,
    "savefig.dpi": 300,
}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of the given inches in the common look."""
    matplotlib.rcParams.update(matplotlib.rcParamsDefault)
    matplotlib.rcParams.update(RC)
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, shown: pd.DataFrame, stem: Path) -> None:
    """Write ``stem`` with the endings .pdf, .png and .csv, the last one the numbers that the figure shows."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(stem.with_suffix(".pdf"), metadata={"CreationDate": None, "Producer": None, "Creator": None})
    figure.savefig(stem.with_suffix(".png"), metadata={"Software": None})
    shown.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.10g", lineterminator="\n")
