"""The table of populated diagonal entries of the confusion matrix, per fold and number of labels (section 4.5.2)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spl.analysis.arms import arms_by_size, run_names
from spl.analysis.formats import counted
from spl.analysis.statistics import summarise
from spl.tables.layout import Row, Table, long, number_rows, run_rows


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Count the classes that each run finds again, as :func:`spl.analysis.confusion.populated_diagonal` does.

    A line for each method and fold and one for the method's mean over them, a column for each number of labels.

    Args:
        parameter: ``titles`` of the methods.
        inputs: the summary of an experiment with labelled sets of several sizes.
    """
    methods = arms_by_size(pd.read_csv(inputs[0]), parameter["titles"])
    names = run_names([arm for sizes in methods.values() for arm in sizes.values()])
    below = [*(f"fold {name}" for name in names.values()), "mean"]
    columns: dict[int, dict[str, str]] = {}
    tidy: list[Row] = []
    for method, sizes in methods.items():
        for labels, arm in sizes.items():
            counts = {run: int(count) for run, count in arm.of("populated_diagonal").items()}
            mean = summarise(np.array(list(counts.values()))).mean
            cells = [str(counts.get(run, "–")) for run in names] + [counted(f"{mean:.2f}", len(counts), len(names))]
            lines = {f"{method}, {name}": cell for name, cell in zip(below, cells, strict=True)}
            columns.setdefault(labels, {}).update(lines)
            of = {"method": method, "labels": labels}
            tidy += run_rows(of, counts, "populated_diagonal") + number_rows(of, {"n": len(counts), "mean": mean})
    printed = pd.DataFrame(columns, [f"{method}, {name}" for method in methods for name in below], sorted(columns))
    return Table(long(tidy), printed.fillna("–").rename(columns=str).rename_axis("labels").reset_index())
