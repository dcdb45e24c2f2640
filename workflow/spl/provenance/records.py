"""Records of the training runs for the page: machine, times, and the digest of each manifest.

Manifests hold hosts and times, on which no result depends, so they are not inputs of the page. Its job writes the
records to a file of their own, ``paper.records.js``, and can do so without a manifest.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spl.campaign.job import manifest_path
from spl.errors import InputError
from spl.provenance.files import digest
from spl.provenance.manifest import read_manifest, resumptions


def records(runs: Iterable[str], folder: Path) -> dict[str, dict[str, Any]]:
    """The record of each run below a folder that has a readable manifest, by path."""
    return {run: record for run in runs if (record := _record(manifest_path(folder / run)))}


def _record(path: Path) -> dict[str, Any] | None:
    try:
        manifest = read_manifest(path)
        sha256 = digest(path)
    except (InputError, OSError):
        return None
    return {
        "manifest, sha256": sha256,
        "host": manifest.host,
        "SLURM job": manifest.slurm_job,
        "begun": manifest.begun,
        "ended": manifest.ended,
        "attempts": len(manifest.attempts),
        **({"resumed": "; ".join(lines)} if (lines := resumptions(manifest)) else {}),
        "commit": manifest.repository and manifest.repository.commit,
        "uncommitted changes, sha256": manifest.repository and manifest.repository.diff,
        **manifest.hardware.model_dump(exclude_unset=True),
    }
