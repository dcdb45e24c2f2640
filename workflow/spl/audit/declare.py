"""Declare that changed code gives the same results, for the fingerprints in the manifests of finished jobs."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path

from spl.campaign.job import MANIFEST
from spl.code import equivalence
from spl.code.declarations import checked
from spl.code.subcommands import present_code
from spl.errors import InputError
from spl.provenance.files import files_below, write_whole
from spl.provenance.manifest import Manifest, read_manifest


def declare(subcommand: str, reason: str, results: Path) -> list[str]:
    """Declare the present code of a subcommand equivalent to the code behind its existing results.

    Appends one line to ``config/equivalent.yaml`` for each fingerprint that changed, such as a method's. Of several old
    fingerprints, the most frequent is declared equivalent; results of the others stay stale.

    Args:
        subcommand: of ``spl``.
        reason: why results would be the same.
        results: folder of all studies.

    Returns:
        the lines.

    Raises:
        InputError: the reason is too short, a manifest or the declarations cannot be read, or no code changed.
    """
    counts = defaultdict[str, Counter[str]](Counter)
    for path in sorted(path for path in files_below(results) if path.name.endswith(MANIFEST)):
        manifest = read_manifest(path)
        if manifest.subcommand == subcommand:
            with suppress(KeyError, FileNotFoundError):  # its method or figure no longer exists
                new = _present_code(path, manifest)
                counts[new][equivalence.representative(subcommand, manifest.code.fingerprint)] += 1
    lines = []
    for new, before in counts.items():
        old = before.most_common(1)[0][0]
        if old != equivalence.representative(subcommand, new):
            declaration = {"subcommand": subcommand, "old": old, "new": new, "reason": reason}
            lines += [f"- {json.dumps(item.model_dump())}" for item in checked([declaration], "--reason")]
    if not lines:
        raise InputError(f"{results}: no result of spl {subcommand} comes from other code than the present")
    declared = equivalence.DECLARED.read_text(encoding="utf-8") if equivalence.DECLARED.exists() else ""
    write_whole(equivalence.DECLARED, "\n".join([*declared.splitlines(), *lines, ""]))
    return lines


def _present_code(path: Path, manifest: Manifest) -> str:
    """The present code of a job; its manifest may be anybody's."""
    try:
        return present_code(manifest.subcommand, manifest.parameter)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
