"""The manifest of a job: what it made, from what, with which code, where and when; a file beside its outputs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, with_config
from typing_extensions import TypedDict

from spl.attempts.plain_file import read_plain
from spl.campaign.job import CIRCUMSTANCES, Job, canonical
from spl.campaign.strict_json import parse_json
from spl.errors import InputError
from spl.provenance.machine import essential

# Bytes and values of a manifest: one of a summary of 10,000 runs, which lists three files for each, has less than half.
MOST_OF_MANIFEST, MOST_VALUES = 2**24, 2**18
# Bytes up to which manifests are kept once they are read. Those of runs have 14,000; of larger ones there are few in a
# study, and somebody may leave any number among results.
KEPT = 2**15

Sha256 = Annotated[str, StringConstraints(pattern=r"\A[0-9a-f]{64}\z")]


class Code(BaseModel):
    """The code of a job: its fingerprint as it ran, and the modules that it stands in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fingerprint: str
    modules: list[str]


class Repository(BaseModel):
    """The commit that the project stood at, and the sha256 of what was changed since.

    Attributes:
        problem: why git told neither or only the commit; None if it told both.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    commit: str | None
    diff: str | None
    problem: str | None = None


class Hardware(BaseModel):
    """What a job ran on, as :func:`spl.provenance.machine.hardware` tells it.

    Attributes:
        processor, machine: names of the processor and of its architecture.
        gpus: their names.
        cores: of the machine.
        instructions, threads, deterministic: as torch was set, of a job that used it.
        cuda, cudnn, driver: versions, of a job that had GPUs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    processor: str = ""
    gpus: list[str] = []
    machine: str | None = None
    cores: int | None = None
    instructions: str | None = None
    threads: int | None = None
    deterministic: bool | None = None
    cuda: str | None = None
    cudnn: int | None = None
    driver: str | None = None


@with_config(ConfigDict(extra="forbid", strict=True))
class RecordedAttempt(TypedDict, total=False):
    """One attempt at a run, with the fields of :class:`spl.attempts.journal.Attempt`."""

    identity: str
    begun: str
    host: str
    job: str | None
    first: int
    status: str
    reason: str
    seconds: float
    memory_mb: int
    gpu_memory_mb: int
    checkpoint: str | None


class Process(BaseModel):
    """What else Python ran for a job, beside the packages of its environment.

    Attributes:
        files: sha256 of each file of the project that was loaded, modules and the workflow's rules, by its path.
        customised: sha256 of each file that Python runs whenever it starts, if neither Python itself nor a package of
            the lock file brought it.
        shadowing: file of each loaded module that lies neither with Python nor with its packages nor in this project.
        variables: those that tell Python or the loader of the system what to run.
        command: of the process.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: dict[str, str]
    customised: dict[str, str] = {}
    shadowing: dict[str, str] = {}
    variables: dict[str, str] = {}
    command: list[str] = []


class Manifest(BaseModel):
    """What is on record of one job.

    Attributes:
        subcommand: of ``spl``.
        parameter: the canonical one, parsed; its ``code`` is what was planned.
        code: what ran.
        inputs, outputs: sha256 by path, below the folder in which Snakemake ran; folders as in
            :func:`spl.provenance.files.digest`.
        order: all inputs as the job read them, where it read one several times; their keys tell it otherwise.
        repository: None outside git.
        lock: sha256 of the lock file.
        packages: version of each package that the job's code needs and really imported.
        hardware: processor, devices, how they were used.
        environment: variables that decide how libraries round.
        host: its name.
        slurm_job: number of its job in SLURM, if it was one.
        begun, ended: times of the attempt that made the outputs, ISO 8601.
        attempts: of a training, all of them: where and when each began, from which step and checkpoint, how it ended.
        process: what else ran; nothing in manifests of early versions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    subcommand: str
    parameter: dict[str, Any]
    code: Code
    inputs: dict[str, Sha256]
    outputs: dict[str, Sha256]
    order: list[str] = []
    repository: Repository | None
    lock: str
    packages: dict[str, str]
    hardware: Hardware
    environment: dict[str, str]
    host: str
    slurm_job: str | None
    begun: str
    ended: str
    attempts: list[RecordedAttempt] = []
    process: Process = Process(files={})


def resumptions(attempts: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each attempt at a run that did not begin at its first step."""
    return [
        f"resumed at step {attempt['first']} from checkpoint {attempt.get('checkpoint') or 'of unknown sha256'}"
        for attempt in attempts
        if attempt.get("first")
    ]


# Fields that may differ when a job is done again to the same bytes; they are no part of its statement. Most packages of
# the lock file have nothing to do with a job; those that it imported are in its packages.
UNSTATED = {"repository", "lock", "hardware", "host", "slurm_job", "begun", "ended", "attempts", "process"}


def statement(manifest: Manifest) -> str:
    """The sha256 of what a manifest states about its results, as canonical JSON: how they follow from what.

    It is the same whenever the same code makes the same bytes from the same inputs, parameter and packages: times,
    machines and commits are left out, files that quote them, and of versions what an audit does not compare.
    """
    content = manifest.model_dump(exclude=UNSTATED)
    content["outputs"] = reproducible_outputs(manifest)
    if not manifest.order:
        del content["order"]  # which manifests of early versions lack
    content["packages"] = {name: essential(name, version) for name, version in manifest.packages.items()}
    if foreign := {**manifest.process.customised, **manifest.process.shadowing}:
        content["foreign"] = foreign  # so that nobody can take it out of a sealed manifest
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def reproducible_outputs(manifest: Manifest) -> dict[str, str]:
    """The sha256 of each output by path, without files that quote circumstances."""
    return {path: sha256 for path, sha256 in manifest.outputs.items() if not path.endswith(CIRCUMSTANCES)}


def read_manifest(path: Path) -> Manifest:
    """Read what :func:`spl.provenance.recording.recorded` left.

    Raises:
        FileNotFoundError: there is none.
        InputError: it is not a manifest.
    """
    try:
        content = read_plain(path, MOST_OF_MANIFEST)
    except FileNotFoundError as error:
        if path.exists():
            raise InputError(f"{path}: {error.strerror}") from None
        raise
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    try:
        return _kept(content) if len(content) <= KEPT else _parsed(content)
    except ValidationError as error:
        problem = error.errors()[0]
        raise InputError(f"{path}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from None
    except ValueError as error:
        raise InputError(f"{path}: not a manifest: {error}") from None


def own_manifest(job: Job) -> Manifest:
    """The manifest of a job.

    Raises:
        InputError: it is missing, unreadable or another job's.
    """
    try:
        manifest = read_manifest(job.manifest)
    except FileNotFoundError:
        raise InputError(f"{job.manifest} is missing") from None
    except OSError as error:
        raise InputError(str(error)) from error
    if manifest.subcommand != job.subcommand or manifest.outputs.keys() != set(map(str, job.outputs)):
        raise InputError(f"{job.manifest} belongs to another job")
    return manifest


def _parsed(content: bytes) -> Manifest:
    return Manifest.model_validate(parse_json(content, MOST_VALUES))


# An audit and its seal read the same ones
_kept = lru_cache(maxsize=4096)(_parsed)
