"""How the values of a job's parameter, or of a registration, differ from those on record: in lines for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

ABSENT = object()
SHOWN = 60  # characters of a value
BEFORE = 20  # of these, before the first one that differs


def changed_values(present: Any, recorded: Any, key: str = "") -> Iterator[str]:
    """A line for each key of a parameter whose value differs, with both values; for each element of a long list."""
    if isinstance(present, dict) and isinstance(recorded, dict):
        for name in sorted(present.keys() | recorded.keys()):
            if key or name != "code":
                inner = f"{key}.{name}" if key else name
                yield from changed_values(present.get(name, ABSENT), recorded.get(name, ABSENT), inner)
        return
    texts = _text(recorded), _text(present)
    if texts[0] == texts[1]:  # true, 1 and 1.0 are three values
        return
    if isinstance(present, list) and isinstance(recorded, list) and max(map(len, texts)) > SHOWN:
        yield from _changed_elements(_elements(present), _elements(recorded), key)
    else:
        yield f"{key}: {' became '.join(_around_difference(*texts))}"


def _changed_elements(present: Mapping[str, Any], recorded: Mapping[str, Any], key: str) -> Iterator[str]:
    """A line for each difference of the elements of two lists, at least one."""
    lines = [f"{key}: {_cut(name)} is gone" for name in recorded if name not in present]
    lines += [f"{key}: {_cut(name)} is new" for name in present if name not in recorded]
    for name in (name for name in present if name in recorded):
        lines += changed_values(present[name], recorded[name], f"{key}.{name}")
    yield from lines or [f"{key}: the same elements, in another order or number"]


def _elements(values: list[Any]) -> dict[str, Any]:
    """The elements of a list by name."""
    return {_element_name(value, place): value for place, value in enumerate(values)}


def _element_name(value: Any, place: int) -> str:
    """The name of an element; its place if it has none but consists of others, else itself."""
    if isinstance(value, dict):
        return str(value.get("name", place))
    return str(place) if isinstance(value, list) else _text(value)


def _text(value: Any) -> str:
    return "unset" if value is ABSENT else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _around_difference(first: str, second: str) -> tuple[str, str]:
    """Two texts as far as there is room for them: both from shortly before they differ, if one is long."""
    if max(len(first), len(second)) <= SHOWN:
        return first, second
    same = next((place for place, (one, other) in enumerate(zip(first, second, strict=False)) if one != other), SHOWN)
    start = max(0, same - BEFORE)
    return _cut(first, start), _cut(second, start)


def _cut(text: str, start: int = 0) -> str:
    shown = f"...{text[start:]}" if start else text
    return shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 3]}..."
