"""JSON in which every program finds the same values, and differences between two such contents."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

# Bytes of any JSON: the largest, the description of ImageNet with the sha256 of each image, has 147 MB.
MOST_OF_JSON = 2**29
# Values in any JSON. Bytes alone bound no memory: `{},` takes 24 times its size once it is parsed, and no room in an
# archive. The description of ImageNet has 1.3 million values, that of a crate of 10,000 runs some four.
MOST_VALUES = 2**23


def check_values(text: str | bytes, most: int | None = None) -> None:
    """Refuse a text that may hold more values of JSON than anything that this program writes, before it is parsed.

    All but the first value of a text follow a comma or an opening bracket. Those within strings count, too.

    Args:
        text: of JSON.
        most: how many there may be; by default ``MOST_VALUES``.

    Raises:
        ValueError: there are more.
    """
    most = MOST_VALUES if most is None else most
    if isinstance(text, bytes):
        marks = text.count(b",") + text.count(b"[") + text.count(b"{")
    else:
        marks = text.count(",") + text.count("[") + text.count("{")
    if marks >= most:
        raise ValueError(f"expected at most {most:,} values")


def parse_json(text: str | bytes, most: int | None = None) -> Any:
    """The content of JSON that leaves no program a choice.

    Of a name that occurs twice in an object, some programs take the first value and some the last; numbers that are
    not finite are read by some programs alone.

    Args:
        text: bytes are UTF-8.
        most: as in :func:`check_values`.

    Raises:
        ValueError: it is no such JSON, or holds too many values.
    """
    check_values(text, most)
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
