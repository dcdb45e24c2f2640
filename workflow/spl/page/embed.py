"""Data in the page: what is read at once, and what a browser unpacks when it is asked for."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any


def embedded(content: Any) -> str:
    """JSON for a ``<script type="application/json">``, which nothing in it can end."""
    return _compact(content).replace("<", "\\u003c")


def packed(content: Any) -> str:
    """JSON, deflated, in base64."""
    return base64.b64encode(zlib.compress(_compact(content).encode(), 9)).decode()


def _compact(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
