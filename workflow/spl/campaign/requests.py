"""What each training asks of a cluster. It decides where and how long a training may run, nothing of its result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spl.study.resolve import method_settings
from spl.study.schema import Resources

if TYPE_CHECKING:
    from spl.study.plan import Plan


@dataclass(frozen=True)
class Request:
    """One training's share of a node, under the names that Snakemake and its plugins know.

    Attributes:
        gpu: number of GPUs, one for each process of a training on CUDA devices.
        cpus: number of cores, for the threads of all processes.
        mem_mb: memory in MB, of all processes together.
        runtime: time limit in minutes.
        hours: what it is expected to take; None if the study does not say.
    """

    gpu: int
    cpus: int
    mem_mb: int
    runtime: int
    hours: float | None


def run_requests(plan: Plan) -> dict[str, Request]:
    """The request of every run of a whole plan, by path.

    A run that several experiments need, or a calibration and an experiment, gets the largest memory and time that any
    of them states.
    """
    asked: dict[str, list[Resources]] = {path: [] for path in plan.runs}
    for path, resources in _asked(plan):
        asked[path].append(resources)
    return {path: _request(plan, path, resources) for path, resources in asked.items()}


def _asked(plan: Plan) -> Iterator[tuple[str, Resources]]:
    study = plan.study
    for name, paths in plan.experiments.items():
        experiment = study.experiments[name]
        given = _given(study.datasets[experiment.dataset].resources) | _given(experiment.resources)
        resources = Resources(**given)
        yield from ((path, resources) for path in paths)
    for calibration in plan.calibrations.values():
        for path in (calibration.reference, calibration.smooth):
            yield path, study.datasets[plan.runs[path].dataset].resources


def _given(resources: Resources) -> dict[str, float]:
    return resources.model_dump(exclude_unset=True)


def _request(plan: Plan, path: str, asked: list[Resources]) -> Request:
    run = plan.runs[path]
    processes, settings = run.settings["processes"], run.settings
    length = settings["steps"] / method_settings(plan.study, run.dataset, run.method).steps
    limit = max(one.runtime for one in asked)
    return Request(
        gpu=processes if settings["device"] == "cuda" else 0,
        cpus=processes * settings["threads"],
        mem_mb=max(one.mem_mb for one in asked),
        runtime=limit,
        hours=max((one.hours * length for one in asked if one.hours), default=None),
    )
