"""The form of a declared equivalence in ``config/equivalent.yaml``, apart: most jobs need no model to check it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from spl.errors import InputError

# Bytes of all declarations, some thousands of them, which take seconds to read.
MOST = 2**20
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Equivalence(BaseModel):
    """One declaration: results made by the ``old`` code of a subcommand are what the ``new`` code would make."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subcommand: Literal["data", "split", "train", "calibrate", "analyse", "figure", "table", "spreadsheet", "page"]
    old: Fingerprint
    new: Fingerprint
    reason: Annotated[str, Field(min_length=10)]


def read_declarations(path: Path) -> tuple[Equivalence, ...]:
    """The declarations in a file, in order.

    Raises:
        InputError: it is a pipe, too large, or no list of declarations, or one leads nowhere new.
    """
    try:
        # Texts alone: nothing merges mappings into one another, or makes numbers of thousands of digits.
        content = yaml.load(_read(path).decode(), Loader=yaml.BaseLoader)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    return checked([] if content is None else content, str(path))


def _read(path: Path) -> bytes:
    if path.is_file():
        with path.open("rb") as file:
            if len(content := file.read(MOST + 1)) <= MOST:
                return content
    raise InputError(f"{path}: expected a file of at most {MOST:,} bytes")


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
        from spl.text.printable import brief  # no job loads it, since it is no part of what the job computes

        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "the file"
        raise InputError(f"{origin}: {brief(where)}: {problem['msg']}") from None
    before = set[str]()
    for place, one in enumerate(found):
        if one.new in before or one.new == one.old:
            raise InputError(f"{origin}: {place}.new: expected a fingerprint that is not declared before")
        before |= {one.old, one.new}
    return found
