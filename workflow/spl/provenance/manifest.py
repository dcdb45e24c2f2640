"""The manifest of a job: what it made, from what, with which code, where and when; a file beside its outputs."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from spl.attempts import slurm
from spl.attempts.journal import Attempt, now
from spl.campaign.job import Job
from spl.code.subcommands import check_code, code_modules, code_packages, present_code
from spl.errors import InputError
from spl.provenance import machine
from spl.provenance.files import digest, digest_of_listing, write_whole


class Code(BaseModel):
    """The code of a job: its fingerprint as it ran, and the modules that it stands in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fingerprint: str
    modules: list[str]


class Repository(BaseModel):
    """The commit that the project stood at, and the sha256 of what was changed since."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    commit: str
    diff: str | None


class Hardware(BaseModel):
    """What a job ran on: of a process that uses torch more than is named here."""

    model_config = ConfigDict(extra="allow", frozen=True)

    processor: str = ""
    gpus: list[str] = []


class Manifest(BaseModel):
    """What is on record of one job.

    Attributes:
        subcommand: of ``spl``.
        parameter: the canonical one, parsed; its ``code`` is what was planned.
        code: what ran.
        inputs, outputs: sha256 by path, below the folder in which Snakemake ran; of a folder, :func:`digest`.
        repository: None outside git.
        lock: sha256 of the lock file.
        packages: version of each package that the job's code needs and really imported.
        hardware: processor, devices, how they were used.
        environment: variables that decide how libraries round.
        host: its name.
        slurm_job: number of its job in SLURM, if it was one.
        begun, ended: times of the attempt that made the outputs, ISO 8601.
        attempts: of a training, all of them: where and when each began, from which step, and how it ended.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    subcommand: str
    parameter: dict[str, Any]
    code: Code
    inputs: dict[str, str]
    outputs: dict[str, str]
    repository: Repository | None
    lock: str
    packages: dict[str, str]
    hardware: Hardware
    environment: dict[str, str]
    host: str
    slurm_job: str | None
    begun: str
    ended: str
    attempts: list[dict[str, Any]] = []


@dataclass(frozen=True)
class Record:
    """What is on record of a job while it runs.

    Attributes:
        inputs: sha256 by path, except of folders.
        attempts: of a training run; to be filled in.
    """

    inputs: dict[str, str]
    attempts: list[Attempt]


@contextmanager
def recorded(job: Job) -> Iterator[Record]:
    """Do a job and leave its manifest; nothing is left of a job that fails.

    Commit, uncommitted changes, lock file and package versions are those of the moment when the job begins: what is
    edited, pulled or upgraded during a training run had no part in it.

    Args:
        job: its inputs are hashed before, its outputs after the work. A folder of images is not read a second time for
            its digest: its job writes the sha256 of each file as it read it.

    Raises:
        InputError: the code is not what was planned, or a folder lies where the manifest goes.
    """
    content = job.content
    check_code(job.subcommand, content)
    if job.manifest.is_dir():
        raise InputError(f"{job.manifest}: expected a manifest or nothing, found a folder")
    job.manifest.unlink(missing_ok=True)
    inputs = {str(path): digest(path) for path in job.inputs if path.exists() and not path.is_dir()}
    record = Record(inputs, [])
    before: dict[str, Any] = {
        "subcommand": job.subcommand,
        "parameter": content,
        "code": Code(
            fingerprint=present_code(job.subcommand, content),
            modules=code_modules(job.subcommand, content),
        ),
        "repository": machine.repository(),
        "lock": digest(machine.LOCK),
        "host": socket.gethostname(),
        "slurm_job": slurm.own_job_number(),
        "begun": now(),
    }
    versions = machine.versions()
    yield record
    manifest = Manifest(
        **before,
        inputs={str(path): inputs.get(str(path)) or _folder_digest(job) for path in job.inputs if path.exists()},
        outputs={str(path): digest(path) for path in job.outputs},
        packages=machine.packages(code_packages(job.subcommand, content), versions),
        hardware=Hardware(**machine.hardware()),
        environment={name: os.environ[name] for name in machine.DETERMINISM if name in os.environ},
        ended=now(),
        attempts=[vars(attempt) for attempt in record.attempts],
    )
    write_whole(job.manifest, manifest.model_dump_json(indent=1, exclude_unset=True) + "\n")


def _folder_digest(job: Job) -> str:
    """The digest of the folder of images that a job has prepared."""
    description = json.loads(job.outputs[1].read_text())
    return digest_of_listing(description["train_files"] | description["test_files"])


def read_manifest(path: Path) -> Manifest:
    """Read what :func:`recorded` left.

    Raises:
        FileNotFoundError: there is none.
        InputError: it is not a manifest.
    """
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: expected a file")
    content = path.read_bytes()
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        problem = error.errors()[0]
        raise InputError(f"{path}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from None
