"""What the page quotes from manifests: machine, times and digest of each run's, and the times of steps.

Manifests hold hosts and times, on which no result depends, so they are not inputs of the page. Its job writes the
quotations to a file of their own, ``paper.records.js``, and can do so without a manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from spl.attempts.journal import JOURNAL, read_attempts
from spl.campaign.job import manifest_path
from spl.campaign.strict_json import json_differences
from spl.errors import InputError
from spl.provenance.files import digest
from spl.provenance.manifest import Hardware, Manifest, read_manifest, resumptions
from spl.provenance.step_times import step_times

MANIFEST = "manifest, sha256"
TIMES = "step times"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"


class RunRecord(Hardware):
    """The record of a run, as :func:`_record` makes it."""

    manifest: str = Field(alias=MANIFEST, pattern="^[0-9a-f]{64}$")
    host: str
    slurm_job: str | None = Field(alias="SLURM job")
    begun: str = Field(pattern=f"^{TIME}$")
    ended: str = Field(pattern=f"^{TIME}$")
    attempts: int
    resumed: str = ""
    commit: str | None
    changes: str | None = Field(alias="uncommitted changes, sha256")


class StepTime(BaseModel):
    """The time of a step of a method, as :func:`spl.provenance.step_times.step_times` computes it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    method: str
    runs: int
    median: float
    least: float
    most: float


def quotations(parameter: Mapping[str, Any]) -> dict[str, Any]:
    """What a page quotes at present, given its parameter: a record of each run by path, and the times of steps."""
    trained, folder = parameter["trained"], Path("results") / parameter["study"] / "runs"
    times = step_times(trained, folder, parameter["methods"], parameter["method_settings"])
    return records(trained, folder) | {TIMES: times}


def misquotations(quoted: Mapping[str, Any], page: Manifest) -> Iterator[str]:
    """A line for whatever no job would have written into the file beside a page.

    Of a manifest that is still here, a record holds the same, and each manifest that was here before the page has a
    record of it. Where a run was repeated since, names and kinds of values are checked, and what its journal still has.

    Args:
        quoted: the content of the file.
        page: the manifest of its job.
    """
    parameter = page.parameter
    present = quotations(parameter)
    for run in quoted.keys() - {*parameter["trained"], TIMES}:
        yield f"{run}: no run of this page"
    times, unchanged = quoted[TIMES], True
    for run in parameter["trained"]:
        record, stated = quoted.get(run), present.get(run)
        if record is None:
            unchanged &= stated is None
            if stated and _is_older(stated, page):
                yield f"{run}: no record, although its manifest is older than the page"
            continue
        if stated and record.get(MANIFEST) == stated[MANIFEST]:
            for key, mine, theirs in json_differences(record, stated):
                yield f"{run}: {key} is {mine}, its manifest has {theirs}"
        else:
            unchanged = False
            if stated and _is_older(stated, page):
                yield f"{run}: the record is of another manifest than the one that is older than the page"
            yield from _unlike_journal(run, record, Path("results") / parameter["study"] / "checkpoints" / run)
        yield from _invalid(RunRecord, record, run)
    if unchanged:
        for key, mine, theirs in json_differences(times, present[TIMES]):
            yield f"{TIMES}{key and f'.{key}'}: {mine}, its manifests have {theirs}"
    yield from _invalid(list[StepTime], times, TIMES)
    if other := {time["method"] for time in times} - {*parameter["methods"].values()}:
        yield f"{TIMES}: {sorted(other)[0]} is no method of this page"


def _is_older(record: Mapping[str, Any], page: Manifest) -> bool:
    """Whether a run had ended before the page was begun."""
    return datetime.fromisoformat(record["ended"]) <= datetime.fromisoformat(page.begun)


def _unlike_journal(run: str, record: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """A line for what a record says of attempts in the time of its job, otherwise than the journal of the run."""
    attempts = [vars(attempt) for attempt in read_attempts(folder)]
    during = [n for n, one in enumerate(attempts, 1) if record["begun"] <= one["begun"] <= record["ended"]]
    if during:
        last, resumed = attempts[during[-1] - 1], "; ".join(resumptions(attempts[: during[-1]]))
        noted = {"host": last["host"], "SLURM job": last["job"], "attempts": during[-1], "resumed": resumed}
        stated = {"resumed": "", **record}
        for key, mine, theirs in json_differences({name: stated.get(name) for name in noted}, noted):
            yield f"{run}: {key} is {mine}, {folder / JOURNAL} has {theirs}"
    elif attempts and attempts[0]["begun"] < record["begun"]:
        yield f"{run}: no attempt in {folder / JOURNAL} began between {record['begun']} and {record['ended']}"


def _invalid(form: Any, content: Any, place: str) -> Iterator[str]:
    try:
        TypeAdapter(form).validate_python(content)
    except ValidationError as error:
        problem = error.errors()[0]
        yield f"{'.'.join(map(str, (place, *problem['loc'])))}: {problem['msg']}"


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
        MANIFEST: sha256,
        "host": manifest.host,
        "SLURM job": manifest.slurm_job,
        "begun": manifest.begun,
        "ended": manifest.ended,
        "attempts": len(manifest.attempts),
        **({"resumed": "; ".join(lines)} if (lines := resumptions(manifest.attempts)) else {}),
        "commit": manifest.repository and manifest.repository.commit,
        "uncommitted changes, sha256": manifest.repository and manifest.repository.diff,
        **manifest.hardware.model_dump(exclude_unset=True),
    }
