"""The form of a declared equivalence in ``config/equivalent.yaml``, apart: most jobs need no model to check it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from spl.errors import InputError

Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Equivalence(BaseModel):
    """One declaration: results made by the ``old`` code of a subcommand are what the ``new`` code would make."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subcommand: Literal["data", "split", "train", "calibrate", "analyse", "figure", "table", "spreadsheet", "page"]
    old: Fingerprint
    new: Fingerprint
    reason: Annotated[str, Field(min_length=10)]


def checked(content: Any, origin: str) -> tuple[Equivalence, ...]:
    """Declarations from YAML.

    Args:
        content: a list of mappings.
        origin: names it in messages.

    Raises:
        InputError: it is no list of declarations, or one leads nowhere new.
    """
    try:
        found = TypeAdapter(tuple[Equivalence, ...]).validate_python(content)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "the file"
        raise InputError(f"{origin}: {where}: {problem['msg']}") from None
    for place, one in enumerate(found):
        if any(one.new in (other.old, other.new) for other in found[:place]) or one.new == one.old:
            raise InputError(f"{origin}: {place}.new: expected a fingerprint that is not declared before")
    return found
