"""Whether a study has the bytes that were published: the sha256 of each job's results, and of all of them.

A listing has one line for each job, its sha256 and its name, as ``sha256sum`` prints them. The digest of a study is the
sha256 of its listing, so that ``sha256sum`` of a published listing prints the published digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from spl.campaign.job import Job
from spl.errors import InputError


def listing(jobs: Mapping[str, Job], sha256: Callable[[Path], str | None]) -> dict[str, str]:
    """The sha256 over the names and bytes of each job's results, by the job's name, in the order of the jobs.

    Files that quote circumstances from manifests are left out.

    Args:
        jobs: of a study, by name.
        sha256: of a file; None if it is missing.

    Raises:
        InputError: a result is missing.
    """
    return {name: _of_job(job, sha256) for name, job in jobs.items()}


def _of_job(job: Job, sha256: Callable[[Path], str | None]) -> str:
    lines = []
    for path in job.reproducible:
        if (content := sha256(path)) is None:
            raise InputError(f"{path}: missing; the digest covers a whole study")
        lines.append(f"{content}  {path.name}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def as_text(listed: Mapping[str, str]) -> str:
    """A listing as it is published."""
    return "".join(f"{sha256}  {name}\n" for name, sha256 in listed.items())


def digest_of(listed: Mapping[str, str]) -> str:
    """The digest of a study: the sha256 of its listing."""
    return hashlib.sha256(as_text(listed).encode()).hexdigest()


def read_listing(path: Path) -> dict[str, str]:
    """Read a published listing.

    Raises:
        InputError: it cannot be read, or is no such listing.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return {name: sha256 for sha256, name in (line.split("  ", 1) for line in lines)}
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected lines of a sha256 and the name of a job: {error}") from error


def differences(jobs: Mapping[str, Job], here: Mapping[str, str], published: Mapping[str, str]) -> list[str]:
    """What is not as published, in lines for people: first the jobs where the differences begin.

    A difference begins where all inputs that other jobs made are as published.

    Args:
        jobs: of the study, by name.
        here, published: their listings.

    Returns:
        No line if everything is as published.
    """
    names = [name for name, sha256 in here.items() if published.get(name) != sha256]
    makers = {path for name in names for path in jobs[name].outputs}
    first = [name for name in names if not makers & set(jobs[name].inputs)]
    absent = [name for name in published if name not in here]
    lines = [f"  {name}" for name in first]
    if following := len(names) - len(first):
        lines.append(f"  and {following} more that depend on {'it' if len(first) == 1 else 'them'}")
    return lines + [f"  {name}: published, but not a job of this study" for name in absent]
