"""The resources that each run requests from a cluster; they do not affect its results."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spl.study.dataset import Resources
from spl.study.resolve import method_settings

if TYPE_CHECKING:
    from spl.study.plan import Plan

# Minutes for a run of the paper's length
LONGEST_RUN = 2880


@dataclass(frozen=True)
class Request:
    """The resources of one run, under the names that Snakemake and its plugins use.

    Attributes:
        gpu: number of GPUs, one for each process of a run on CUDA devices.
        runs_per_gpu: number of runs that share this run's GPU, itself included.
        cpus: number of cores, for the threads of all processes.
        mem_mb: memory in MB, of all processes together.
        stated_mb: the same, as the study states it; None if it leaves it to the default.
        runtime: time limit in minutes.
        hours: expected duration; None if the study does not give it.
    """

    gpu: int
    runs_per_gpu: int
    cpus: int
    mem_mb: int
    stated_mb: int | None
    runtime: int
    hours: float | None


def run_requests(plan: Plan) -> dict[str, Request]:
    """The request of every run of a plan, by path.

    A run that several experiments or a calibration share gets the largest memory and time limit, and the smallest
    number of runs per GPU, that any of them states.
    """
    stated: dict[str, list[Resources]] = {path: [] for path in plan.runs}
    for path, resources in _stated_resources(plan):
        stated[path].append(resources)
    return {path: _request(plan, path, resources) for path, resources in stated.items()}


def _stated_resources(plan: Plan) -> Iterator[tuple[str, Resources]]:
    study = plan.study
    for name, paths in plan.experiments.items():
        experiment = study.experiments[name]
        dataset = study.datasets[experiment.dataset]
        resources = Resources(**(_overrides(dataset.resources) | _overrides(experiment.resources)))
        yield from ((path, resources) for path in paths)
    for calibration in plan.calibrations.values():
        for path in calibration.runs:
            yield path, study.datasets[plan.runs[path].dataset].resources


def _overrides(resources: Resources) -> dict[str, float]:
    return resources.model_dump(exclude_unset=True)


def _time_limit(steps: int) -> int:
    """The minutes that a run of so many steps requests if the study does not say."""
    return max(60, math.ceil(LONGEST_RUN * steps / 2**20))


def _request(plan: Plan, path: str, stated: list[Resources]) -> Request:
    run = plan.runs[path]
    processes, settings = run.settings["processes"], run.settings
    usual = method_settings(plan.study, run.dataset, run.method)
    length = (settings["stop"] or settings["steps"]) / (usual.stop or usual.steps)
    gpu = processes if settings["device"] == "cuda" else 0
    return Request(
        gpu=gpu,
        runs_per_gpu=min(resources.runs_per_gpu for resources in stated) if gpu == 1 else 1,
        cpus=processes * settings["threads"],
        mem_mb=max(resources.mem_mb for resources in stated),
        stated_mb=max((one.mem_mb for one in stated if "mem_mb" in one.model_fields_set), default=None),
        runtime=max(resources.runtime or _time_limit(settings["stop"] or settings["steps"]) for resources in stated),
        hours=max((resources.hours * length for resources in stated if resources.hours), default=None),
    )
