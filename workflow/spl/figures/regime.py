"""FixMatch's coverage, purity and error during training, against the limits of the regime (section 1)."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter

from spl.analysis.formats import percent
from spl.analysis.regime import LATE, measure_regime
from spl.analysis.run_files import file_of_run
from spl.figures.style import PAGE, Percent, mark_unknown, new_figure
from spl.study.appearance import BLACK, GREEN, GREY, ORANGE

PANELS = {"coverage": "coverage", "purity": "purity", "test_error": "error"}
# By the basin in which a run ended
BASINS: dict[str, tuple[str, Any]] = {"high": (BLACK, "-"), "low": (ORANGE, "--")}


def draw(parameter: Mapping[str, Any], inputs: list[Path]) -> tuple[Figure, pd.DataFrame]:
    """A line for each run of the baseline, by the basin in which it ended, and what the gate asks for.

    Args:
        parameter: the ``limits`` of the gate, and the paths of its ``reference`` and ``supervised`` runs.
        inputs: the summaries of the two experiments, and the metrics of their finished runs.

    Returns:
        the figure; a row for each run and step with the three measures, shares, and the basin in which the run ended.
    """
    done = pd.concat(map(pd.read_csv, inputs[:2])).dropna(subset="error_last").set_index("run")
    runs = done[done.index.isin(parameter["reference"])]
    supervised = done[done.index.isin(parameter["supervised"])]
    full, limits = supervised["error_last"].mean(), parameter["limits"]
    measured = measure_regime(runs.reset_index(), runs, supervised, inputs[2:])
    figure = new_figure(PAGE, 2.6, gap=0.06)
    panels = dict(zip(PANELS, figure.subplots(1, 3), strict=True))
    shown = []
    for run, basin in zip(runs.index.astype(str), runs["basin"], strict=True):
        metrics = pd.read_csv(file_of_run(inputs, run, "metrics.csv"))
        shown.append(metrics[["step", *PANELS]].assign(run=run, basin=basin))
        colour, line = BASINS[basin]
        for name, axis in panels.items():
            axis.plot(metrics["step"], metrics[name], color=colour, linestyle=line, linewidth=0.7, alpha=0.7)
    last = int(runs["last_step"].max()) if len(runs) else 1
    for name, axis in panels.items():
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
        axis.yaxis.set_major_formatter(Percent())
        axis.set_xlim(0, last)
        axis.set_ylim(0, 1.01 if name != "test_error" else None)
        axis.set(xlabel="iterations", ylabel=PANELS[name])
    mark_unknown(panels["purity"], (0, last))  # as with images without a class in the pool
    _region(panels["coverage"], LATE * last, last, limits["coverage"], 1)
    if pd.notna(full):
        _region(panels["test_error"], 0.9 * last, last, full, full + limits["distance"])
        panels["test_error"].axhline(full, color=GREY, linewidth=0.9, linestyle=":")
    panels["coverage"].set_title(
        f"last fifth: {percent(measured.coverage)} %; gate: ≥ {percent(limits['coverage'], 0)} %", fontsize=7
    )
    above = percent(measured.distance) if isfinite(measured.distance) else "–"
    panels["test_error"].set_title(f"distance: {above}; gate: ≤ {percent(limits['distance'])}", fontsize=7)
    figure.legend(handles=_legend(runs["basin"], limits["low_basin"]), loc="outside upper center", ncols=4)
    columns = ["run", "basin", "step", *PANELS]
    return figure, pd.concat(shown)[columns] if shown else pd.DataFrame(columns=columns)


def _region(axis: Axes, start: float, end: float, low: float, high: float) -> None:
    """What the gate asks for: these values between these steps."""
    axis.fill_between([start, end], low, high, color=GREEN, alpha=0.25, linewidth=0, zorder=0)


def _legend(basins: pd.Series[str], share: list[float]) -> list[Line2D | Patch]:
    asked = {"high": "", "low": f"; gate: {percent(share[0], 0)}–{percent(share[1], 0)} %"}
    counts = {basin: int((basins == basin).sum()) for basin in BASINS}
    lines: list[Line2D | Patch] = [
        Line2D(
            [], [], color=colour, linestyle=line, label=f"{basin} basin: {counts[basin]} of {len(basins)}{asked[basin]}"
        )
        for basin, (colour, line) in BASINS.items()
    ]
    regime = Patch(color=GREEN, alpha=0.25, linewidth=0, label="gate")
    return [*lines, Line2D([], [], color=GREY, linestyle=":", label="full supervision"), regime]
