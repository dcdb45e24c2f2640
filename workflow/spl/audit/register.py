"""``spl register``: write the registration of a study before its first run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from spl.attempts.journal import JOURNAL
from spl.attempts.plain_file import plain_digest, read_plain
from spl.campaign.registration import registered_jobs, registration, registration_file
from spl.code.subcommands import entry
from spl.errors import InputError
from spl.paper.claim_parameters import check_claims
from spl.provenance.files import digest, files_below, write_whole
from spl.provenance.links import linked
from spl.study.files import DATA_FILES
from spl.study.plan import make_plan
from spl.study.reading import read_study
from spl.study.schema import Study

DESCRIPTION = "dataset.json"  # of a prepared data set: holds the checksums of all images
# Depth to which the lines of a section are indented: tests have parts with one for each experiment, jobs for each run.
DEPTHS = {"study": 0, "tests": 2, "jobs": 3}


def write_registration(path: Path) -> list[str]:
    """Write the registration of a study beside its file.

    Args:
        path: the study's file, with the key ``registered``.

    Returns:
        lines for people: the digest, and what to do next.

    Raises:
        InputError: the study cannot be registered or has no table of claims, or one of its runs has begun.
    """
    study = read_study(path)
    if study.registered is None:
        raise InputError(f"{path}: registered: missing; expected the claims, looks and levels to register")
    check_claims(make_plan(study), str(path))
    file, data = registration_file(path), _described(study)
    content = registration(study, data)
    if not content["tests"]:
        raise InputError(
            f"{path}: has no table of claims; expected a data set of the paper, or one that stands_in_for it"
        )
    text, earlier = (registration_text(one) for one in (content, _without_tests(content)))
    if file.is_file() and read_plain(file) in (text.encode(), earlier.encode()):
        return [f"{file}: unchanged, sha256 {digest(file)}"]
    if begun := _first_begun(Path("results") / study.name):
        fate = "cannot change any more" if file.exists() else "would come too late"
        raise InputError(f"{file}: the registration {fate}: a run of {study.name} has begun, and left {begun}")
    write_whole(file, text)
    absent = [name for name, dataset in study.datasets.items() if name not in data and not dataset.off]
    return [
        f"{file}: sha256 {digest(file)}",
        *(f"the files of data set {name} are not here, so its images are not registered" for name in absent),
        f"commit it with {path} before the first run",
    ]


def _without_tests(content: Mapping[str, Any]) -> dict[str, Any]:
    """The registration as earlier versions wrote it."""
    return {name: section for name, section in content.items() if name != "tests"}


def _described(study: Study) -> dict[str, str]:
    """The sha256 of the description of each data set whose files are here; it is prepared for this purpose."""
    found = {}
    for job in registered_jobs(make_plan(study)):
        if job.subcommand == "data" and all(path.exists() for path in job.inputs):
            with TemporaryDirectory() as folder:
                outputs = [Path(folder, name) for name in DATA_FILES]
                entry("data")(job.content, job.inputs, outputs)
                found[Path(job.name).name] = digest(Path(folder, DESCRIPTION))
    return found


def prepared(study: Study) -> dict[str, str]:
    """The sha256 of the description of each data set that is prepared among the results; of none behind a link."""
    results, found = Path("results") / study.name, dict[str, str]()
    files = {name: results / "data" / name / DESCRIPTION for name in study.datasets}
    links = linked(files.values(), results)
    for name, file in files.items():
        with suppress(OSError):
            if file not in links:
                found[name] = plain_digest(file)
    return found


def _first_begun(results: Path) -> Path | None:
    """A file that a run has left, finished or not; None if no run has begun."""
    traces = (("runs", "parameters.json"), ("checkpoints", JOURNAL))
    found = (path for folder, name in traces for path in files_below(results / folder) if path.name == name)
    return min(found, default=None)


def registration_text(content: Mapping[str, Any]) -> str:
    """A registration as its file holds it, with a line for each key, for each setting of an arm and for each run."""
    sections = ",\n".join(f'"{key}": {_broken(value, DEPTHS.get(key, 1), " ")}' for key, value in content.items())
    return f"{{\n{sections}\n}}\n"


def _broken(value: Any, depth: int, indent: str) -> str:
    if not depth or not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    inner = (f"{indent}{json.dumps(key)}: {_broken(part, depth - 1, f'{indent} ')}" for key, part in value.items())
    return "{\n" + ",\n".join(inner) + f"\n{indent[1:]}}}"
