"""What stands in the place of a table whose experiment has no runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.tables.layout import Table


def build(parameter: Mapping[str, Any], inputs: list[Path]) -> Table:
    """One cell, ``parameter["reason"]``; reads no inputs."""
    reason = pd.DataFrame({"not run": [parameter["reason"]]})
    return Table(reason, reason)
