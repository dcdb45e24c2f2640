"""Write down that changed code makes the same results: which fingerprints that concerns, finished jobs tell."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path

from spl.campaign.job import MANIFEST
from spl.code import equivalence
from spl.code.subcommands import present_code
from spl.errors import InputError
from spl.provenance.files import write_whole
from spl.provenance.manifest import read_manifest


def declare(subcommand: str, reason: str, results: Path) -> list[str]:
    """Declare the present code of a subcommand equivalent to the one that made what there is of its results.

    One line for each fingerprint that changed, a method's or a figure's: appended to ``config/equivalent.yaml``. Of
    several old ones the one that made the most counts; what others made stays stale.

    Args:
        subcommand: of ``spl``.
        reason: why results would be the same.
        results: folder of all studies.

    Returns:
        The lines.

    Raises:
        InputError: the reason is too short, a manifest or the file of declarations cannot be read, or nothing changed.
    """
    made = defaultdict[str, Counter[str]](Counter)
    for path in sorted(results.rglob(f"*{MANIFEST}")):
        manifest = read_manifest(path)
        if manifest.subcommand == subcommand:
            with suppress(KeyError, FileNotFoundError):  # its method or figure is no more
                new = present_code(subcommand, manifest.parameter)
                made[new][equivalence.representative(subcommand, manifest.code.fingerprint)] += 1
    lines = []
    for new, before in made.items():
        old = before.most_common(1)[0][0]
        if old != equivalence.representative(subcommand, new):
            one = equivalence.checked(
                [{"subcommand": subcommand, "old": old, "new": new, "reason": reason}], "--reason"
            )
            lines += [f"- {json.dumps(found.model_dump())}" for found in one]
    if not lines:
        raise InputError(f"{results}: nothing of spl {subcommand} was made by other code than the present")
    before_them = equivalence.DECLARED.read_text(encoding="utf-8") if equivalence.DECLARED.exists() else ""
    write_whole(equivalence.DECLARED, "\n".join([*before_them.splitlines(), *lines, ""]))
    return lines
