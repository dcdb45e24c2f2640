"""What the page quotes from manifests: machine, times and digest of each run's, and the times of steps.

Manifests hold hosts and times, on which no result depends, so they are not inputs of the page. Its job writes the
quotations to a file of their own, ``paper.records.js``, and can do so without a manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from spl.campaign.job import manifest_path
from spl.campaign.strict_json import json_differences
from spl.errors import InputError
from spl.provenance.files import digest
from spl.provenance.manifest import Hardware, read_manifest, resumptions
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


def misquotations(quoted: Mapping[str, Any], parameter: Mapping[str, Any]) -> Iterator[str]:
    """A line for whatever no job would have written into the file beside a page.

    Of a manifest that is still here, a record holds nothing else than it. Where a run was repeated since, names and
    kinds of values are checked.

    Args:
        quoted: the content of the file.
        parameter: of the page.
    """
    present = quotations(parameter)
    for run in quoted.keys() - {*parameter["trained"], TIMES}:
        yield f"{run}: no run of this page"
    times, unchanged = quoted[TIMES], True
    for run in parameter["trained"]:
        record = quoted.get(run, {})
        if run in present and record.get(MANIFEST) == present[run][MANIFEST]:
            stated = {name: value for name, value in present[run].items() if name in record}
            for key, mine, theirs in json_differences(record, stated):
                yield f"{run}: {key} is {mine}, its manifest has {theirs}"
        elif run in quoted or run in present:
            unchanged = False
        if run in quoted:
            yield from _invalid(RunRecord, record, run)
    if unchanged:
        for key, mine, theirs in json_differences(times, present[TIMES]):
            yield f"{TIMES}{key and f'.{key}'}: {mine}, its manifests have {theirs}"
    yield from _invalid(list[StepTime], times, TIMES)
    if other := {time["method"] for time in times} - {*parameter["methods"].values()}:
        yield f"{TIMES}: {sorted(other)[0]} is no method of this page"


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
        **({"resumed": "; ".join(lines)} if (lines := resumptions(manifest)) else {}),
        "commit": manifest.repository and manifest.repository.commit,
        "uncommitted changes, sha256": manifest.repository and manifest.repository.diff,
        **manifest.hardware.model_dump(exclude_unset=True),
    }
