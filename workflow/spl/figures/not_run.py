"""The note in place of a figure whose experiment has no runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from spl.figures.style import COLUMN, new_figure
from spl.study.appearance import GREY
from spl.text.mathtext import mathtext


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """The words "not run" and ``parameter["reason"]``; reads no inputs."""
    figure = new_figure(COLUMN, 1.2)
    figure.text(0.5, 0.5, f"not run\n{mathtext(parameter['reason'])}", ha="center", va="center", color=GREY)
    return figure, pd.DataFrame({"not run": [parameter["reason"]]})
