"""The plan of a partial paper: what can be shown of a study while some of its runs are not done."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from spl.analysis.looks import Looks
from spl.campaign.parameters import run_parameter
from spl.campaign.run_state import run_state
from spl.study.plan import Plan

# Reason shown in place of a figure or table
NONE_DONE = "none of its runs is done"


def partial_plan(plan: Plan, results: Path) -> Plan:
    """The plan of the paper as far as its runs and calibrations are done.

    An experiment without a finished run is off; its figures and tables are replaced by a note. So is an experiment of a
    registered study between two looks, since its tables hold the tests that are to be made at looks alone.

    Args:
        plan: the plan of the whole study.
        results: folder of the study.
    """
    runs = {path for path in plan.runs if run_state(results / "runs" / path, run_parameter(plan, path)) != "done"}
    weights = {path for path in plan.calibrations if not (results / "calibration" / f"{path}.json").exists()}
    off = {name: NONE_DONE for name, planned in plan.experiments.items() if planned and runs.issuperset(planned)}
    off |= _between_looks(plan, runs)
    experiments = {name: [] if name in off else planned for name, planned in plan.experiments.items()}
    return replace(plan, experiments=experiments, off=plan.off | off, missing=frozenset(runs | weights), partial=True)


def _between_looks(plan: Plan, missing: Collection[str]) -> dict[str, str]:
    """The experiments of a registered study whose folds are no look, or not all done, each with the reason."""
    registered = plan.study.registered
    if registered is None:
        return {}
    looks = Looks(registered.looks, registered.levels)
    reason = f"between the registered looks, at {', '.join(map(str, looks.folds))} folds"
    return {
        name: reason
        for name in registered.experiments
        if looks.level(len(plan.study.experiments[name].folds)) is None
        or not set(plan.experiments.get(name, ())).isdisjoint(missing)
    }
