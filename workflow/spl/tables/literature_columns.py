"""Columns of published error rates beside ours, with a note on how their protocol differs from ours."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import Arm
from spl.analysis.formats import counted, spread
from spl.analysis.statistics import summarise
from spl.study.labels import TECHNICAL
from spl.tables.layout import Cell, Numbers

# Settings in which a variant may differ from the published runs: the network is matched, and has its own decay.
COMPARABLE = TECHNICAL | {"network", "weight_decay"}
ERRORS = {
    "last": "error of the last checkpoint",
    "best": "error of the best checkpoint",
    "median of last 20": "median error of the last 20 checkpoints",
    "checkpoint unknown": "error of an unknown checkpoint",
}


class Published:
    """The published numbers for the arms of one experiment.

    Attributes:
        names: the printed name of each source whose numbers are shown, in the given order; behind the sources that
            correspond to certain folds of ours, the name of our mean over these.
        note: a sentence for each source whose protocol differs from ours, or the reason why nothing is shown.
    """

    def __init__(self, parameter: Mapping[str, Any], summary: Path, *references: Path) -> None:
        """Match published numbers to the arms.

        Args:
            parameter: of the table; ``published``, the rows to show, as
                :func:`spl.paper.literature.comparable_errors` selects them, and ``stands_in_for``, the data set whose
                published numbers are not shown because the runs only stand in for runs on it. Without these keys
                nothing is shown.
            summary: file of the experiment's summary.
            references: those of experiments for reference, whose runs are matched, too.
        """
        self._matches = pd.DataFrame()
        self.names: list[str] = []
        self.note = ""
        if parameter.get("stands_in_for"):
            dataset = pd.read_csv(summary)["dataset"].iloc[0]
            self.note = (
                f"Published error rates are not shown: runs on {dataset} stand in for {parameter['stands_in_for']}."
            )
        elif parameter.get("published"):
            theirs = pd.DataFrame(parameter["published"])
            theirs["origin"] = theirs["source"] + ", " + theirs["checkpoint"]
            runs = pd.concat([pd.read_csv(path) for path in (summary, *references)])
            self._matches = _comparable(runs).merge(theirs, on=["method", "labels", "network"])
            for origin in theirs["origin"].unique():
                matches = self._matches[self._matches["origin"] == origin]
                folds = [shown for shown in matches["folds"] if _corresponding(shown, set(runs["fold"]))]
                ours = [_name_of_ours(shown) for shown in folds]
                # Our mean stands once, behind the last source that it corresponds to.
                kept = [name for name in self.names if name not in ours]
                self.names = kept + list(dict.fromkeys([_name(origin)] * bool(len(matches)) + ours))
            of_sources = [self._matches[self._matches["source"] == source] for source in theirs["source"].unique()]
            self.note = " ".join(filter(None, map(_difference, of_sources)))

    def cells(
        self, numbers: Numbers, what: Mapping[str, Any], arm: Arm, labels: int | None = None
    ) -> dict[str, str | Cell]:
        """The printed numbers for one arm, by those of :attr:`names` that have the arm.

        Args:
            numbers: of the table; receives mean and standard deviation, shares, as ``published_mean`` or
                ``published_std`` with their source. No run is behind them.
            what: what they are of, as in :meth:`Numbers.computed`.
            arm: of the experiment.
            labels: in an experiment with labelled sets of several sizes, the number of labels.
        """
        cells: dict[str, str | Cell] = {}
        for row in self._matches.to_dict("records"):
            if (row["method"], row["variant"]) != (arm.method, arm.variant) or labels not in (None, row["labels"]):
                continue
            errors = {name: row[f"error_{name}"] for name in ("mean", "std") if not pd.isna(row[f"error_{name}"])}
            shares = {f"published_{name}: {row['origin']}": error / 100 for name, error in errors.items()}
            lines = numbers.computed(what, shares, ())
            text = _printed(row["error_mean"], row["error_std"])
            cells[_name(row["origin"])] = Cell(text, lines[f"published_mean: {row['origin']}"])
            folds = row["folds"]
            if _corresponding(folds, set(arm.planned.index.get_level_values("fold"))):
                cells[_name_of_ours(folds)] = _our_mean(numbers, what, arm, folds)
        return cells


def _comparable(runs: pd.DataFrame) -> pd.DataFrame:
    """The method, variant, number of labels and network of all runs that published ones may be compared with."""
    runs = runs.assign(variant=runs["variant"].astype(object).fillna(""))
    changed = runs["variant"].map(lambda variant: {part.split("=")[0] for part in variant.split(",") if part})
    return runs.loc[changed.map(COMPARABLE.issuperset), ["method", "variant", "labels", "network"]].drop_duplicates()


def _name(origin: str) -> str:
    return f"published: {origin}"


def _corresponding(folds: Any, ours: Collection[int]) -> bool:
    """Whether a published mean corresponds to certain folds, and we have all of them."""
    return isinstance(folds, list | tuple) and set(folds) <= set(ours)


def _name_of_ours(folds: Sequence[int]) -> str:
    return f"ours, folds {folds[0]}–{folds[-1]}"


def _our_mean(numbers: Numbers, what: Mapping[str, Any], arm: Arm, folds: Sequence[int]) -> Cell:
    """Mean and standard deviation of our last errors over some folds, added to the numbers."""
    planned, done = (runs[runs.index.isin(folds, level="fold")] for runs in (arm.planned, arm.runs))
    errors = summarise(done["error_last"].to_numpy())
    which = f"folds {folds[0]}-{folds[-1]}"
    lines = numbers.computed(what, {f"mean: {which}": errors.mean, f"std: {which}": errors.std}, done["run"])
    return Cell(counted(spread(errors.mean, errors.std), errors.n, len(planned)), lines[f"mean: {which}"])


def _printed(mean: float, std: float) -> str:
    return f"{mean:.2f}" if pd.isna(std) else f"{mean:.2f} ± {std:.2f}"


def _difference(rows: pd.DataFrame) -> str:
    """How the protocol of one source differs from ours, with its notes; empty if it does not."""
    checkpoints = [checkpoint for checkpoint in rows["checkpoint"].unique() if checkpoint != "last"]
    errors = " and ".join(ERRORS[checkpoint] for checkpoint in checkpoints)
    differences = [f"{errors}, ours of the last"] if checkpoints else []
    remarks = "; ".join([*differences, *(note for note in rows["note"].unique() if note)])
    folds = " or ".join(dict.fromkeys(map(_counted_folds, rows["folds"].dropna())))
    return f"{rows['source'].iloc[0]}{f', {folds}' if folds else ''}: {remarks}." if remarks else ""


def _counted_folds(folds: Any) -> str:
    """The number of folds of a published mean, and which of ours correspond to them."""
    if isinstance(folds, list | tuple):
        return f"{len(folds)} folds (our folds {folds[0]}–{folds[-1]} in section 4.1)"
    return f"{int(folds)} folds"
