"""How every benchmark here ends: one JSON object on standard output, or one line about a mistake and status 2."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from spl.errors import InputError


def report(measure: Callable[[], dict[str, Any]]) -> None:
    """Print what ``measure`` returns."""
    try:
        print(json.dumps(measure(), indent=1))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
