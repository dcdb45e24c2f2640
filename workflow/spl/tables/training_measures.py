"""Tables of measures of the pseudo-labels late in training: coverage and purity, flips and movements of weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import arms, gains, run_names
from spl.analysis.endpoints import late_means
from spl.analysis.run_files import file_of_run
from spl.analysis.statistics import corrected
from spl.tables.layout import Cell, Numbers, Table, gain_cells


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """Mean and standard deviation over the runs of each method, and the comparison with the baseline, run for run.

    Less is better in the comparison: a method gains if its measure is smaller than that of the baseline. The
    comparisons of each measure are one family. A run without a measure, such as the flips of one that visited no image
    twice, counts as a run that is not done.

    Args:
        parameter: ``titles`` of the methods; ``measures``, headings by column of the metrics; ``after``, the share of
            the steps after which evaluations count; optionally the key of the ``baseline``, without which nothing is
            compared.
        inputs: the experiment's summary, and the metrics of its finished runs.
    """
    measures, baseline = parameter["measures"], parameter.get("baseline")
    summary = pd.read_csv(inputs[0])
    measured = pd.DataFrame(
        [
            late_means(pd.read_csv(file_of_run(inputs, run, "metrics.csv")), parameter["after"], measures)
            for run in summary.dropna(subset="error_last")["run"]
        ],
        index=summary.dropna(subset="error_last").index,
    )
    numbers = Numbers()
    printed: dict[str, dict[str, str | Cell]] = {}
    for column, heading in measures.items():
        late = summary.assign(**{column: measured[column]})
        late["error_last"] = late["error_last"].where(late[column].notna())
        compared = arms(late, parameter["titles"])
        full = len(run_names(compared))
        comparisons = corrected(gains(compared, baseline, column)) if baseline else {}
        for arm in compared:
            what = {"method": arm.label, "endpoint": column}
            numbers.of_runs(what, arm.runs, column)
            line = printed.setdefault(arm.label, {"": arm.label})
            line[heading] = numbers.errors(what, arm, full, column=column)["mean ± std"]
            if arm.label in comparisons:
                gain = comparisons[arm.label]
                lines = numbers.compared(what, gain)
                line |= gain_cells(gain, lines, f"gain of the {heading}", f" of the {heading}", full)
    return numbers.table(pd.DataFrame(list(printed.values())).fillna(""))
