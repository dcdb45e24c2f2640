"""What a study planned, ran and looked at, compared with its registration."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from spl.attempts.plain_file import read_plain
from spl.audit.changes import changed_values
from spl.audit.recorded_looks import not_as_looked_at, read_looks
from spl.audit.register import DESCRIPTION, prepared
from spl.audit.verdicts import Node, upstream_of
from spl.campaign.job import Job
from spl.campaign.registration import (
    at_last_look,
    by_code,
    looks_file,
    place_of,
    registered_jobs,
    registration,
    registration_file,
)
from spl.campaign.strict_json import parse_json
from spl.code.equivalence import reasons, representative
from spl.code.subcommands import present_code
from spl.errors import InputError
from spl.paper.registered_tests import OWN
from spl.provenance import git
from spl.provenance.manifest import Manifest
from spl.study.checks import GATED, SUPERVISED
from spl.study.plan import Plan, make_plan
from spl.study.schema import Study
from spl.text.printable import in_lines

COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
# The sections of a registration that say what is tested, and how.
DESIGN = ("study", "registered", "claims", "limits")
NOT_COMPARED = "not compared"
DECIDED = ("supported", "contradicted")  # as of spl.analysis.claims, which would load pandas
NOT_FROZEN = "not in the registration"


class FrozenArm(BaseModel):
    """Parameters of jobs that differ only in fold and seed: what they share, and the rest of each."""

    model_config = ConfigDict(extra="forbid")

    all: dict[str, Any]
    each: dict[str, dict[str, Any]]


class Frozen(BaseModel):
    """The file of a registration; :func:`spl.campaign.registration.registration` says what it holds."""

    model_config = ConfigDict(extra="forbid")

    study: str
    registered: dict[str, Any]
    claims: dict[str, dict[str, Any]]
    limits: dict[str, Any]
    tests: dict[str, Any] | None = None
    data: dict[str, str]
    code: dict[str, str]
    experiments: dict[str, dict[str, Any]]
    jobs: dict[str, FrozenArm]


@dataclass(frozen=True)
class RegistrationCheck:
    """A registration, and how a study keeps it.

    Attributes:
        digest: sha256 of its file; "" if it is missing.
        deviations: a line for each difference; () if the study keeps it.
        notes: a line for whatever is no deviation, or cannot be compared.
    """

    digest: str
    deviations: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def check_no_deviations(path: Path, study: Study, nodes: Collection[Node]) -> None:
    """Check that a study keeps its registration, if it has one; arguments as of :func:`check_registration`.

    Raises:
        InputError: with a line for each deviation.
    """
    checked = check_registration(path, study, nodes)
    if checked and checked.deviations:
        raise InputError(in_lines(f"{path}: not as registered: {line}" for line in checked.deviations))


def check_registration(path: Path, study: Study, nodes: Collection[Node]) -> RegistrationCheck | None:
    """Compare a study, its code and its runs with its registration; None if it neither has one nor should.

    Args:
        path: the study's file.
        study: as it is at present.
        nodes: verdicts on its jobs, or on a part of them.
    """
    file = registration_file(path)
    if not file.is_file():
        missing = f"{file} is missing; `spl register {path}` writes it, before the first run"
        return RegistrationCheck("", (missing,)) if study.registered else None
    try:
        content = read_plain(file)
    except OSError as error:
        return RegistrationCheck("", (f"{file}: cannot be read: {error.strerror}",))
    sha256 = hashlib.sha256(content).hexdigest()
    if study.registered is None:
        return RegistrationCheck(sha256, (f"registered: no longer in {path}",))
    plan, audited = make_plan(at_last_look(study)), {node.name: node for node in nodes}
    data = _recorded_data(audited.values()) | prepared(study)
    present, planned = registration(study, data), {job.name: job for job in registered_jobs(plan)}
    unreadable = RegistrationCheck(sha256, (f"{file}: expected a registration, as `spl register` writes it",))
    try:
        frozen = Frozen.model_validate(parse_json(content)).model_dump()
    except (ValueError, RecursionError):
        return unreadable
    try:
        looks = read_looks(looks_file(path))
    except InputError as error:
        return RegistrationCheck(sha256, (str(error),))
    try:
        deviations, notes = _compared(frozen, present, plan, planned)
    except RecursionError:  # values that are nested deeper than any of a registration
        return unreadable
    # Of the plan: the frozen file may leave out what began before it.
    counted = _jobs_of(_to_be_frozen(present) | frozen["experiments"].keys(), plan, planned)
    runs = [node for node in nodes if node.subcommand == "train" and node.name in counted]
    for line, names in _begun_early(runs, file, sha256).items():
        (notes if line.startswith(NOT_COMPARED) else deviations).append(f"{_several(names)}: {line}")
    folds, on_record = len(study.experiments[study.registered.experiments[0]].folds), {look.folds for look in looks}
    for passed in (number for number in study.registered.looks if number < folds and number not in on_record):
        deviations.append(f"look at {passed} folds: not on record, and the study has {folds} folds by now")
    deviations += [
        f"look at {look.folds} folds: on record, and the study has {folds} folds"
        for look in looks
        if look.folds > folds
    ]
    deviations += [
        f"look at {look.folds} folds: {look.claim} is {look.verdict}, and the study has {folds} folds by now"
        for look in looks
        if look.folds < folds and look.verdict in DECIDED
    ]
    deviations += not_as_looked_at(looks, folds, plan, study.registered, audited)
    return RegistrationCheck(sha256, tuple(deviations), tuple(notes))


def _recorded_data(nodes: Iterable[Node]) -> dict[str, str]:
    """The sha256 of the description of each data set, from manifests, since an archive does not keep all files."""
    return {
        Path(node.name).name: sha256
        for node in nodes
        if node.subcommand == "data" and node.manifest
        for path, sha256 in node.manifest.outputs.items()
        if Path(path).name == DESCRIPTION
    }


def is_kept(registered: RegistrationCheck | None) -> bool:
    """Whether nothing deviates from a registration, if there is one."""
    return registered is None or not registered.deviations


def _compared(
    frozen: Mapping[str, Any], present: Mapping[str, Any], plan: Plan, planned: Mapping[str, Job]
) -> tuple[list[str], list[str]]:
    """Deviations and notes: of the registered design, of the experiments, of the jobs' settings and of their code."""
    experiments = {name: jobs for name, jobs in present["experiments"].items() if name in frozen["experiments"]}
    deviations = [
        *(line for key in DESIGN for line in changed_values(_tested(present[key]), _tested(frozen[key]), key)),
        *changed_values(experiments, frozen["experiments"], "experiments"),
        *_changed_data(frozen["data"], present["data"]),
        *(line for arm, jobs in frozen["jobs"].items() for line in _changed_arm(arm, jobs, present["jobs"].get(arm))),
    ]
    if frozen["tests"] is not None:
        deviations += changed_values(present["tests"], frozen["tests"], "tests")
    elif not present["tests"]:
        deviations.append("tests: the study has no table of claims any more")
    further = present["experiments"].keys() - frozen["experiments"].keys() - _to_be_frozen(present)
    notes = [f"experiments.{name} is not registered" for name in sorted(further)]
    if frozen["tests"] is None:
        notes.append("tests: the registration, of an earlier version, does not say which runs its claims compare")
    for line, is_certain in _not_frozen(frozen, present, plan, planned):
        (deviations if is_certain else notes).append(line)
    for kind, job in by_code(planned.values()).items():
        registered, planned_code = frozen["code"].get(kind), job.content["code"]
        if registered is None:
            continue
        if representative(job.subcommand, registered) != planned_code:
            deviations.append(f"code of {kind}: {registered[:12]} became {planned_code[:12]}, not declared equivalent")
        else:
            changed = reasons(job.subcommand, present_code(job.subcommand, job.content))
            known = reasons(job.subcommand, registered)
            notes += [f"code of {kind}, declared equivalent: {reason}" for reason in changed if reason not in known]
    return deviations, notes


def _to_be_frozen(present: Mapping[str, Any]) -> set[str]:
    """The experiments that every registration of a study holds: with looks, of its claims, and of its gate."""
    names = {name for claim in present["claims"].values() for name in claim["experiments"]}
    names |= {*present["registered"]["experiments"], *((GATED, SUPERVISED) if present["limits"]["gate"] else ())}
    return {name for name in present["experiments"] if name in names}


def _jobs_of(experiments: Iterable[str], plan: Plan, planned: Mapping[str, Job]) -> dict[str, Job]:
    """The jobs of experiments and all upstream of them, as far as the plan has these experiments."""
    kept = [name for name in experiments if name in plan.experiments]
    runs = (f"runs/{path}" for name in kept for path in plan.experiments[name])
    splits = (f"splits/{path}" for name in kept for path in plan.experiment_splits[name])
    return upstream_of(planned, [*runs, *splits])


def _not_frozen(
    frozen: Mapping[str, Any], present: Mapping[str, Any], plan: Plan, planned: Mapping[str, Job]
) -> Iterator[tuple[str, bool]]:
    """A line for all that a registration of the plan would hold and that this one lacks, and whether it must hold it.

    An experiment that differs has a line of its own, and so its jobs have none.
    """
    registered = frozen["experiments"]
    for name in sorted(_to_be_frozen(present) - registered.keys()):
        yield f"experiments.{name}: {NOT_FROZEN}", True
    same = [name for name, experiment in present["experiments"].items() if experiment == registered.get(name)]
    jobs = _jobs_of(same, plan, planned)
    absent = defaultdict[str, list[str]](list)
    for name in jobs:
        if not _is_job(frozen["jobs"], name):
            absent[OWN.sub("*", name)].append(place_of(name))
    for arm, places in absent.items():
        yield f"{arm}: {NOT_FROZEN} ({_several(places)})".replace(" ()", ""), True
    for kind in sorted(by_code(jobs.values()).keys() - frozen["code"].keys()):
        yield f"code of {kind}: {NOT_FROZEN}", True
    for job in jobs.values():
        name = Path(job.name).name
        if job.subcommand == "data" and name not in frozen["data"]:
            # Its files need not have been where it was registered; what is installed with packages is everywhere.
            yield f"data.{name}: {NOT_FROZEN}", not job.inputs


def _tested(section: Any) -> Any:
    """A section of a registration without the words in which the catalogue puts a claim."""
    if not isinstance(section, dict):
        return section
    return {key: _tested(value) for key, value in section.items() if key not in ("text", "section")}


def _changed_data(registered: Mapping[str, str], present: Mapping[str, str]) -> Iterator[str]:
    """A line for each data set that was prepared then and is prepared now, with other images."""
    for name in registered.keys() & present.keys():
        if registered[name] != present[name]:
            yield f"data.{name}: {registered[name][:12]} became {present[name][:12]}"


def _changed_arm(arm: str, registered: Mapping[str, Any], present: Mapping[str, Any] | None) -> Iterator[str]:
    """A line for each setting that changed for jobs that differ only in fold and seed, with the first of these jobs."""
    now = {} if present is None else {place: present["all"] | own for place, own in present["each"].items()}
    changed = defaultdict[str, list[str]](list)
    places = defaultdict[str, list[str]](list)
    for place, own in registered["each"].items():
        lines = changed_values(now[place], registered["all"] | own) if place in now else ["no longer planned"]
        for line in lines:
            key = line.partition(": ")[0]
            changed[key].append(line)
            places[key].append(place)
    for key, lines in changed.items():
        yield f"{arm}: {lines[0]} ({_several(places[key])})".replace(" ()", "")


def _is_job(registered: Mapping[str, Any], name: str) -> bool:
    """Whether a job stands in a registration."""
    arm = registered.get(OWN.sub("*", name))
    return arm is not None and place_of(name) in arm["each"]


def _begun_early(runs: Iterable[Node], file: Path, sha256: str) -> dict[str, list[str]]:
    """The runs that did not begin after a registration was committed, or that leave this open, by what was found."""
    found = defaultdict[str, list[str]](list)
    try:
        place = file.resolve().relative_to(git.PROJECT.resolve())
    except ValueError:
        place = None
    if place is None or not git.is_repository():
        reason = f"{NOT_COMPARED} with the registration: {file} is not in a repository of this project"
        begun = [node.name for node in runs if node.manifest]
        return {reason: begun} if begun else {}
    judged = cache(lambda commit: _commit_of(commit, place, sha256))
    for node in runs:
        if node.manifest and (line := _early(node.manifest, judged)):
            found[line].append(node.name)
    return found


def _early(manifest: Manifest, judged: Callable[[str], datetime | str]) -> str:
    """Why a run did not begin after the registration; "" if it did."""
    if manifest.repository is None or manifest.repository.commit is None:
        reason = manifest.repository.problem if manifest.repository else "was run outside a repository"
        return f"{reason}, so nothing shows that it began after the registration"
    registered = judged(manifest.repository.commit)
    if isinstance(registered, str):
        return registered
    times = [manifest.begun, *(str(attempt.get("begun")) for attempt in manifest.attempts)]
    try:
        early = any(datetime.fromisoformat(time) < registered for time in times)
    except (ValueError, TypeError):  # no time, or one without a zone
        return "has no time of its beginning in its manifest"
    return f"began before the registration was committed ({registered.isoformat()})" if early else ""


def _commit_of(commit: str, place: Path, sha256: str) -> datetime | str:
    """Since when a commit's history holds this registration; or else what it lacks."""
    if not COMMIT.fullmatch(commit) or not git.has_commit(commit):
        return f"{NOT_COMPARED} with the registration: commit {commit[:12]} is not in this repository"
    content = git.committed(commit, place)
    if content is None:
        return f"began at commit {commit[:12]}, which has no {place}"
    if hashlib.sha256(content).hexdigest() != sha256:
        return f"began at commit {commit[:12]}, whose {place} is another one"
    return git.first_commit(commit, place) or f"began at commit {commit[:12]}, where {place} has no history"


def _several(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
