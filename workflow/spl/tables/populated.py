"""The table of populated diagonal entries of the confusion matrix, per fold and number of labels (section 4.5.2)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import arms_by_size, by_run, run_names
from spl.analysis.formats import counted
from spl.analysis.statistics import summarise
from spl.tables.layout import Cell, Numbers, Table

COUNT = "populated_diagonal"


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Count the classes that each run recognises, as :func:`spl.analysis.collapse.populated_diagonal` does.

    A line for each method and fold, one for the method's mean over folds, and a column for each number of labels.

    Args:
        parameter: ``titles`` of the methods.
        inputs: the summary of an experiment with labelled sets of several sizes.
    """
    methods = arms_by_size(pd.read_csv(inputs[0]), parameter["titles"])
    names = run_names([arm for sizes in methods.values() for arm in sizes.values()])
    numbers = Numbers()
    columns: dict[int, dict[str, str | Cell]] = {}
    for method, sizes in methods.items():
        for labels, arm in sizes.items():
            what = {"method": method, "labels": labels}
            runs = arm.runs.astype({COUNT: int})
            single = numbers.of_runs(what, runs, COUNT)
            mean = summarise(runs[COUNT].to_numpy(float)).mean
            line = numbers.computed(what, {"n": len(runs), "mean": mean}, arm.paths)["mean"]
            counts = by_run(runs, COUNT)
            column = columns.setdefault(labels, {})
            for run, name in names.items():
                column[f"{method}, fold {name}"] = Cell(str(counts[run]), single[run]) if run in counts else "–"
            column[f"{method}, mean"] = Cell(counted(f"{mean:.2f}", len(runs), len(names)), line)
    rows = [f"{method}, {name}" for method in methods for name in (*map("fold {}".format, names.values()), "mean")]
    printed: dict[str, list[Any]] = {"labels": rows}
    printed |= {str(labels): [columns[labels].get(row, "–") for row in rows] for labels in sorted(columns)}
    return numbers.table(pd.DataFrame(printed))
