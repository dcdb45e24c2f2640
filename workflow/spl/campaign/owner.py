"""Whose results a folder holds: two studies of one name must not overwrite each other.

Snakemake would train the runs that differ again, and their files would replace the other study's.
"""

from __future__ import annotations

import os
from pathlib import Path

from spl.attempts.plain_file import read_plain, write_note
from spl.campaign.plan_file import FOLDER
from spl.errors import InputError
from spl.study.reading import MOST_OF_STUDY, read_yaml

RECORD = "study-file"  # below FOLDER: the path of the file from which these results are made


def check_owner(study: Path, results: Path) -> None:
    """Refuse a study file in whose folder of results another one has been at work.

    A file that was moved or renamed, or an exact copy, goes on where the first one was.

    Args:
        study: file of the study.
        results: folder named by the study.

    Raises:
        InputError: naming both files and how to go on.
    """
    other = _owner(results)
    if other is None or _same(other, study):
        return
    try:
        content = read_yaml(other)
    except InputError:
        return  # it makes no results any more
    if content.get("name") == results.name and content != read_yaml(study):
        raise InputError(
            f"{study}: name: {results.name} is taken: {results} holds the results of {other}; expected another name in "
            "one of the two files"
        )


def record_owner(study: Path, results: Path) -> None:
    """Remember the file from which the results in a folder are made; :func:`check_owner` first.

    An exact copy does not take a folder over from a file that is still there.
    """
    if (other := _owner(results)) is None or not _same_content(other, study):
        write_note(results / FOLDER / RECORD, os.fsencode(study) + b"\n")


def _owner(results: Path) -> Path | None:
    """The file on record, if it is there and can be a study."""
    try:
        other = Path(os.fsdecode(read_plain(results / FOLDER / RECORD).removesuffix(b"\n")))
        read_plain(other, MOST_OF_STUDY)
        return other
    except OSError:  # no record, or one that no path is as long as
        return None


def _same(first: Path, second: Path) -> bool:
    return first.is_file() and second.is_file() and first.samefile(second)


def _same_content(first: Path, second: Path) -> bool:
    """Whether two files are one study; the record may name anything, which is none if it cannot be read as a study."""
    try:
        return read_plain(first, MOST_OF_STUDY) == read_plain(second, MOST_OF_STUDY)
    except OSError:
        return False
