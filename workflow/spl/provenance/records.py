"""What is on record of the trainings when the page is made: machine, times, and the digest of each manifest.

No part of what is reproducible. Manifests are no inputs of the page: they hold hosts and times, on which no result
depends. So the page keeps this apart, and a missing manifest stops nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spl.campaign.job import manifest_path
from spl.errors import InputError
from spl.provenance.files import digest
from spl.provenance.manifest import read_manifest


def records(runs: Iterable[str], folder: Path) -> dict[str, dict[str, Any]]:
    """The records of the runs whose manifest can be read, by path.

    Args:
        runs: paths below the folder.
        folder: that holds them.
    """
    found = ((run, _record(manifest_path(folder / run))) for run in runs)
    return {run: record for run, record in found if record}


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
        "commit": manifest.repository and manifest.repository.commit,
        "uncommitted changes, sha256": manifest.repository and manifest.repository.diff,
        **manifest.hardware.model_dump(exclude_unset=True),
    }
