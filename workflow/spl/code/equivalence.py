"""Fingerprints of code that a person declared to be equivalent: what was made by one need not be made again.

``config/equivalent.yaml`` is a list of declarations, which ``spl equivalent`` writes::

    - { subcommand: train, old: 3f..., new: 9c..., reason: "a faster way to the same bits, compared on six runs" }
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from spl.code.fingerprint import PROJECT

if TYPE_CHECKING:
    from spl.code.declarations import Equivalence

DECLARED = PROJECT / "config" / "equivalent.yaml"


@cache
def declared() -> dict[tuple[str, str], Equivalence]:
    """All declarations by subcommand and new fingerprint, which no two of them share; none without the file.

    Raises:
        InputError: the file is not a list of declarations, or one leads nowhere new.
    """
    if not DECLARED.exists():
        return {}
    from spl.code.declarations import read_declarations  # each job comes here, and most projects declare nothing

    return {(one.subcommand, one.new): one for one in read_declarations(DECLARED)}


def representative(subcommand: str, fingerprint: str) -> str:
    """The oldest fingerprint that a fingerprint is declared equivalent to, itself if to none.

    It takes the fingerprint's place in the parameters of jobs, so that Snakemake sees no change.
    """
    for one in _on_the_way(subcommand, fingerprint):
        fingerprint = one.old
    return fingerprint


def reasons(subcommand: str, fingerprint: str) -> list[str]:
    """Why a fingerprint counts as its representative: the reasons on the way to it, the newest first."""
    return [one.reason for one in _on_the_way(subcommand, fingerprint)]


def _on_the_way(subcommand: str, fingerprint: str) -> Iterator[Equivalence]:
    """The declarations from a fingerprint to its representative; each leads to one that was declared before."""
    while one := declared().get((subcommand, fingerprint)):
        yield one
        fingerprint = one.old
