"""The table of collapsed classes: what the confusion matrices of every run of an experiment show."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import arm_labels
from spl.analysis.formats import percent
from spl.tables.layout import Cell, Table


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """When classes of each run collapsed, and until when; the run's basin, what it rests on, and its instability.

    Args:
        parameter: ``titles`` of the methods, the names of the ``classes``, and ``basins``, the limits of the study.
        inputs: the experiment's summary.
    """
    # Lists of classes are text, also where every run lists one class or none.
    summary = pd.read_csv(inputs[0], dtype=dict.fromkeys(("variant", *LISTS), str))
    summary = summary.fillna(dict.fromkeys(("variant", *LISTS), ""))
    labels, classes = arm_labels(summary, parameter["titles"]), parameter["classes"]
    tidy = summary[["run", "method", "variant", *WHICH, *LISTS, "basin", "unstable", *SHARES]]
    several = [name for name in WHICH if len(set(tidy[name])) > 1]
    printed = []
    for line, run in enumerate(tidy.to_dict("records")):
        texts = {name: str(run[name]) for name in several} | _outcome(run, classes)
        cells = {name: Cell(text, line) for name, text in texts.items()}
        printed.append({"": labels[run["method"], run["variant"]]} | cells)
    arms = [labels[method, variant] for method, variant in zip(tidy["method"], tidy["variant"], strict=True)]
    note = _other_limits(tidy.assign(arm=arms), parameter["basins"]["partly_collapsed"])
    return Table.traced(tidy, pd.DataFrame(printed), [(run,) for run in tidy["run"]], note=note, texts=TEXTS)


def _other_limits(runs: pd.DataFrame, limit: float) -> str:
    """How many runs of each arm have a smallest column below the limit of a partial collapse, or others near it."""
    limits = [one for change in (-NEARBY, 0, NEARBY) if 0 < (one := round(limit + change, 2)) <= 1]
    done = runs.dropna(subset="error_last")
    counts = [
        f"{arm}: {', '.join(str((columns < one).sum()) for one in limits)} of {len(columns)}"
        for arm, columns in done.groupby("arm", sort=False)["smallest_column"]
    ]
    if not counts:
        return ""
    return (
        f"Near the limit of a partial collapse, {percent(limit, 0)} %: runs whose smallest column is below "
        f"{', '.join(percent(one, 0) for one in limits)} %, whatever their recall. {'; '.join(counts)}."
    )


def _outcome(run: Mapping[Hashable, Any], classes: list[str]) -> dict[str, str]:
    """The printed results of a run; dashes if it is not done."""
    if pd.isna(run["error_last"]):
        return dict.fromkeys(OUTCOMES, "–") | {"basin": "not run"}
    cells = (
        run["basin"],
        _named(run["collapsed"], classes),
        _named(run["partly_collapsed"], classes),
        percent(run["smallest_column"]),
        percent(run["smallest_recall"]),
        _when(run["collapses"], classes),
        percent(run["error_last"] - run["error_best"], 2),
        "yes" if run["unstable"] else "no",
    )
    return dict(zip(OUTCOMES, cells, strict=True))


NEARBY = 0.1  # how far the other limits are from that of the study
WHICH = ("labels", "fold", "seed")
OUTCOMES = (
    *("basin", "collapsed at the end", "partly", "smallest column", "smallest recall", "collapsed in steps"),
    *("last − best error", "unstable"),
)
TEXTS = ("basin", "collapsed at the end", "partly", "collapsed in steps", "unstable")
SHARES = ("error_last", "error_best", "smallest_column", "smallest_recall")
LISTS = ("collapsed", "partly_collapsed", "collapses", "recovered")


def _named(numbers: str, classes: list[str]) -> str:
    return ", ".join(classes[int(number)] for number in numbers.split()) or "none"


def _when(collapses: str, classes: list[str]) -> str:
    """Collapses such as "2:1000-3000 5:9000-" (class 5 did not recover) in words, classes of one interval together."""
    sharing: dict[str, list[str]] = {}
    for number, steps in (collapse.split(":") for collapse in collapses.split()):
        sharing.setdefault(steps, []).append(classes[int(number)])
    return "; ".join(f"{_span(steps)}: {', '.join(names)}" for steps, names in sharing.items()) or "never"


def _span(steps: str) -> str:
    start, end = steps.split("-")
    return f"{int(start):,} to " + (f"{int(end):,}" if end else "the end")
