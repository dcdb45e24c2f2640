"""Which runs the registered claims of a study compare, and which show its regime: what a registration freezes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from spl.errors import InputError
from spl.paper.claims import CLAIMS
from spl.paper.selection import exhibits
from spl.study.plan import Plan

# What the paths of runs differ in that are repetitions of one another.
OWN = re.compile(r"(?<=/)(?:fold|seed)\d+(?=/|$)")


def registered_tests(plan: Plan) -> dict[str, Any]:
    """What decides which numbers a test compares, beside the parameters of runs.

    Returns:
        nothing if the study has no table of claims, or cannot test what it registers; else ``runs``: by claim,
        experiment and method those that it compares, variant after variant, since a claim is about the first or the
        second; ``defaults`` of the settings that vary, by experiment; and ``gate``: the runs by which it measures the
        regime, or None.
    """
    try:
        table = exhibits(plan, plan.study.name)["claims"]
    except (KeyError, InputError):
        return {}
    given = table.parameter(plan, *table.experiments)
    registered = plan.study.registered.claims if plan.study.registered else []
    tested = {experiment for name in registered for experiment in CLAIMS[name].experiments}
    return {
        "runs": {name: _compared(plan, name) for name in registered},
        "defaults": {name: values for name, values in given["defaults"].items() if name in tested},
        "gate": given["gate"] and {
            "reference": _arms(given["gate"]["reference"]),
            "supervised": _arms(given["gate"]["supervised"]),
            "runs": {name: _arms(runs) for name, runs in given["gate"]["runs"].items() if name in tested},
        },
    }  # fmt: skip


def _compared(plan: Plan, name: str) -> dict[str, dict[str, list[str]]]:
    claim = CLAIMS[name]
    methods = [method for method in (claim.method, claim.against) if method]
    return {
        experiment: {
            method: _arms(path for path in plan.experiments[experiment] if plan.runs[path].method == method)
            for method in methods
        }
        for experiment in claim.experiments
    }


def _arms(paths: Iterable[str]) -> list[str]:
    """Runs, each with its repetitions once, in order."""
    return list(dict.fromkeys(OWN.sub("*", path) for path in paths))
