"""Tables of labels that are added to finished runs: errors, and predictions that are corrected or kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.additions import CHANGES, AddedLabels, read_additions, with_change
from spl.analysis.arms import by_run
from spl.analysis.formats import counted, spread
from spl.analysis.statistics import summarise
from spl.tables.layout import Cell, Numbers, Table

# Arms whose predictions are compared with those before, and how the columns of theirs end.
CHANGED = {"after": "", "equal total steps": ", equal total steps"}


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """A row for each method and addition: the errors of all four runs, and what became of the predictions before.

    Arguments as :func:`spl.analysis.additions.read_additions`.
    """
    numbers = Numbers()
    printed = []
    for added in read_additions(parameter, inputs):
        full = len(added.after.planned)
        line: dict[str, str | Cell] = {"": row_name(added)}
        for name, arm in added.compared.items():
            what = {"method": added.method, "from": added.start, "to": added.end, "runs": name}
            numbers.of_runs(what, arm.runs)
            line[name] = numbers.errors(what, arm, full)["mean ± std"]
        for name, ending in CHANGED.items():
            for change in CHANGES:
                line[f"{change}{ending}"] = _changed(numbers, added, name, change)
        printed.append(line)
    return numbers.table(pd.DataFrame(printed))


def row_name(added: AddedLabels) -> str:
    """Method and numbers of labels: "FixMatch, 20 → 40"."""
    return f"{added.method}, {added.start} → {added.end}"


def _changed(numbers: Numbers, added: AddedLabels, name: str, change: str) -> Cell:
    """Add the shares of corrected or kept predictions, run by run, and return their mean as printed."""
    arm = with_change(added.compared[name], change)
    what = {"method": added.method, "from": added.start, "to": added.end, "runs": name}
    before = added.before.planned["run"].loc[arm.runs.index]
    for (fold, seed), share in by_run(arm.runs, change).items():
        runs = [before[fold, seed], arm.runs["run"][fold, seed]]
        numbers.computed({**what, "fold": fold, "seed": seed}, {change: share}, runs)
    shares = summarise(arm.values(change))
    values = {f"{change}_mean": shares.mean, f"{change}_std": shares.std}
    lines = numbers.computed(what, values, [*before, *arm.paths])
    return Cell(counted(spread(shares.mean, shares.std), shares.n, len(arm.planned)), lines[f"{change}_mean"])
