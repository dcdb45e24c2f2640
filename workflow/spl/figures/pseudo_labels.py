"""Coverage and purity of the pseudo-labels during training (equation 5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from spl.analysis.arms import Arm, arms
from spl.analysis.formats import counted
from spl.analysis.run_files import file_of_run
from spl.figures.style import PAGE, Percent, line_of, look_of, mark_unknown, new_figure
from spl.text.mathtext import mathtext

MEASURED = ("coverage", "purity")


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """A line through the means over the runs of each method, and a band of one standard deviation around it.

    Lines of one method in several variants differ in style.

    Args:
        parameter: ``titles`` of the methods to draw.
        inputs: the experiment's summary, and the metrics of its finished runs.

    Returns:
        the figure; a row for each method and step with mean and standard deviation of both measures, shares, over its
        ``runs``.
    """
    figure = new_figure(PAGE, 2.8, gap=0.06)
    panels = figure.subplots(1, 2)
    shown, variants = [], Counter[str]()
    for arm in arms(pd.read_csv(inputs[0]), parameter["titles"]):
        if not len(arm.runs):
            continue
        over_runs = _over_runs(arm, inputs)
        shown.append(over_runs.reset_index().assign(method=arm.label))
        look = look_of(arm.method, parameter)
        line = line_of(look, variants[arm.method])
        variants[arm.method] += 1
        label = counted(mathtext(arm.label), len(arm.runs), len(arm.planned))
        for axis, name in zip(panels, MEASURED, strict=True):
            mean, std = over_runs[f"{name}_mean"], over_runs[f"{name}_std"]
            axis.fill_between(mean.index, mean - std, mean + std, color=look.colour, alpha=0.12, linewidth=0)
            marks: dict[str, Any] = {"marker": look.marker, "markersize": 3.5, "markevery": max(1, len(mean) // 7)}
            axis.plot(mean.index, mean, linestyle=line, color=look.colour, linewidth=1.1, label=label, **marks)
    for axis, name in zip(panels, MEASURED, strict=True):
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
        axis.yaxis.set_major_formatter(Percent())
        axis.set_xlim(left=0)
        axis.set_ylim(0, min(1.02, axis.get_ylim()[1]))  # no band reaches more than all
        axis.set(xlabel="iterations", ylabel=name)
    mark_unknown(panels[1], panels[0].get_xlim())  # as with images without a class in the pool
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    columns = ["method", "step", "runs", *(f"{name}_{what}" for name in MEASURED for what in ("mean", "std"))]
    return figure, pd.concat(shown)[columns]


def _over_runs(arm: Arm, inputs: list[Path]) -> pd.DataFrame:
    """Mean and standard deviation of both measures over the finished runs of an arm, by step."""
    metrics = pd.concat([pd.read_csv(file_of_run(inputs, run, "metrics.csv")) for run in arm.paths])
    by_step = metrics.groupby("step")
    measured = {f"{name}_{what}": getattr(by_step[name], what)() for name in MEASURED for what in ("mean", "std")}
    return pd.DataFrame(measured).assign(runs=by_step.size())
