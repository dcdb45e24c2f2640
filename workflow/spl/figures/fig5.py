"""Figure 5: the error against the number of labels on the random fold that proved the most difficult."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from spl.figures.against import error_against


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """Last error on the hardest fold, the one on which the baseline errs most, on average over its numbers of labels.

    Args:
        parameter: as :func:`spl.figures.against.error_against`, and the key of the ``baseline``.
        inputs: the summary of the random-label benchmark.
    """
    summary = pd.read_csv(inputs[0])
    baseline = summary[summary["method"] == parameter["baseline"]]
    means = baseline.groupby("fold")["error_last"].mean()
    hardest = means.idxmax()
    figure, shown = error_against(summary[summary["fold"] == hardest], parameter)
    title = parameter["titles"][parameter["baseline"]]
    figure.axes[0].set_title(f"fold {hardest}, the hardest:\nmean error of {title} {100 * means[hardest]:.1f} %")
    return figure, shown
