"""The clone whose code runs: commands that are started in a clone with other code are refused."""

from __future__ import annotations

import os
from pathlib import Path

from spl.attempts.plain_file import read_plain
from spl.code import fingerprint
from spl.errors import InputError

PROJECT = fingerprint.PROJECT
CRATE = "ro-crate-metadata.json"  # in a folder that is one


def clone_around(started: Path) -> Path:
    """The clone of this project in which a command is started; outside of any, that of the code that runs.

    Args:
        started: folder of the command or of the Snakefile.
    """
    here = started.resolve()
    return next((place for place in (here, here.parent) if (place / "workflow/spl").is_dir()), PROJECT)


def check_clone(snakefile: Path) -> None:
    """Refuse a Snakefile whose clone is not that of the code that runs, as after a clone was copied or renamed.

    Args:
        snakefile: folder of the Snakefile.

    Raises:
        InputError: edits of this clone would have no effect; or Snakemake cannot work in a folder of this name.
    """
    if (clone := clone_around(snakefile)) != PROJECT:
        raise InputError(f"`spl` runs the code of {PROJECT}, not of {clone}; {how_to_use(clone)}")
    folder = str(snakefile.absolute())
    if "{" in folder or "}" in folder:
        raise InputError(f"{folder}: expected a folder without braces, which Snakemake takes for wildcards")


def check_code_here() -> None:
    """Refuse commands in a clone with other code than that which runs, by which they would judge its results.

    The code of a crate may be anybody's: an audit names each file that differs, and nobody should be told to run it.

    Raises:
        InputError: naming both; or something in the place of a module is no file, such as a pipe.
    """
    clone = clone_around(Path())
    if clone == PROJECT or os.path.lexists(clone / CRATE):
        return
    if _code_of(clone) != _code_of(PROJECT):
        raise InputError(
            f"`spl` runs the code of {PROJECT}, and that of {clone} differs; if you trust that, {how_to_use(clone)}"
        )


def _code_of(clone: Path) -> dict[Path, bytes]:
    package = clone / "workflow/spl"
    modules = sorted(package.rglob("*.py"))
    if strange := [path for path in modules if not path.is_file()]:
        raise InputError(f"{strange[0]}: expected a file")
    return {path.relative_to(package): read_plain(path) for path in modules}


def how_to_use(clone: Path) -> str:
    """What makes the commands of an environment run the code of a clone."""
    return f"pip install --no-deps --editable {clone}, or export PYTHONPATH={clone}/workflow"
