"""Whether this machine's processor has the instructions that a study asks for, before any job starts."""

from __future__ import annotations

from pathlib import Path

from spl.campaign.parameters import run_parameter
from spl.campaign.run_state import run_state
from spl.errors import InputError
from spl.study.plan import Plan
from spl.training.instructions import LEVELS, lacking


def check_processor(plan: Plan, results: Path) -> None:
    """Refuse a study whose open runs need instructions that this processor lacks.

    Args:
        plan: of the study.
        results: folder of the study; runs that are done need no processor.

    Raises:
        InputError: naming the setting and the missing instructions.
    """
    for level in LEVELS:
        missing = lacking(level)
        if missing and any(_needs(plan, path, level) and not _is_done(plan, path, results) for path in plan.runs):
            raise InputError(
                f"{plan.study.name}: instructions: {level}: expected a processor with {', '.join(missing)}; "
                "run the study elsewhere, or set training.instructions to a level that this processor has"
            )


def _needs(plan: Plan, path: str, level: str) -> bool:
    settings = plan.runs[path].settings
    return bool(settings["device"] == "cpu" and settings["instructions"] == level)


def _is_done(plan: Plan, path: str, results: Path) -> bool:
    return run_state(results / "runs" / path, run_parameter(plan, path)) == "done"
