"""A job is done and leaves its manifest. Every job goes through here, so this loads no models."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spl.attempts import slurm
from spl.attempts.journal import Attempt, now
from spl.campaign.job import Job
from spl.code.subcommands import check_code, code_modules, code_packages, code_texts, present_code
from spl.errors import InputError
from spl.provenance import git, machine
from spl.provenance.files import digest, digest_of_listing, write_whole
from spl.provenance.ledger import note_statement
from spl.provenance.links import check_folders
from spl.provenance.manifest import Manifest, read_manifest, statement
from spl.provenance.process import foreign_files, present_process, project_files


@dataclass(frozen=True)
class JobRecord:
    """What is on record of a job while it runs.

    Attributes:
        inputs: sha256 by path, except of folders.
        attempts: of a training run; to be filled in.
    """

    inputs: dict[str, str]
    attempts: list[Attempt]


@contextmanager
def recorded(job: Job) -> Iterator[JobRecord]:
    """Do a job and leave its manifest; nothing is left of a job that fails.

    Commit, uncommitted changes, lock file and package versions are those of the moment when the job begins: what is
    edited, pulled or upgraded during a training run had no part in it. A module that is loaded after it was edited has,
    and so may an input that was touched after it was hashed: such a job fails.

    Args:
        job: its inputs are hashed before, its outputs after the work. A folder of images is not read a second time for
            its digest: its job writes the sha256 of each file as it read it.

    Raises:
        InputError: the code is not what was planned, was edited before it was loaded, or lies in no clone; an input
            was touched; or a folder lies where the manifest goes; or results would lie behind a link.
    """
    parameter = job.content
    machine.check_installed()
    check_code(job.subcommand, parameter)
    if job.manifest.is_dir():
        raise InputError(f"{job.manifest}: expected a manifest or nothing, found a folder")
    if job.results is not None:
        check_folders([job], job.results)
    job.manifest.unlink(missing_ok=True)
    for path in (path for path in job.outputs if path.is_symlink()):
        path.unlink()  # the job would write where it leads to
    inputs = {str(path): digest(path) for path in job.inputs if path.exists() and not path.is_dir()}
    states = {path: _state(path) for path in inputs}
    record = JobRecord(inputs, [])
    before: dict[str, Any] = {
        "subcommand": job.subcommand,
        "parameter": parameter,
        "code": {
            "fingerprint": present_code(job.subcommand, parameter),
            "modules": code_modules(job.subcommand, parameter),
        },
        "repository": git.repository(),
        "lock": digest(machine.LOCK),
        "host": socket.gethostname(),
        "slurm_job": slurm.own_job_number(),
        "begun": now(),
    }
    versions = machine.versions()
    files, foreign = project_files() | code_texts(job.subcommand, parameter), foreign_files()
    yield record
    if touched := [path for path, state in states.items() if _state(path) != state]:
        raise InputError(f"{touched[0]}: was touched while this job was at work; do the job again")
    process = present_process(files, foreign)
    after = {
        "inputs": {str(path): inputs.get(str(path)) or _folder_digest(job) for path in job.inputs if path.exists()},
        "outputs": {str(path): digest(path) for path in job.outputs},
        **({"order": [str(path) for path in job.inputs]} if len(set(job.inputs)) < len(job.inputs) else {}),
        "packages": machine.packages(code_packages(job.subcommand, parameter), versions),
        "hardware": machine.hardware(),
        "environment": {name: os.environ[name] for name in machine.DETERMINISM if name in os.environ},
        "ended": now(),
        "attempts": [vars(attempt) for attempt in record.attempts],
        "process": process.model_dump(),
    }
    content = before | after
    note_statement(job, statement(Manifest.model_validate(content)))
    write_whole(job.manifest, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def altered_inputs(job: Job) -> list[str]:
    """A line on each input of a job that is not as its own job wrote it, as far as there are manifests."""
    lines = []
    for path in job.inputs:
        # A manifest lies beside a file or beside its folder; raw data, which may be the present folder, have none.
        for stem in (path.with_suffix(""), path.parent):
            if not stem.name:
                continue
            with suppress(OSError, InputError, KeyError):
                if read_manifest(stem.with_name(f"{stem.name}.manifest.json")).outputs[str(path)] != digest(path):
                    lines.append(f"{path}: not as its manifest records it; `spl audit` says how to make it again")
    return lines


def _state(path: str) -> tuple[int, ...] | None:
    """What tells whether a file was written or replaced, also if its bytes and its time were put back; None without a
    file. Looked at after the file was opened, when a network file system has asked for it."""
    with suppress(FileNotFoundError):
        state = Path(path).stat()
        return state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns
    return None


def _folder_digest(job: Job) -> str:
    """The digest of the folder of images that a job has prepared."""
    description = json.loads(job.outputs[1].read_text())
    return digest_of_listing(description["train_files"] | description["test_files"])
