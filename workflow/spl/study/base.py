"""The base of all parts of a study: immutable models that refuse unknown keys, checked numbers and names."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Annotated, Any, NoReturn

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    model_validator,
)
from pydantic_core import PydanticCustomError


def _refuse_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("number", "expected a number, not yes/no")
    return value


def as_number(value: Any) -> Any:
    """A number that was read as text, as YAML reads 5e-3; everything else as it is."""
    if isinstance(value, str):
        with suppress(ValueError):
            return int(value) if value.isdigit() else float(value)
    return value


# The last of the validators before is called first.
Integer = Annotated[int, BeforeValidator(_refuse_boolean), BeforeValidator(as_number), Field(le=2**63 - 1)]
Number = Annotated[float, BeforeValidator(_refuse_boolean), BeforeValidator(as_number), Field(allow_inf_nan=False)]
SLUG = r"^[a-z0-9][a-z0-9-]*$"
Slug = Annotated[str, Field(pattern=SLUG, max_length=100)]  # names files


class Model(BaseModel):
    """A part of the study: immutable, without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="wrap")
    @classmethod
    def _name_unknown_keys(cls, data: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        if isinstance(data, Mapping):
            for key in data:
                if key not in cls.model_fields:
                    refuse_key(str(key), f"unknown key; {suggestion(str(key), cls.model_fields)}")
        return handler(data)


def refuse_key(key: str, hint: str) -> NoReturn:
    """Fail the validation of a model because of one dotted key; the hint says what was expected."""
    raise PydanticCustomError("unknown_key", "{hint}", {"key": key, "hint": hint})


def suggestion(name: str, known: Iterable[str]) -> str:
    """The known name that is closest to an unknown one, or else all of them."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean '{close[0]}'?" if close else f"expected one of {', '.join(names)}"


def no_duplicates(values: Iterable[Any]) -> Any:
    """Refuse a list of texts or numbers in which one stands twice."""
    values = list(values)
    for value, count in Counter(values).items():
        if count > 1:
            raise PydanticCustomError("twice", "{value} is listed twice", {"value": str(value)})
    return values
