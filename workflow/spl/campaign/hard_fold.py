"""The fold that some experiments presuppose: the one where FixMatch's error is largest, known after a first stage."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from spl.analysis.predictions import read_predictions
from spl.analysis.summary import summarise_run
from spl.study.checks import BASELINE
from spl.study.plan import Plan

# The experiment that shows which fold is hard, and those that use this fold alone.
FIRST_STAGE = "scarce-labels"
ON_HARD_FOLD = ("initial-condition", "factor-as-loss")


def hard_fold_message(plan: Plan, results: Path, done: Collection[str]) -> str:
    """Whether the experiments on FixMatch's worst fold use that fold.

    Args:
        plan: of the study.
        results: folder of the study.
        done: paths of the runs that are done.

    Returns:
        a line for the user; "" if the study lacks these experiments, if its first stage has no FixMatch, or if it is
        registered, so that no fold may be chosen by its outcome.
    """
    used = {name: plan.study.experiments[name].folds for name in ON_HARD_FOLD if name in plan.experiments}
    runs = [run for path in plan.experiments.get(FIRST_STAGE, []) if (run := plan.runs[path]).method == BASELINE]
    if not used or not runs or plan.study.registered:
        return ""
    uses = ", ".join(f"{name} uses {' and '.join(map(str, folds))}" for name, folds in used.items())
    if not {run.path for run in runs} <= set(done):
        return f"FixMatch's worst fold is known when its runs of {FIRST_STAGE} are done; {uses}."
    basins = plan.study.basins.model_dump()
    ends = pd.DataFrame([{"fold": run.fold, **_end(results / "runs" / run.path, basins)} for run in runs])
    errors = ends.groupby("fold")["error_last"].mean()
    worst = errors.idxmax()
    basin = " and ".join(sorted(set(ends.loc[ends["fold"] == worst, "basin"])))
    advice = "" if all(folds == [worst] for folds in used.values()) else f": set their folds to [{worst}]"
    return f"FixMatch's worst fold is {worst} (error {100 * errors.max():.2f} %, {basin} basin); {uses}{advice}."


def _end(folder: Path, basins: dict[str, float]) -> dict[str, object]:
    predictions = read_predictions(folder / "predictions.safetensors")
    end = summarise_run(pd.read_csv(folder / "metrics.csv"), predictions, basins)
    return {name: end[name] for name in ("error_last", "basin")}
