"""The circumstances of a study's runs, in a script beside the page: machines, times and commits from the manifests.

No result depends on them. The page without them has the same bytes wherever the same results were computed. A script,
because a page that was opened as a file may read nothing else; it holds data alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_BEGIN = """\
// Circumstances of the runs on paper.html: machines, times and commits, quoted from their manifests.
// No result depends on them, and no seal covers them. The page works without this file.
window.circumstances = JSON.parse("""
_END = ");\n"


def circumstances_script(records: Mapping[str, Any]) -> str:
    """The script that hands records to the page, as ASCII."""
    return f"{_BEGIN}{json.dumps(json.dumps(records, allow_nan=False))}{_END}"


def read_circumstances(script: str) -> Any:
    """The records in a script, which is one of :func:`circumstances_script`: it can change nothing else on the page.

    Raises:
        ValueError: it holds more than data.
    """
    try:
        records = json.loads(json.loads(script.removeprefix(_BEGIN).removesuffix(_END)))
        if circumstances_script(records) == script:
            return records
    except (TypeError, ValueError, RecursionError):
        pass
    raise ValueError("expected a script that holds data alone")
