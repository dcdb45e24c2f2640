"""Fingerprints of code that a person declared to be equivalent: what was made by one need not be made again.

``config/equivalent.yaml`` is a list of declarations, which ``spl equivalent`` writes::

    - { subcommand: train, old: 3f..., new: 9c..., reason: "a faster way to the same bits, compared on six runs" }
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from spl.code.fingerprint import PROJECT
from spl.errors import InputError

if TYPE_CHECKING:
    from spl.code.declarations import Equivalence

DECLARED = PROJECT / "config" / "equivalent.yaml"


@cache
def declared() -> tuple[Equivalence, ...]:
    """All declarations, in order; none without the file.

    Raises:
        InputError: the file is not a list of declarations, or one leads nowhere new.
    """
    if not DECLARED.exists():
        return ()
    import yaml  # each job comes here, and most projects declare nothing

    from spl.code.declarations import checked

    try:
        content = yaml.safe_load(DECLARED.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"{DECLARED}: not YAML: {' '.join(str(error).split())}") from None
    return checked([] if content is None else content, str(DECLARED))


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
