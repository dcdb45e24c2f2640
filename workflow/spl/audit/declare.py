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
from spl.provenance.ledger import noted_statement
from spl.provenance.manifest import Manifest, read_manifest, statement
from spl.provenance.seal import OUTSIDE


def declare(subcommand: str, reason: str, results: Path) -> list[str]:
    """Declare the present code of a subcommand equivalent to the code behind its existing results.

    Appends one line to ``config/equivalent.yaml`` for each fingerprint that changed, such as a method's. Of several old
    fingerprints, the most frequent is declared equivalent; results of the others stay stale. If jobs here noted what
    they made, only their results count, so that received ones have no say.

    Args:
        subcommand: of ``spl``.
        reason: why results would be the same.
        results: folder of all studies.

    Returns:
        the lines, and after each the folders of results that the old code is behind.

    Raises:
        InputError: the reason is too short, a manifest or the declarations cannot be read, or no code changed.
    """
    found, own = (defaultdict[str, list[tuple[str, str]]](list) for _ in range(2))
    for path in _manifests(results):
        manifest = read_manifest(path)
        if manifest.subcommand == subcommand:
            with suppress(KeyError, FileNotFoundError):  # its method or figure no longer exists
                new = _present_code(path, manifest)
                study, *below = path.relative_to(results).parts
                entry = equivalence.representative(subcommand, manifest.code.fingerprint), str(results / study)
                found[new].append(entry)
                if noted_statement(results / study, str(Path(*below))) == statement(manifest):
                    own[new].append(entry)
    lines, printed = [], []
    for new, entries in (found | own).items():
        old = Counter(code for code, _ in entries).most_common(1)[0][0]
        if old != equivalence.representative(subcommand, new):
            declaration = {"subcommand": subcommand, "old": old, "new": new, "reason": reason}
            lines += [f"- {json.dumps(item.model_dump())}" for item in checked([declaration], "--reason")]
            folders = Counter(folder for code, folder in found[new] if code == old)
            behind = ", ".join(f"{folder} ({number})" for folder, number in folders.items())
            printed += [lines[-1], f"  makes these results count as those of the present code: {behind}"]
    if not lines:
        raise InputError(f"{results}: no result of spl {subcommand} comes from other code than the present")
    declared = equivalence.DECLARED.read_text(encoding="utf-8") if equivalence.DECLARED.exists() else ""
    write_whole(equivalence.DECLARED, "\n".join([*declared.splitlines(), *lines, ""]))
    return printed


def _manifests(results: Path) -> list[Path]:
    """The manifests of all studies, but for what seals leave out and for links."""
    files = files_below(results, lambda folder: folder.parent.parent != results or folder.name not in OUTSIDE)
    return sorted(path for path in files if path.name.endswith(MANIFEST) and not path.is_symlink())


def _present_code(path: Path, manifest: Manifest) -> str:
    """The present code of a job; its manifest may be anybody's."""
    try:
        return present_code(manifest.subcommand, manifest.parameter)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
