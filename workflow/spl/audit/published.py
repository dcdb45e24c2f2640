"""Whether a study has the bytes that were published: the sha256 of each job's results, and of all of them.

A listing has one line for each job, its sha256 and its name, as ``sha256sum`` prints them. The digest of a study is the
sha256 of its listing, so that ``sha256sum`` of a published listing prints the published digest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from spl.attempts.plain_file import read_plain
from spl.campaign.job import Job
from spl.errors import InputError

DIGEST = re.compile("[0-9a-f]{64}")


def listing(jobs: Mapping[str, Job], sha256: Callable[[Path], str | None]) -> dict[str, str]:
    """The sha256 over the names and bytes of each job's results, by the job's name, in the order of the jobs.

    Files that quote circumstances from manifests are left out, and so are jobs of which a result is missing.

    Args:
        jobs: of a study, by name.
        sha256: of a file; None if it is missing.
    """
    contents = {name: {path.name: sha256(path) for path in job.reproducible} for name, job in jobs.items()}
    return {name: _of_job(files) for name, files in contents.items() if None not in files.values()}


def _of_job(files: Mapping[str, str | None]) -> str:
    return hashlib.sha256("".join(f"{content}  {name}\n" for name, content in files.items()).encode()).hexdigest()


def check_complete(jobs: Mapping[str, Job], listed: Mapping[str, str]) -> None:
    """Refuse a listing without some of the jobs.

    Raises:
        InputError: results of these are missing, or not files of the study.
    """
    for name in (name for name in jobs if name not in listed):
        absent = [path for path in jobs[name].outputs if not path.exists()]
        problem = f"{absent[0]}: missing" if absent else f"{name}: expected files"
        raise InputError(f"{problem}; the digest covers a whole study")


def as_text(listed: Mapping[str, str]) -> str:
    """A listing as it is published."""
    return "".join(f"{sha256}  {name}\n" for name, sha256 in listed.items())


def digest_of(listed: Mapping[str, str]) -> str:
    """The digest of a study: the sha256 of its listing."""
    return hashlib.sha256(as_text(listed).encode()).hexdigest()


def digest_or_listing(text: str) -> str | dict[str, str]:
    """A published digest as it is, or the published listing in a file.

    Raises:
        InputError: the text is neither; the file is no such listing.
    """
    return text if DIGEST.fullmatch(text) else read_listing(Path(text))


def read_listing(path: Path) -> dict[str, str]:
    """Read a published listing.

    Raises:
        InputError: it cannot be read, or is no such listing.
    """
    expected = f"{path}: expected lines of a sha256 and the name of a job, each once"
    try:
        lines = read_plain(path).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{expected}: {error}") from error
    listed = {}
    for number, line in enumerate(lines, 1):
        sha256, _, name = line.partition("  ")
        if not (DIGEST.fullmatch(sha256) and name.isprintable() and name) or name in listed:
            raise InputError(f"{expected}: line {number}")
        listed[name] = sha256
    if not listed:
        raise InputError(f"{expected}: it is empty")
    return listed


def differences(jobs: Mapping[str, Job], here: Mapping[str, str], published: str | Mapping[str, str]) -> list[str]:
    """What is not as published, in lines for people: first the jobs where the differences begin.

    A difference begins where all inputs that other jobs made are as published. A list may be of some jobs alone, such
    as the runs; the others are not compared.

    Args:
        jobs: of the study, by name.
        here: their listing.
        published: their published listing, or its digest alone.

    Returns:
        No line if everything is as published.
    """
    if isinstance(published, str):
        if absent := [f"  {name}: missing here" for name in jobs if name not in here]:
            return absent
        unknown = "  some results; the published list, from `spl digest --jobs`, would tell which"
        return [] if digest_of(here) == published else [unknown]
    names = [name for name in jobs if name in published and here.get(name) != published[name]]
    makers = {path for name in names for path in jobs[name].outputs}
    first = [name for name in names if not makers & set(jobs[name].inputs)]
    lines = [f"  {name}{'' if name in here else ': missing here'}" for name in first]
    if following := len(names) - len(first):
        lines.append(f"  and {following} more that depend on {'it' if len(first) == 1 else 'them'}")
    lines += [f"  {name}: published, but not a job of this study" for name in published if name not in jobs]
    return lines


def agreement(against: str, jobs: Mapping[str, Job], published: str | Mapping[str, str]) -> str:
    """That results are as published in ``against``, and of how many jobs, where the list is not of all."""
    listed = len(jobs) if isinstance(published, str) else len(jobs.keys() & published.keys())
    some = "" if listed == len(jobs) else f", which has {listed} of the {len(jobs)} jobs"
    return f"the same bytes as published in {against}{some}"
