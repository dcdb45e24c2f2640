"""Lists of whole numbers in which a study may write 0-19 for 0, 1, ..., 19."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from spl.study.base import Integer

RANGE = r"^([0-9]{1,15})-([0-9]{1,15})$"
LONGEST, MOST = 1000, 10_000  # numbers in a range, and in a list


def _expand(value: Any) -> Any:
    """The list with all numbers of its ranges; a range alone is a list, too. Other mistakes are left to pydantic."""
    items = [value] if isinstance(value, str) and re.match(RANGE, value) else value
    if not isinstance(items, list):
        raise PydanticCustomError("numbers", "expected whole numbers, such as [0, 1] or 0-19")
    numbers = list(islice((number for item in items for number in _numbers(item)), MOST + 1))
    if len(numbers) > MOST:
        raise PydanticCustomError("numbers", "expected at most {most} numbers", {"most": MOST})
    return numbers


def _numbers(item: Any) -> Iterator[Any]:
    ends = re.match(RANGE, item) if isinstance(item, str) else None
    if ends is None:
        yield item
        return
    first, last = map(int, ends.groups())
    if not first <= last < first + LONGEST:
        raise PydanticCustomError(
            "range", "expected ranges that rise, of at most {longest} numbers", {"longest": LONGEST}
        )
    yield from range(first, last + 1)


def ranges(numbers: list[int]) -> str:
    """A list of whole numbers as a study may write it: "0-19, 24"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if run[1:] else f"{run[0]}" for run in runs)


_RANGE = {"type": "string", "pattern": RANGE}
_NUMBERS = {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "integer", "minimum": 0}, _RANGE]}}
WholeNumbers = Annotated[
    list[Annotated[Integer, Field(ge=0)]],
    Field(min_length=1),
    BeforeValidator(_expand),
    WithJsonSchema({"anyOf": [_RANGE, _NUMBERS]}),
]
