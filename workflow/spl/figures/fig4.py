"""Figure 4: how far the class frequencies of random labelled sets are from uniform."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spl.figures.style import BLUE, COLUMN, GREY, new_figure
from spl.splits import read_split


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """Standard deviation of the class counts over their mean, for each split file in ``inputs``, by number of labels.

    The expectation of uniform draws is sqrt(K - 1) / sqrt(n) for K classes: 3 / sqrt(n) for ten.
    """
    rows = []
    for path in inputs:
        counts = np.array(read_split(path).labelled_counts)
        expected = np.sqrt((len(counts) - 1) / counts.sum())
        rows.append((int(counts.sum()), path.stem, counts.std() / counts.mean(), expected))
    shown = pd.DataFrame(rows, columns=["labels", "fold", "normalised_std", "expected"]).sort_values(["labels", "fold"])
    means = shown.groupby("labels", as_index=False)[["normalised_std", "expected"]].mean()
    folds = shown["fold"].nunique()

    figure = new_figure(COLUMN, 2.4)
    axis = figure.subplots()
    axis.plot(
        shown["labels"],
        shown["normalised_std"],
        "o",
        color=BLUE,
        alpha=0.35,
        markersize=3,
        markeredgewidth=0,
        label="one fold",
    )
    axis.plot(
        means["labels"], means["normalised_std"], "-o", color=BLUE, markersize=3.5, label=f"mean of {folds} folds"
    )
    classes = len(counts)
    label = f"expected, $\\sqrt{{{classes - 1}/n}}$" if classes != 10 else "expected, $3/\\sqrt{n}$"
    axis.plot(means["labels"], means["expected"], "--", color=GREY, label=label)
    axis.set_xlabel("number of random labels $n$")
    axis.set_ylabel("std of class counts / mean count")
    axis.set_ylim(bottom=0)
    axis.legend()
    return figure, shown
