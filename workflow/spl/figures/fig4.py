"""Figure 4: deviation of the class frequencies of random labelled sets from uniform."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spl.data.splits import read_split
from spl.figures.style import COLUMN, from_zero, mark_partial, new_figure
from spl.study.appearance import BLUE, GREY, ORANGE

MEASURE = "normalised_std"


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """Standard deviation of the class counts divided by their mean, against the number of labels.

    The root of its expected square for uniform draws is sqrt(K - 1) / sqrt(n) for K classes: 3 / sqrt(n) for ten, a few
    per cent above its expectation. Means that missing runs may change are hollow.

    Args:
        parameter: not used.
        inputs: the split files, followed by the summary of the runs on them, if any. A fold had trouble converging if
            any of its runs ended in the low basin.
    """
    rows = []
    for path in (path for path in inputs if path.suffix == ".json"):
        counts = np.array(read_split(path).labelled_counts)
        expected = np.sqrt((len(counts) - 1) / counts.sum())
        split = "/".join(path.with_suffix("").parts[-3:])
        rows.append((split, int(counts.sum()), path.stem, counts.std() / counts.mean(), expected))
    shown = pd.DataFrame(rows, columns=["split", "labels", "fold", MEASURE, "expected"]).sort_values(["labels", "fold"])
    means = shown.groupby("labels")[[MEASURE]].mean()

    figure = new_figure(COLUMN, 2.7)
    axis = figure.subplots()
    dots: dict[str, Any] = {"linestyle": "", "alpha": 0.55, "markersize": 3, "markeredgewidth": 0}
    axis.plot(shown["labels"], shown[MEASURE], marker="o", color=BLUE, label="one fold", **dots)
    folds = shown["fold"].nunique()
    axis.plot(means[MEASURE], "-o", color=BLUE, markersize=3.5, label=f"mean of {folds} folds", zorder=3)
    if inputs[-1].suffix == ".csv":
        runs = pd.read_csv(inputs[-1])
        low, unknown = (
            shown["split"].isin(runs.loc[rows, "split"]) for rows in (runs["basin"] == "low", runs["basin"].isna())
        )
        shown["low_basin"] = low.mask(unknown & ~low)
        # Sizes where every fold converged leave a gap in the line.
        trouble = shown[low].groupby("labels")[MEASURE].mean().reindex(means.index)
        # Broad and behind the other line: the means coincide where all folds had trouble.
        label = "mean of those of which\nany run fell into the low basin"
        axis.plot(trouble, "-s", color=ORANGE, linewidth=3, markersize=6.5, label=label)
        mark_partial(axis, trouble[trouble.index.isin(shown.loc[unknown & ~low, "labels"])], ORANGE, "s", 6.5)
    classes = len(counts)
    label = f"expected, $\\sqrt{{{classes - 1}/n}}$" if classes != 10 else "expected, $3/\\sqrt{n}$"
    sizes = np.linspace(means.index.min(), means.index.max(), 200)
    axis.plot(sizes, np.sqrt((classes - 1) / sizes), "--", color=GREY, label=label)
    axis.set(xlabel="number of random labels $n$", ylabel="std of class counts / mean count")
    from_zero(axis)
    figure.legend(loc="outside upper center", ncols=2)
    return figure, shown.drop(columns="split")
