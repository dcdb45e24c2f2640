"""Fingerprints of code that a person declared to be equivalent: what was made by one need not be made again.

``config/equivalent.yaml`` is a list of declarations, which ``spl equivalent`` writes::

    - { subcommand: train, old: 3f..., new: 9c..., reason: "a faster way to the same bits, compared on six runs" }
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from spl.errors import InputError

DECLARED = Path(__file__).parents[3] / "config" / "equivalent.yaml"
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Equivalence(BaseModel):
    """One declaration: results made by the ``old`` code of a subcommand are what the ``new`` code would make."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subcommand: Literal["data", "split", "train", "calibrate", "analyse", "figure", "table", "spreadsheet", "page"]
    old: Fingerprint
    new: Fingerprint
    reason: Annotated[str, Field(min_length=10)]


@cache
def declared() -> tuple[Equivalence, ...]:
    """All declarations, in order; none without the file.

    Raises:
        InputError: the file is not a list of declarations, or one leads nowhere new.
    """
    if not DECLARED.exists():
        return ()
    import yaml  # each job comes here, and most projects declare nothing

    try:
        content = yaml.safe_load(DECLARED.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"{DECLARED}: not YAML: {' '.join(str(error).split())}") from None
    return checked([] if content is None else content, str(DECLARED))


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


def representative(subcommand: str, fingerprint: str) -> str:
    """The oldest fingerprint that a fingerprint is declared equivalent to, itself if to none.

    It takes the fingerprint's place in the parameters of jobs, so that Snakemake sees no change.
    """
    for one in reversed(declared()):
        if one.subcommand == subcommand and one.new == fingerprint:
            fingerprint = one.old
    return fingerprint


def reasons(subcommand: str, fingerprint: str) -> list[str]:
    """Why a fingerprint counts as its representative: the reasons on the way to it, the newest first."""
    found = []
    for one in reversed(declared()):
        if one.subcommand == subcommand and one.new == fingerprint:
            fingerprint = one.old
            found.append(one.reason)
    return found
