"""Whether a crate holds the files that it describes: the part of an audit that only a crate has.

The audit of the results does not look at what else lies in a crate: code outside of fingerprints, texts, the study.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from spl.attempts.plain_file import MOST, read_plain
from spl.campaign.strict_json import MOST_OF_JSON, parse_json
from spl.errors import InputError
from spl.provenance.clone import CRATE
from spl.provenance.digests import digests
from spl.provenance.files import files_below

METADATA = Path(CRATE)
# Folders and files that checking or repeating a crate leaves in it; what lies there is not compared.
OWN = (".snakemake", ".snakemake_timestamp", ".venv")
NOTES = ("logs/agreed.json", "logs/digests.json")  # of audits, below the results
# From where Python imports in every process of Snakemake, also in one that computes nothing; no job of ours puts
# anything there.
DEPLOYED = Path(".snakemake/pip-deployments")
INSTALLED = Path("workflow/smooth_pseudo_labeling.egg-info")  # by pip
BYTECODE = "__pycache__"


def crate_differences(results: Path, hashed: Mapping[Path, str], written: Collection[Path] = ()) -> list[str] | None:
    """What differs between the present folder and its description as a crate, a line for each file.

    Args:
        results: folder of the study.
        hashed: the sha256 of files that need not be read once more.
        written: the results of jobs, which alone may be large.

    Returns:
        None if the folder is no crate.

    Raises:
        InputError: the description cannot be read.
    """
    if not os.path.lexists(METADATA):
        return None
    if METADATA.is_symlink() or not METADATA.is_file():
        raise InputError(f"{METADATA}: expected the description of a crate, found no file")
    described = _described()
    files = set(map(str, _places(results)[0])) - {str(METADATA)}
    # A crate has no links: what one leads to may differ from reader to reader.
    here = [Path(name) for name in sorted(files & described.keys()) if not Path(name).is_symlink()]
    # Somebody may have described any number of files of holes, which take no room in an archive, and hours to hash.
    by_jobs = {*hashed, *written}
    large = {str(path) for path in here if path not in by_jobs and path.stat().st_size > MOST}
    read = [path for path in here if path not in hashed and str(path) not in large]
    sha256 = {**hashed, **digests(read, results / "logs" / "digests.json", quick=False)}
    alike = {str(path) for path in here if str(path) not in large and sha256[path] == described[str(path)]}
    changed = sorted(files & described.keys() - alike - large)
    return [
        *(f"{name}: expected at most {MOST:,} bytes, as no job writes it" for name in sorted(large)),
        *(f"{name}: not as {METADATA} describes it" for name in changed),
        *(f"{name}: described in {METADATA}, but missing" for name in sorted(described.keys() - files)),
        *(f"{name}: not described in {METADATA}" for name in sorted(files - described.keys())),
        *([f"{DEPLOYED}: not described in {METADATA}, and Snakemake could run what lies there"] * _is_deployed()),
    ]


def may_run_what_differs(unlike: Sequence[str] | None) -> bool:
    """Whether commands that repair results could run what somebody put into a crate: anything beside its results.

    Args:
        unlike: a line for each difference, with the file first; None outside of a crate.
    """
    return any(not line.startswith("results/") for line in unlike or ())


def why_no_commands(unlike: Sequence[str] | None) -> str | None:
    """Why nobody should run the commands that would repair results here; None if nothing speaks against them.

    Args:
        unlike: as in :func:`may_run_what_differs`; None of a crate that was not compared.
    """
    if may_run_what_differs(unlike):
        return "they could run what differs here"
    if _is_deployed():
        return f"they could run what lies in {DEPLOYED}; look at it, and remove it"
    if unlike is None and os.path.lexists(METADATA):
        return "only an audit of the whole crate compares the code that they would run"
    return None


def _is_deployed() -> bool:
    return os.path.lexists(DEPLOYED)


def not_compared(results: Path) -> list[str]:
    """What else lies in a crate: what a check, an installation or jobs leave there, and anybody may have edited."""
    _, places = _places(results)
    bytecode = sum(path.name == BYTECODE for path in places)
    others = [str(path) for path in places if path.name != BYTECODE]
    return others + [f"{bytecode} folder{'s' * (bytecode > 1)} {BYTECODE}"] * bool(bytecode)


def _described() -> dict[str, str]:
    """The sha256 of each file, by path, that the description states; of what jobs read elsewhere, there is no file."""
    try:
        content = parse_json(read_plain(METADATA, MOST_OF_JSON))
        entities = [entity for entity in content["@graph"] if "sha256" in entity]
        files = [entity for entity in entities if not entity["@id"].startswith("#")]
        described = [(unquote(entity["@id"]), entity["sha256"]) for entity in files]
        if len(sha256 := dict(described)) < len(described):
            raise ValueError("a file has several entities")
        return sha256
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{METADATA}: expected the description of a crate: {error}") from error


def _places(results: Path) -> tuple[list[Path], list[Path]]:
    """All files, links among them, that are compared, and all files and folders that are not."""
    left_behind = list[Path]()

    def is_compared(path: Path) -> bool:
        if left := _is_left_behind(path, results):
            left_behind.append(path)
        return not left

    return [path for path in files_below(Path(), is_compared) if is_compared(path)], sorted(left_behind)


def _is_left_behind(path: Path, results: Path) -> bool:
    """Whether a path is one that Python, pip, Snakemake or an audit leaves in a crate."""
    if str(path) in OWN or path == INSTALLED:
        return True
    if path in [results / name for name in NOTES]:
        return path.is_file() and not path.is_symlink()
    # Bytecode alone, of modules beside it
    return path.name == BYTECODE and path.is_dir() and not path.is_symlink() and all(map(_is_bytecode, path.iterdir()))


def _is_bytecode(file: Path) -> bool:
    module = file.parents[1] / f"{file.name.partition('.')[0]}.py"
    return file.suffix == ".pyc" and file.is_file() and module.is_file()
