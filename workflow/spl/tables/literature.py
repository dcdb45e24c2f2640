"""Published error rates beside ours, and in what their protocol differs from ours."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import Arm
from spl.study.labels import TECHNICAL

COMPARABLE = TECHNICAL | {"network", "weight_decay"}
"""Settings that a variant may change and still be what was published: the network is matched, and has its decay."""
ERRORS = {
    "last": "error of the last checkpoint",
    "best": "error of the best checkpoint",
    "median of last 20": "median error of the last 20 checkpoints",
    "checkpoint unknown": "error of an unknown checkpoint",
}


class Published:
    """The published numbers for the arms of one experiment.

    Attributes:
        names: what to call each source whose numbers are shown, in the order given.
        note: a sentence for each source whose protocol is not ours, or why nothing is shown.
    """

    def __init__(self, parameter: Mapping[str, Any], summary: Path) -> None:
        """Find them.

        Args:
            parameter: of the table; ``published``, the rows to show (:func:`spl.paper.literature.matching`), and
                ``stands_in_for``, the data set whose published numbers are not shown because the runs only stand in
                for runs on it. Without the keys there is nothing to show.
            summary: file of the experiment's summary.
        """
        self._found = pd.DataFrame()
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
            self._found = _comparable(pd.read_csv(summary)).merge(theirs, on=["method", "labels", "network"])
            shown = set(self._found["origin"])
            self.names = [_name(origin) for origin in theirs["origin"].unique() if origin in shown]
            of_sources = [self._found[self._found["source"] == source] for source in theirs["source"].unique()]
            self.note = " ".join(filter(None, map(_difference, of_sources)))

    def numbers(self, arm: Arm, labels: int | None = None) -> dict[str, float]:
        """Mean and standard deviation for one arm, shares, by ``published_mean`` or ``published_std`` and their source.

        Args:
            arm: of the experiment.
            labels: in an experiment with labelled sets of several sizes, the number of labels.
        """
        return {
            f"published_{what}: {row['origin']}": row[f"error_{what}"] / 100
            for row in self._of(arm, labels)
            for what in ("mean", "std")
            if not pd.isna(row[f"error_{what}"])
        }

    def cells(self, arm: Arm, labels: int | None = None) -> dict[str, str]:
        """The same as printed, by those of :attr:`names` that have the arm; arguments as :meth:`numbers`."""
        return {_name(row["origin"]): _printed(row["error_mean"], row["error_std"]) for row in self._of(arm, labels)}

    def _of(self, arm: Arm, labels: int | None) -> list[dict[Hashable, Any]]:
        return [
            row
            for row in self._found.to_dict("records")
            if (row["method"], row["variant"]) == (arm.method, arm.variant) and labels in (None, row["labels"])
        ]


def _comparable(runs: pd.DataFrame) -> pd.DataFrame:
    """What there is to compare with: each method, variant, number of labels and network once."""
    runs = runs.assign(variant=runs["variant"].astype(object).fillna(""))
    changed = runs["variant"].map(lambda variant: {one.split("=")[0] for one in variant.split(",") if one})
    return runs.loc[changed.map(COMPARABLE.issuperset), ["method", "variant", "labels", "network"]].drop_duplicates()


def _name(origin: str) -> str:
    return f"published: {origin}"


def _printed(mean: float, std: float) -> str:
    return f"{mean:.2f}" if pd.isna(std) else f"{mean:.2f} ± {std:.2f}"


def _difference(rows: pd.DataFrame) -> str:
    """In what the numbers of one source are not ours, and what else there is to say of them."""
    checkpoints = [one for one in rows["checkpoint"].unique() if one != "last"]
    differing = [" and ".join(ERRORS[one] for one in checkpoints) + ", ours of the last"] if checkpoints else []
    said = "; ".join([*differing, *(note for note in rows["note"].unique() if note)])
    folds = " or ".join(f"{int(one)}" for one in rows["folds"].dropna().unique())
    return f"{rows['source'].iloc[0]}{f', {folds} folds' if folds else ''}: {said}." if said else ""
