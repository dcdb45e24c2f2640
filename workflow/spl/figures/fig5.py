"""Figure 5: the error against the number of labels, on the hardest random fold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spl.analysis.formats import counted
from spl.figures.against import error_against
from spl.figures.style import look_of


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """Last error on the hardest fold: the one with the highest error of the baseline, averaged over numbers of labels.

    While no run of the baseline is done, the error of the other methods determines the hardest fold.

    Args:
        parameter: as for :func:`spl.figures.against.error_against`, and the key of the ``baseline``.
        inputs: the summary of the random-label benchmark, followed by the summary of fully supervised runs, if any, for
            a line at their mean.
    """
    summary = pd.read_csv(inputs[0])
    runs, whose = summary[summary["method"] == parameter["baseline"]], parameter["titles"][parameter["baseline"]]
    if runs["error_last"].isna().all():
        runs, whose = summary, "the other methods"
    hardest = runs.groupby("fold")["error_last"].mean().idxmax()
    errors = runs.loc[runs["fold"] == hardest, "error_last"]
    mean = counted(f"{100 * errors.mean():.1f} %", errors.count(), len(errors))
    so_far = " so far" if runs["error_last"].isna().any() else ""

    figure, shown = error_against(summary[summary["fold"] == hardest], parameter)
    for reference in inputs[1:]:
        shown = pd.concat([shown, _line(figure.axes[0], pd.read_csv(reference), parameter)])
    figure.axes[0].set_title(f"fold {hardest}, the hardest{so_far}:\nmean error of {whose} {mean}")
    figure.legend(loc="outside upper center", ncols=2)
    return figure, shown


def _line(axis: Axes, reference: pd.DataFrame, parameter: Mapping[str, Any]) -> pd.DataFrame:
    """Draw a line at the mean error of the finished runs of one method, if any; return the numbers that it shows."""
    done = reference.dropna(subset="error_last")
    mean = done["error_last"].mean()
    if len(done):
        method = done["method"].iloc[0]
        label = counted(parameter["titles"][method], len(done), len(reference))
        axis.axhline(mean, color=look_of(method, parameter).colour, linestyle="--", linewidth=1, label=label)
    return done[["method", parameter["setting"], "fold", "seed", "error_last"]].assign(mean=mean)
