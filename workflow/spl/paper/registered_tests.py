"""Which runs the registered claims of a study compare, and which show its regime: what a registration freezes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from spl.errors import InputError
from spl.paper.claims import CLAIMS
from spl.paper.selection import exhibits
from spl.study.plan import Plan
from spl.study.ranges import ranges

# What the paths of runs differ in that are repetitions of one another.
OWN = re.compile(r"(?<=/)(?:fold|seed)\d+(?=/|$)")


def registered_tests(plan: Plan) -> dict[str, Any]:
    """What decides which numbers a test compares, beside the parameters of runs.

    Returns:
        nothing if the study has no table of claims, or cannot test what it registers; else ``runs``: by experiment and
        method those that claims compare, variant after variant, since a claim is about the first or the second;
        ``defaults`` of the settings that vary, by experiment; and ``gate``: the runs by which it measures the regime,
        with their folds and seeds, or None.
    """
    try:
        table = exhibits(plan, plan.study.name)["claims"]
    except (KeyError, InputError):
        return {}
    given = table.parameter(plan, *table.experiments)
    registered = plan.study.registered.claims if plan.study.registered else []
    tested = dict.fromkeys(experiment for name in registered for experiment in CLAIMS[name].experiments)
    gate = given["gate"] and {
        "reference": _repeated(plan, given["gate"]["reference"]),
        "supervised": _repeated(plan, given["gate"]["supervised"]),
        "runs": {name: _repeated(plan, runs) for name, runs in given["gate"]["runs"].items() if name in tested},
    }
    return {
        "runs": {name: _by_method(plan, name) for name in tested},
        "defaults": {name: given["defaults"][name] for name in tested},
        "gate": gate,
    }


def _by_method(plan: Plan, experiment: str) -> dict[str, list[str]]:
    paths = plan.experiments[experiment]
    methods = dict.fromkeys(plan.runs[path].method for path in paths)
    return {method: _arms(path for path in paths if plan.runs[path].method == method) for method in methods}


def _repeated(plan: Plan, paths: Sequence[str]) -> dict[str, dict[str, str]]:
    """The folds and seeds of each arm."""
    by_arm = {arm: [plan.runs[path] for path in paths if OWN.sub("*", path) == arm] for arm in _arms(paths)}
    return {
        arm: {
            "folds": ranges(list(dict.fromkeys(run.fold for run in runs))),
            "seeds": ranges(list(dict.fromkeys(run.seed for run in runs))),
        }
        for arm, runs in by_arm.items()
    }


def _arms(paths: Iterable[str]) -> list[str]:
    """Runs, each with its repetitions once, in order."""
    return list(dict.fromkeys(OWN.sub("*", path) for path in paths))
