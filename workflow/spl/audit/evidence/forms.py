"""What the present code writes: whether a job ran it, and which names and metadata its files have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from spl.campaign.job import Job
from spl.campaign.strict_json import json_differences
from spl.code.equivalence import representative
from spl.provenance.manifest import Manifest


def ran_present_code(job: Job, manifest: Manifest) -> bool:
    """Whether a job ran the present code, so that it wrote what the present code writes."""
    return representative(job.subcommand, manifest.code.fingerprint) == str(job.content["code"])


def other_names(path: Path, names: Iterable[str], expected: Collection[str]) -> Iterator[str]:
    """A line if a file has other names than a job writes."""
    listed = list(names)
    if other := [name for name in listed if name not in expected]:
        yield f"{path}: it has {', '.join(other)}, which no job writes"
    if absent := [name for name in expected if name not in listed]:
        yield f"{path}: it has no {', '.join(absent)}"


def other_metadata(path: Path, found: Mapping[str, str], expected: Mapping[str, str]) -> Iterator[str]:
    """A line for each entry of a file's metadata that is not as a job writes it."""
    for name, mine, theirs in json_differences(found, expected):
        yield f"{path}: its metadata have {name} {mine}, a job writes {theirs}"
