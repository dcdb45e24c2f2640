"""Figure 6: the smoothness factor as a function of the score, linear and quadratic."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spl.figures.style import COLUMN, new_figure
from spl.study.appearance import LOOKS

SHAPES = (
    ("linear", 1.0, "smooth-fixmatch", "-"),
    ("quadratic (-sq)", 2.0, "smooth-fixmatch-sq", "--"),
    ("square root (-sqrt)", 0.5, "smooth-fixmatch-sqrt", "-."),
)


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """The factor around ``parameter["threshold"]``, and the indicator of FixMatch; reads no inputs."""
    threshold = parameter["threshold"]
    score = np.linspace(threshold - 0.4 * (1 - threshold), 1, 421)
    linear = np.maximum(score - threshold, 0) / (1 - threshold)
    figure = new_figure(COLUMN, 2.7)
    axis = figure.subplots()
    shown = pd.DataFrame({"score": score, "indicator": (score >= threshold).astype(float)})
    indicator = [score[0], threshold, threshold, 1], [0, 0, 1, 1]
    axis.plot(*indicator, ":", color=LOOKS["fixmatch"].colour, label="indicator (FixMatch)")
    for name, power, method, line in SHAPES:
        shown[name] = linear**power
        axis.plot(score, shown[name], line, color=LOOKS[method].colour, label=name)
    axis.set_xticks([threshold, (1 + threshold) / 2, 1], [f"$\\tau$ = {threshold:g}", f"{(1 + threshold) / 2:g}", "1"])
    axis.set(xlabel="score $s$", ylabel="weight of the pseudo-label")
    figure.legend(loc="outside upper center", ncols=2)
    return figure, shown
