"""What the jobs of a study stated last: the ledger that vouches for results when they are sealed.

Each job notes the digest of its statement in a file of its own, ``campaign/made/<its manifest>.sha256``, since jobs on
several nodes cannot safely append to one file on a network file system.
"""

from __future__ import annotations

from pathlib import Path

from spl.attempts.plain_file import read_plain
from spl.campaign.job import Job
from spl.campaign.plan_file import FOLDER
from spl.provenance.files import write_whole

MADE = Path(FOLDER, "made")


def note_statement(job: Job, stated: str) -> None:
    """Note what a job states, before it writes its manifest; not of a job that writes outside its study."""
    if (results := job.results) is not None:
        note = _note(results, str(job.manifest.relative_to(results)))
        note.parent.mkdir(parents=True, exist_ok=True)
        write_whole(note, f"{stated}\n")


def noted_statement(results: Path, manifest: str) -> str | None:
    """The statement that a job last noted for a manifest, by its path below the study's folder; None without a note."""
    try:
        return read_plain(_note(results, manifest)).decode().strip()
    except (OSError, UnicodeDecodeError):
        return None


def _note(results: Path, manifest: str) -> Path:
    return results / MADE / f"{manifest}.sha256"  # no manifest itself, by its name
