"""One digest over all manifests of a study, and one over all its results.

The seal, ``ROOT.sha256``, is what catches data and manifest that were edited together: publish its sha256. It is a list
that ``sha256sum --check`` reads, too. The digest of the results is the same wherever the same bytes come out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spl.campaign.job import MANIFEST, Job
from spl.errors import InputError
from spl.provenance.files import digest, files_below, write_whole

ROOT_FILE = "ROOT.sha256"
OUTSIDE = ("logs", "checkpoints", "campaign", "partial", "crate")
"""Folders below ``results/<study>`` that hold no results, or that are vouched for in another way."""


@dataclass(frozen=True)
class Seal:
    """How the manifests of a study stand to its seal.

    Attributes:
        state: "intact"; "broken" if a manifest is not the sealed one; "foreign" if the seal is not the published one.
        digest: of the seal; "" if it is absent.
        changed: manifests that are not as they were sealed, or were not sealed.
    """

    state: Literal["intact", "broken", "absent", "foreign"]
    digest: str = ""
    changed: tuple[str, ...] = ()


def write_seal(results: Path) -> str:
    """Seal all manifests below a study's folder; returns the digest to publish.

    Raises:
        InputError: there are none, or one with a name that no list of lines can hold.
    """
    listing = _listing(results)
    if unprintable := [name for name in listing if not name.isprintable()]:
        raise InputError(f"{results}: {unprintable[0]!r}: expected no manifest of such a name; no job made it")
    if not listing:
        raise InputError(f"{results}: expected the results of a study, with manifests to seal")
    write_whole(results / ROOT_FILE, "".join(f"{found}  {path}\n" for path, found in listing.items()))
    return digest(results / ROOT_FILE)


def check_seal(results: Path, published: str | None = None) -> Seal:
    """Compare manifests with their seal, and the seal with the one that was published.

    Args:
        results: folder of the study.
        published: the digest that somebody else holds; None if nobody does.
    """
    path = results / ROOT_FILE
    if not path.is_file():
        return Seal("absent")
    try:
        content = path.read_bytes()
        lines = content.decode().removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError):
        return Seal("absent")
    found = hashlib.sha256(content).hexdigest()
    sealed = {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}
    present = _listing(results)
    changed = tuple(name for name in sorted(sealed.keys() | present.keys()) if sealed.get(name) != present.get(name))
    if published is not None and published != found:
        return Seal("foreign", found, changed)
    return Seal("broken" if changed else "intact", found, changed)


def results_digest(jobs: Iterable[Job], sha256: Callable[[Path], str | None], results: Path) -> str:
    """One sha256 over all results of a study, names below its folder and bytes; of no manifest, log or time.

    The page is left out: it quotes the machines and times that are on record of the runs.

    Raises:
        InputError: a result is not there.
    """
    reproducible = (job for job in jobs if job.subcommand != "page")
    files = sorted((str(path.relative_to(results)), path) for job in reproducible for path in job.outputs)
    lines = []
    for name, path in files:
        if (found := sha256(path)) is None:
            raise InputError(f"{path}: is not there; a digest is of a whole study")
        lines.append(f"{found}  {name}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _listing(results: Path) -> dict[str, str]:
    """The sha256 of each manifest, by its path below the study's folder."""
    paths = (path.relative_to(results) for path in sorted(files_below(results)) if path.name.endswith(MANIFEST))
    return {str(path): digest(results / path) for path in paths if path.parts[0] not in OUTSIDE}
