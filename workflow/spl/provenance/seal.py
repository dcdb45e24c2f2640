"""One digest over all manifests of a study.

The seal, ``ROOT.sha256``, reveals a result and its manifest that were edited together, provided that its sha256 was
published. ``sha256sum --check`` reads it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spl.campaign.job import MANIFEST
from spl.errors import InputError
from spl.provenance.files import digest, files_below, write_whole

ROOT_FILE = "ROOT.sha256"
# Folders below results/<study> that the seal leaves out: they hold no results, or copies of sealed results.
OUTSIDE = ("logs", "checkpoints", "campaign", "partial", "crate")


@dataclass(frozen=True)
class Seal:
    """The manifests of a study compared with its seal.

    Attributes:
        state: "intact"; "broken" if a manifest differs from the seal; "foreign" if the seal differs from the published
            one; "absent" without a readable seal.
        digest: sha256 of the seal; "" if it is absent.
        changed: manifests that were changed, added or removed since the study was sealed.
    """

    state: Literal["intact", "broken", "absent", "foreign"]
    digest: str = ""
    changed: tuple[str, ...] = ()


def write_seal(results: Path) -> str:
    """Seal all manifests below a study's folder; returns the digest to publish.

    Raises:
        InputError: there are no manifests, or one has a name with unprintable characters.
    """
    listing = _listing(results)
    if unprintable := [name for name in listing if not name.isprintable()]:
        raise InputError(f"{results}: {unprintable[0]!r}: expected only printable names of manifests")
    if not listing:
        raise InputError(f"{results}: expected the results of a study, with manifests to seal")
    write_whole(results / ROOT_FILE, "".join(f"{sha256}  {path}\n" for path, sha256 in listing.items()))
    return digest(results / ROOT_FILE)


def check_seal(results: Path, published: str | None = None) -> Seal:
    """Compare manifests with their seal, and the seal with the published one.

    Args:
        results: folder of the study.
        published: digest of the seal as published elsewhere; None if it was not published.
    """
    path = results / ROOT_FILE
    if not path.is_file():
        return Seal("absent")
    try:
        content = path.read_bytes()
        lines = content.decode().removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError):
        return Seal("absent")
    own = hashlib.sha256(content).hexdigest()
    sealed = {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}
    present = _listing(results)
    changed = tuple(name for name in sorted(sealed.keys() | present.keys()) if sealed.get(name) != present.get(name))
    if published is not None and published != own:
        return Seal("foreign", own, changed)
    return Seal("broken" if changed else "intact", own, changed)


def _listing(results: Path) -> dict[str, str]:
    """The sha256 of each manifest, by its path below the study's folder."""
    paths = (path.relative_to(results) for path in sorted(files_below(results)) if path.name.endswith(MANIFEST))
    return {str(path): digest(results / path) for path in paths if path.parts[0] not in OUTSIDE}
