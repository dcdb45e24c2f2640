"""Figure 1: the loss of Pseudo-Labeling and its smooth version as functions of the score."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spl.figures.style import COLUMN, new_figure
from spl.study.appearance import GREY, LOOKS

Values = NDArray[np.float64]


def plain_loss(score: Values, threshold: float) -> Values:
    """Pseudo-Labeling, -log max(s, tau) + log tau: shifted to be continuous; its derivative jumps (Figure 1a)."""
    loss: Values = -np.log(np.maximum(score, threshold)) + np.log(threshold)
    return loss


def smooth_loss(score: Values, threshold: float) -> Values:
    """The loss of Smooth Pseudo-Labeling, with a continuous derivative (equation 17, Figure 1b, linear factor)."""
    above = np.maximum(score, threshold)
    return -((above - threshold) - threshold * np.log(above / threshold)) / (1 - threshold)


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """Losses above, their derivatives below, around ``parameter["threshold"]``; reads no inputs."""
    threshold = parameter["threshold"]
    below = np.linspace(threshold - (1 - threshold), threshold, 200)
    above = np.linspace(threshold, 1, 200)
    figure = new_figure(COLUMN, 3.1, gap=0.12)
    axes = figure.subplots(2, 2, sharex=True, sharey="row")
    columns = (
        ("(a) Pseudo-Labeling", plain_loss, LOOKS["pseudo-label"].colour),
        ("(b) smooth version", smooth_loss, LOOKS["smooth-pseudo-label"].colour),
    )
    shown = []
    for column, (title, loss, colour) in enumerate(columns):
        factor = np.ones_like(above) if loss is plain_loss else (above - threshold) / (1 - threshold)
        slopes = np.zeros_like(below), -factor / above
        upper, lower = axes[0, column], axes[1, column]
        for score, slope in zip((below, above), slopes, strict=True):
            upper.plot(score, loss(score, threshold), color=colour)
            lower.plot(score, slope, color=colour)
            shown.append(pd.DataFrame({"loss": title, "score": score, "value": loss(score, threshold), "slope": slope}))
        if slopes[1][0] != slopes[0][-1]:
            ends = [slopes[0][-1], slopes[1][0]]
            lower.plot(
                [threshold] * 2, ends, color=colour, linestyle=":", marker="o", markersize=3, markerfacecolor="white"
            )
        for axis in (upper, lower):
            axis.axvline(threshold, color=GREY, linewidth=0.6, linestyle="--", zorder=0)
        upper.set_title(title)
        lower.set_xlabel("score $s$")
        lower.set_xticks([below[0], threshold, 1], [f"{below[0]:.2f}", f"$\\tau$ = {threshold:g}", "1"])
    axes[0, 0].set_ylabel("loss")
    axes[1, 0].set_ylabel("derivative d loss / d$s$")
    return figure, pd.concat(shown)
