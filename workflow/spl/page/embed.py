"""Data embedded in the page: JSON that the browser reads at once, and compressed JSON that it unpacks on demand."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any


def embedded(content: Any) -> str:
    """JSON for a ``<script type="application/json">``, escaped so that no content ends the element."""
    return _compact(content).replace("<", "\\u003c")


def packed(content: Any) -> str:
    """JSON, deflated, in base64."""
    return base64.b64encode(zlib.compress(_compact(content).encode(), 9)).decode()


def _compact(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
