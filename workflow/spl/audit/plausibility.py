"""Statements of a manifest that cannot be true: they contradict each other, the code, the commit or the journal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from spl.attempts.journal import JOURNAL, Attempt, read_attempts
from spl.audit.result_files import readable
from spl.audit.sources import hidden_changes
from spl.campaign.job import Job
from spl.campaign.strict_json import json_differences
from spl.code.subcommands import certain_files, certain_packages, present_code
from spl.provenance import machine
from spl.provenance.manifest import Manifest
from spl.provenance.process import VARIABLES
from spl.training.instructions import LEVELS

# How far clocks of machines may be apart, and how far ahead that of the machine that ran a job may be.
SKEW, AHEAD = timedelta(minutes=5), timedelta(days=1)


def impossible_statements(job: Job, manifest: Manifest) -> Iterator[str]:
    """A line for each statement of a job's manifest that cannot be true, with what contradicts it."""
    yield from _times(job, manifest)
    yield from _variables(job, manifest)
    yield from _loaded(job, manifest)
    yield from _commit(job, manifest)
    if job.subcommand == "train":
        yield from readable(_attempts(job, manifest), job.manifest)
        yield from readable(_hardware(job, manifest), job.manifest)


def _times(job: Job, manifest: Manifest) -> Iterator[str]:
    begun, ended = _time(manifest.begun), _time(manifest.ended)
    if begun is None or ended is None:
        yield f"{job.manifest}: begun is {manifest.begun!r}, ended is {manifest.ended!r}; expected times with a zone"
        return
    if begun - ended > SKEW:  # sums of times would leave the calendar
        yield f"{job.manifest}: it ended at {manifest.ended}, before it began at {manifest.begun}"
    if ended - (now := datetime.now(UTC)) > AHEAD:
        yield f"{job.manifest}: ended is {manifest.ended}, in the future: it is {now.isoformat(timespec='seconds')}"


def _time(text: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return time if time.tzinfo else None


def _variables(job: Job, manifest: Manifest) -> Iterator[str]:
    """Whether only variables are on record that jobs record: any other name would be somebody's remark."""
    stated = {"environment": manifest.environment, "process.variables": manifest.process.variables}
    known = {"environment": machine.DETERMINISM, "process.variables": VARIABLES}
    for part, variables in stated.items():
        for name in sorted(variables.keys() - set(known[part])):
            yield f"{job.manifest}: {part}.{name}: no job records this variable"


def _loaded(job: Job, manifest: Manifest) -> Iterator[str]:
    """Whether packages and files contain what the code always imports, if it is the present code."""
    if manifest.code.fingerprint != present_code(job.subcommand, job.content):
        return
    for name in unknown_packages(job, manifest):
        yield f"{job.manifest}: packages has no {name}, the code of spl {job.subcommand} imports it"
    for path in sorted(certain_files(job.subcommand, job.content) - manifest.process.files.keys()):
        yield f"{job.manifest}: process.files has no {path}, which spl {job.subcommand} loads"


def unknown_packages(job: Job, manifest: Manifest) -> list[str]:
    """The packages that the present code imports, and of which a job's manifest has no version."""
    imported = {"python", *map(machine.normalised, certain_packages(job.subcommand, job.content))}
    return sorted(imported & machine.locked().keys() - manifest.packages.keys())


def _commit(job: Job, manifest: Manifest) -> Iterator[str]:
    if (repository := manifest.repository) and not (repository.commit or repository.problem):
        yield f"{job.manifest}: repository has neither a commit nor a problem; expected one"
    for path, loaded, committed in hidden_changes(manifest):
        found = committed[:12] or "no such file"
        yield f"{job.manifest}: {path} ran as {loaded[:12]}, its commit has {found}, no change is on record"


def _attempts(job: Job, manifest: Manifest) -> Iterator[str]:
    """Whether the attempts at a run follow each other within the run's time, and are those of its journal."""
    attempts = manifest.attempts
    if job.results is not None:
        yield from _unlike_journal(job, manifest, job.results / "checkpoints" / job.name.removeprefix("runs/"))
    begins = [time for attempt in attempts if (time := _time(attempt.get("begun")))]
    if len(begins) < len(attempts):
        yield f"{job.manifest}: attempts: expected the time at which each began"
        return
    if not attempts:
        return
    for earlier, later in pairwise(begins):
        if earlier - later > SKEW:
            yield f"{job.manifest}: an attempt began at {later.isoformat()}, after the one of {earlier.isoformat()}"
    begun, ended, last = _time(manifest.begun), _time(manifest.ended), begins[-1]
    if (status := attempts[-1].get("status")) not in ("done", "open"):  # a full disk may hide its end
        yield f"{job.manifest}: the last attempt is {status}; expected done"
    elif begun and ended:
        end = last + timedelta(seconds=float(attempts[-1].get("seconds") or 0))
        if begun - last > SKEW or end - ended > SKEW:
            yield (
                f"{job.manifest}: the job ran from {manifest.begun} to {manifest.ended}, its last attempt from "
                f"{last.isoformat()} to {end.isoformat(timespec='seconds')}"
            )


def _unlike_journal(job: Job, manifest: Manifest, folder: Path) -> Iterator[str]:
    """A line for whatever else a manifest says of the first attempts in a journal, which may go on after it."""
    noted = [vars(attempt) for attempt in read_attempts(folder)]
    recorded = [vars(Attempt(**attempt)) for attempt in manifest.attempts]
    if noted and not 0 < len(recorded) <= len(noted):
        yield f"{folder / JOURNAL}: it has {len(noted)} attempts, {job.manifest} has {len(recorded)}"
    for number, (one, other) in enumerate(zip(noted, recorded, strict=False), 1):
        for key, mine, theirs in json_differences(one, other):
            yield f"{folder / JOURNAL}: {key} of attempt {number} is {mine}, {job.manifest} has {theirs}"


def _hardware(job: Job, manifest: Manifest) -> Iterator[str]:
    """Whether a run was computed as its settings say."""
    settings, used = manifest.parameter.get("settings", {}), manifest.hardware.model_dump()
    if settings.get("device") == "cuda":
        if not used["gpus"]:
            yield f"{job.manifest}: hardware.gpus is empty, settings.device is cuda"
    elif level := LEVELS.get(settings.get("instructions", "")):
        expected = level.environment["ATEN_CPU_CAPABILITY"].upper()
        if used.get("instructions") != expected:
            yield (
                f"{job.manifest}: hardware.instructions is {used.get('instructions')}, settings.instructions is "
                f"{settings['instructions']}, for which torch uses {expected}"
            )
        for name, value in level.environment.items():
            if manifest.environment.get(name) != value:
                yield (
                    f"{job.manifest}: environment.{name} is {manifest.environment.get(name)}, settings.instructions is "
                    f"{settings['instructions']}, which sets {value}"
                )
    if settings.get("processes") == 1:  # else torch is set up in other processes than this one
        for name in ("threads", "deterministic"):
            if used.get(name) != settings.get(name):
                yield f"{job.manifest}: hardware.{name} is {used.get(name)}, settings.{name} is {settings.get(name)}"
