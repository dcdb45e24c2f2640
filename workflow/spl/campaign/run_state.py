"""Whether a run of the plan is done: its results compared with its parameter."""

from __future__ import annotations

import json
from pathlib import Path

from spl.attempts.plain_file import read_plain
from spl.campaign.strict_json import parse_json

MOST, MOST_VALUES = 2**20, 2**14  # bytes of the parameters of a run, and values in them


def run_state(folder: Path, parameter: str) -> str:
    """Whether a run has results, and whether they belong to its present parameter.

    Args:
        folder: of the run.
        parameter: its canonical parameter.

    Returns:
        "done", "to do", or "stale" with the keys that changed.
    """
    try:
        trained = dict(parse_json(read_plain(folder / "parameters.json", MOST), MOST_VALUES))
    except (OSError, ValueError, TypeError, RecursionError):
        return "to do"
    planned = json.loads(parameter)
    changed = [key for key in planned if trained.get(key) != planned[key]]
    return f"stale ({', '.join(changed)} changed)" if changed else "done"
