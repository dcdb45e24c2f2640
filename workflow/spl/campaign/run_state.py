"""Whether a run of the plan is done: its results compared with its parameter."""

from __future__ import annotations

import json
from pathlib import Path

from spl.attempts.plain_file import read_plain


def run_state(folder: Path, parameter: str) -> str:
    """Whether a run has results, and whether they belong to its present parameter.

    Args:
        folder: of the run.
        parameter: its canonical parameter.

    Returns:
        "done", "to do", or "stale" with the keys that changed.
    """
    try:
        trained = dict(json.loads(read_plain(folder / "parameters.json")))
    except (OSError, ValueError, TypeError, RecursionError):
        return "to do"
    planned = json.loads(parameter)
    changed = [key for key in planned if trained.get(key) != planned[key]]
    return f"stale ({', '.join(changed)} changed)" if changed else "done"
