"""What there is of a study whose trainings are not all done: a plan that does without the rest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from spl.campaign.parameters import run_parameter
from spl.study.plan import Plan

NONE_DONE = "none of its runs is done"


def run_state(folder: Path, parameter: str) -> str:
    """Whether a run has results, and whether they are those of its present parameter.

    Args:
        folder: of the run.
        parameter: its canonical parameter.

    Returns:
        "done", "to do", or "stale" with the keys that changed.
    """
    try:
        recorded = dict(json.loads((folder / "parameters.json").read_text()))
    except (OSError, ValueError, TypeError, RecursionError):
        return "to do"
    planned = json.loads(parameter)
    changed = [key for key in planned if recorded.get(key) != planned[key]]
    return f"stale ({', '.join(changed)} changed)" if changed else "done"


def partial_plan(plan: Plan, results: Path) -> Plan:
    """The plan of the paper that can be shown now, from the runs and calibrations that are done.

    An experiment of which no run is done is off; what it would show says so.

    Args:
        plan: of the whole study.
        results: folder of the study.
    """
    runs = {path for path in plan.runs if run_state(results / "runs" / path, run_parameter(plan, path)) != "done"}
    weights = {path for path in plan.calibrations if not (results / "calibration" / f"{path}.json").exists()}
    off = {name: NONE_DONE for name, planned in plan.experiments.items() if planned and runs.issuperset(planned)}
    experiments = {name: [] if name in off else planned for name, planned in plan.experiments.items()}
    return replace(plan, experiments=experiments, off=plan.off | off, missing=frozenset(runs | weights), partial=True)
