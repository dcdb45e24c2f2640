"""JSON in which every program finds the same values, and differences between two such contents."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any


def parse_json(text: str | bytes) -> Any:
    """The content of JSON that leaves no program a choice.

    Of a name that occurs twice in an object, some programs take the first value and some the last; numbers that are
    not finite are read by some programs alone.

    Args:
        text: bytes are UTF-8.

    Raises:
        ValueError: it is no such JSON.
    """
    try:
        return json.loads(
            text.decode() if isinstance(text, bytes) else text,
            object_pairs_hook=_distinct,
            parse_constant=_finite,
            parse_float=_finite,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(content := dict(pairs)) < len(pairs):
        counted = Counter(name for name, _ in pairs)  # not pair by pair: somebody may give a million names
        twice = next(name for name, count in counted.items() if count > 1)
        raise ValueError(f"it has the name {twice!r} twice")
    return content


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text}: expected a finite number")
    return value


def json_differences(first: Any, second: Any, key: str = "") -> Iterator[tuple[str, str, str]]:
    """Each key at which two contents differ, with both values as JSON: true, 1 and 1.0 are three values."""
    if _text(first) == _text(second):
        return
    if isinstance(first, dict) and isinstance(second, dict):
        for name in sorted(first.keys() | second.keys()):
            inner = f"{key}.{name}" if key else name
            yield from json_differences(first.get(name, NOTHING), second.get(name, NOTHING), inner)
    else:
        yield key, _text(first), _text(second)


NOTHING = object()


def _text(value: Any) -> str:
    return "nothing" if value is NOTHING else json.dumps(value, ensure_ascii=False, sort_keys=True)
