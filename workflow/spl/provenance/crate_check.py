"""Whether a crate holds the files that it describes: the part of an audit that only a crate has.

The audit of the results does not look at what else lies in a crate: code outside of fingerprints, texts, the study.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from spl.campaign.strict_json import parse_json
from spl.errors import InputError
from spl.provenance.digests import digests
from spl.provenance.seal import OUTSIDE

METADATA = Path("ro-crate-metadata.json")
# Endings of what Python and pip leave in folders of code.
LEFT_BEHIND = ("__pycache__", ".egg-info")
# Files and folders that checking or repeating a crate leaves in it
OWN = (str(METADATA), ".snakemake", ".snakemake_timestamp", ".venv")


def crate_differences(results: Path) -> list[str] | None:
    """What differs between the present folder and its description as a crate, a line for each file.

    Args:
        results: folder of the study.

    Returns:
        None if the folder is no crate.

    Raises:
        InputError: the description cannot be read.
    """
    if not METADATA.is_file():
        return None
    described = _described()
    files = {str(path) for path in _files(Path(), results)}
    sha256 = digests(map(Path, sorted(files & described.keys())), results / "logs" / "digests.json", quick=False)
    changed = [str(path) for path, found in sha256.items() if found != described[str(path)]]
    return [
        *(f"{name}: not as {METADATA} describes it" for name in changed),
        *(f"{name}: described in {METADATA}, but missing" for name in sorted(described.keys() - files)),
        *(f"{name}: not described in {METADATA}" for name in sorted(files - described.keys())),
    ]


def _described() -> dict[str, str]:
    """The sha256 of each file, by path, that the description states."""
    try:
        entities = parse_json(METADATA.read_bytes())["@graph"]
        described = [(unquote(entity["@id"]), entity["sha256"]) for entity in entities if "sha256" in entity]
        if len(sha256 := dict(described)) < len(described):
            raise ValueError("a file has several entities")
        return sha256
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise InputError(f"{METADATA}: expected the description of a crate: {error}") from error


def _files(folder: Path, results: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.parts[0] in OWN or path.name.endswith(LEFT_BEHIND) or path in {results / name for name in OUTSIDE}:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path, results)
        else:
            yield path
