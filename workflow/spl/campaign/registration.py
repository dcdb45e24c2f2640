"""The registration of a study: everything that is decided before its first run, as content that people can read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spl.campaign.job import Job
from spl.campaign.jobs import jobs
from spl.errors import InputError
from spl.paper.claims import CLAIMS
from spl.paper.registered_tests import OWN, registered_tests
from spl.study.plan import Plan, make_plan
from spl.study.ranges import ranges
from spl.study.schema import Study

# The jobs whose settings and code are registered: everything up to the runs.
REGISTERED = ("data", "split", "train", "calibrate")
# The parts of a study by which runs and claims are judged.
LIMITS = ("gate", "basins", "stability", "no_effect")


def registration_file(study: Path) -> Path:
    """Where the registration of a study lies: beside its file."""
    return study.with_suffix(".registration.json")


def looks_file(study: Path) -> Path:
    """Where the looks at a registered study are recorded: beside its file."""
    return study.with_suffix(".looks.json")


def check_is_registered(study: Study, files: Sequence[str]) -> None:
    """Let no job of a study with the key ``registered`` begin while it has no registration.

    Args:
        study: the study.
        files: those that it was read from, none in a workflow that imports this one; the registration lies beside the
            first.

    Raises:
        InputError: there is none.
    """
    if not study.registered:
        return
    if not files:
        raise InputError(
            f"{study.name}: registered: expected none in a study that another workflow imports, since its registration "
            "lies beside its file; run it by itself"
        )
    if not (path := registration_file(Path(files[0]))).is_file():
        raise InputError(f"{path}: missing; write it with `spl register {files[0]}` and commit it before the first run")


def registration(study: Study, data: Mapping[str, str]) -> dict[str, Any]:
    """The content of a study's registration: its plan as of the last look, whatever folds it has at present.

    Titles, resources and the order of experiments do not count.

    Args:
        study: with the key ``registered``.
        data: the sha256 of the description, which holds the checksums of all images, of each data set.

    Returns:
        JSON content: ``registered`` and ``limits`` as in the study; ``claims`` as in the catalogue; ``tests``, as of
        :func:`spl.paper.registered_tests.registered_tests`; ``data``; ``code``,
        the fingerprint of each kind of job; ``experiments``, the jobs that each consists of; ``jobs``, the parameters
        of all, without code. Those of jobs that differ only in fold and seed stand together: what they share in
        ``all``, the rest in ``each``.
    """
    if study.registered is None:
        raise ValueError(f"{study.name}: expected a study with the key registered")
    plan = make_plan(at_last_look(study))
    planned = registered_jobs(plan)
    return {
        "study": study.name,
        "registered": study.registered.model_dump(),
        "claims": {name: asdict(CLAIMS[name]) for name in study.registered.claims},
        "limits": study.model_dump(include=set(LIMITS)),
        "tests": registered_tests(plan),
        "data": dict(sorted(data.items())),
        "code": {kind: job.content["code"] for kind, job in sorted(by_code(planned).items())},
        "experiments": {name: _experiment(plan, name) for name in sorted(plan.experiments)},
        "jobs": {arm: _parameters(together) for arm, together in sorted(_arms(planned).items())},
    }


def at_last_look(study: Study) -> Study:
    """The study with the folds of its last look, unless it has more of them already."""
    if study.registered is None:
        return study
    longer = {}
    for name in study.registered.experiments:
        experiment = study.experiments[name]
        further = range(experiment.folds[-1] + 1, experiment.folds[0] + study.registered.looks[-1])
        longer[name] = experiment.model_copy(update={"folds": [*experiment.folds, *further]})
    return study.model_copy(update={"experiments": {**study.experiments, **longer}})


def runs_of_look(plan: Plan, folds: int) -> list[str]:
    """The runs that a look at so many folds compares: those of all experiments to which looks add folds."""
    registered = plan.study.registered
    experiments = registered.experiments if registered else []
    counted = plan.study.experiments[experiments[0]].folds[:folds] if experiments else []
    paths = (path for name in experiments for path in plan.experiments.get(name, ()))
    return [path for path in dict.fromkeys(paths) if plan.runs[path].fold in counted]


def registered_jobs(plan: Plan) -> list[Job]:
    """The jobs of a plan whose settings and code a registration holds."""
    return [job for job in jobs(plan, {}).values() if job.subcommand in REGISTERED]


def by_code(planned: Iterable[Job]) -> dict[str, Job]:
    """One job for each code: by subcommand, with the data source or the method that the code depends on."""
    chosen: dict[str, Job] = {}
    for job in planned:
        part = {"data": "source", "train": "method"}.get(job.subcommand)
        chosen.setdefault(f"{job.subcommand} {job.content[part]}" if part else job.subcommand, job)
    return chosen


def _experiment(plan: Plan, name: str) -> dict[str, Any]:
    """The runs of an experiment: their arms, folds and seeds; of one without methods its splits."""
    experiment = plan.study.experiments[name]
    paths = [f"runs/{path}" for path in plan.experiments[name]]
    paths = paths or [f"splits/{path}" for path in plan.experiment_splits[name]]
    return {
        "jobs": sorted({OWN.sub("*", path) for path in paths}),
        "folds": ranges(experiment.folds),
        "seeds": ranges(experiment.seeds),
    }


def _arms(planned: Iterable[Job]) -> dict[str, list[Job]]:
    """Jobs by name, fold and seed replaced by stars."""
    arms = defaultdict[str, list[Job]](list)
    for job in planned:
        arms[OWN.sub("*", job.name)].append(job)
    return arms


def _parameters(together: list[Job]) -> dict[str, Any]:
    """What the parameters of jobs share, and the rest of each, in the order of folds and seeds."""
    contents = {
        place_of(job.name): {key: value for key, value in job.content.items() if key != "code"} for job in together
    }
    first = next(iter(contents.values()))
    keys = [key for key in first if key != "code"]
    shared = [key for key in keys if all(content[key] == first[key] for content in contents.values())]
    each = {
        place: {key: contents[place][key] for key in keys if key not in shared}
        for place in sorted(contents, key=_numbers)
    }
    return {"all": {key: first[key] for key in shared}, "each": each}


def place_of(name: str) -> str:
    """The fold and the seed in a job's name: "fold3 seed0"; "" if it has none."""
    return " ".join(OWN.findall(name))


def _numbers(place: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", place)]
