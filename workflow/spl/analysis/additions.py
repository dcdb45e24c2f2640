"""Labels that are added to finished runs: the error before and after, and which predictions are corrected or kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from spl.analysis.arms import Arm, arm_labels
from spl.analysis.predictions import Predictions, read_predictions
from spl.analysis.run_files import file_of_run

# What becomes of the test images that the run before classified wrongly, and rightly: shares that are right after.
CHANGES = ("corrected", "kept")
ROLES = ("before", "after", "equal_steps", "equal_total")


@dataclass(frozen=True, eq=False)
class AddedLabels:
    """All runs of a method around one addition of labels, each arm indexed by (fold, seed).

    Attributes:
        method: label of the method, with what tells its variant from the others.
        start: number of labels before.
        end: number of labels after.
        before: runs with fewer labels.
        after: runs that start from their final states. In all arms, the columns :data:`CHANGES` are relative to
            ``before``, NaN where one of the two runs is not done, or where there is no image to correct or to keep.
        equal_steps: runs from initial weights, with the labels and the steps of ``after``.
        equal_total: the same with as many steps as all runs of the chain up to ``after``.
    """

    method: str
    start: int
    end: int
    before: Arm
    after: Arm
    equal_steps: Arm
    equal_total: Arm

    @property
    def compared(self) -> dict[str, Arm]:
        """The arms by the name that tables print."""
        return {
            "before": self.before,
            "after": self.after,
            "equal steps": self.equal_steps,
            "equal total steps": self.equal_total,
        }


def read_additions(parameter: Mapping[str, Any], inputs: Sequence[Path]) -> list[AddedLabels]:
    """Group the runs of an experiment by method and addition, in the order of the study.

    Args:
        parameter: ``titles`` of the methods; ``additions``, each with paths of runs as
            :class:`spl.study.plan.Addition` names them.
        inputs: the experiment's summary, and the predictions of its finished runs.
    """
    summary = pd.read_csv(inputs[0]).set_index("run", drop=False)
    additions = parameter["additions"]
    firsts = summary.loc[list(dict.fromkeys(addition["first"] for addition in additions))]
    firsts = firsts.assign(variant=firsts["variant"].astype(object).fillna(""))
    labels = arm_labels(firsts, parameter["titles"])
    groups: dict[tuple[str, str, int, int], list[Mapping[str, str]]] = {}
    for addition in additions:
        method, variant = firsts.loc[addition["first"], ["method", "variant"]]
        sizes = (int(summary["labels"][addition[role]]) for role in ("before", "after"))
        groups.setdefault((method, variant, *sizes), []).append(addition)
    final = _FinalPredictions(summary, inputs)

    def arm(role: str, method: str, variant: str, group: list[Mapping[str, str]]) -> Arm:
        runs = summary.loc[[addition[role] for addition in group]]
        changes = pd.DataFrame([final.changes(addition["before"], addition[role]) for addition in group], runs.index)
        indexed = runs.join(changes.set_axis(CHANGES, axis="columns")).set_index(["fold", "seed"]).sort_index()
        return Arm(method, variant, labels[method, variant], indexed)

    return [
        AddedLabels(labels[method, variant], start, end, **{role: arm(role, method, variant, group) for role in ROLES})
        for (method, variant, start, end), group in groups.items()
    ]


class _FinalPredictions:
    """The last predictions of finished runs, each read once."""

    def __init__(self, summary: pd.DataFrame, inputs: Sequence[Path]) -> None:
        self._done = set(summary.dropna(subset="error_last")["run"])
        self._inputs = inputs
        self._read: dict[str, Predictions] = {}

    def changes(self, before: str, after: str) -> tuple[float, float]:
        """:func:`changed_predictions` between two runs; NaN if one of them is not done."""
        if not {before, after} <= self._done:
            return float("nan"), float("nan")
        return changed_predictions(self._of(before), self._of(after))

    def _of(self, run: str) -> Predictions:
        if run not in self._read:
            self._read[run] = read_predictions(file_of_run(self._inputs, run, "predictions.safetensors"))
        return self._read[run]


def changed_predictions(before: Predictions, after: Predictions) -> tuple[float, float]:
    """What the last evaluations of two runs say of the same test images.

    Returns:
        of the images that are wrong before, the share that is right after (corrected); of those that are right before,
        the share that still is (kept). NaN if there are none.
    """
    right_before, right_after = (one.predicted[-1] == one.true for one in (before, after))
    return (
        float(right_after[~right_before].mean()) if not right_before.all() else float("nan"),
        float(right_after[right_before].mean()) if right_before.any() else float("nan"),
    )


def with_change(arm: Arm, change: str) -> Arm:
    """The arm with only those runs as done whose share of changed predictions is known."""
    errors = arm.planned["error_last"].where(arm.planned[change].notna())
    return replace(arm, planned=arm.planned.assign(error_last=errors))
