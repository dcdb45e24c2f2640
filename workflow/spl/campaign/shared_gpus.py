"""Several runs on one GPU, where a study sets ``runs_per_gpu``: what each run requests from SLURM for it.

A site may have divided its GPUs for SLURM, into shards or shares of MPS. There each run is a job of its own that
requests its part of a GPU. Elsewhere the runs of one GPU are one job, a group of Snakemake's, which requests all of it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from spl.attempts.journal import FAILURE
from spl.campaign.job import canonical
from spl.campaign.rates import workload
from spl.campaign.requests import Request
from spl.errors import InputError
from spl.study.plan import Plan

# As SLURM allows names of GPU types. Snakemake's `gpu_model` allows no dashes.
TYPE = re.compile(r"[A-Za-z0-9_.-]+")
SHARES = re.compile(r"(?!gpu:)(?P<name>[A-Za-z0-9_]+(:[A-Za-z0-9_.]+)?):(?P<count>[1-9]\d*)")


@dataclass(frozen=True)
class GpuRequest:
    """The resources by which a run gets its GPU, under the names that Snakemake's SLURM plugin uses; None: unset.

    Attributes:
        gpu: number of GPUs; as text it holds for all runs of a group together, whose numbers would be added up.
        gres: part of a GPU.
        gpu_type: type and number of GPUs, in place of ``gpu``; read by our extension of the plugin.
        nodes: number of nodes.
        group: the group of runs that are one job; None if the run is a job of its own.
    """

    gpu: int | str | None
    gres: str | None = None
    nodes: int | None = 1
    group: str | None = None
    gpu_type: str | None = None


def gpu_groups(plan: Plan, requests: Mapping[str, Request]) -> dict[str, list[str]]:
    """The groups of runs that share a GPU, by name: paths of runs of the same experiment that take equally long.

    Runs of one group never need each other's results: they are equally far down the plan.
    """
    alike = defaultdict[str, list[str]](list)
    needed_by = {path: name for name, paths in reversed(plan.experiments.items()) for path in paths}
    for path, request in requests.items():
        if request.runs_per_gpu > 1:
            run = plan.runs[path]
            length = run.settings["stop"] or run.settings["steps"]
            shared = [needed_by.get(path), _depth(plan, path), length, request.cpus, request.mem_mb, request.runtime]
            alike[canonical({"shared": shared, "workload": workload(plan, path, request)})].append(path)
    groups = []
    for paths in alike.values():
        size = requests[paths[0]].runs_per_gpu
        groups += [paths[first : first + size] for first in range(0, len(paths), size)]
    return {f"{plan.study.name}-gpu-{number}": paths for number, paths in enumerate(groups) if len(paths) > 1}


def runs_needed(plan: Plan, path: str) -> list[str]:
    """The runs whose results a run needs: those that calibrate its loss weights, and the one it starts from."""
    run = plan.runs[path]
    before = [*plan.calibrations[run.calibration].runs] if run.calibration else []
    return before + ([run.start] if run.start else [])


def _depth(plan: Plan, path: str) -> int:
    """How many runs must be done one after the other before this one can begin."""
    return max((1 + _depth(plan, other) for other in runs_needed(plan, path)), default=0)


def gpu_requests(
    requests: Mapping[str, Request],
    groups: Mapping[str, list[str]],
    shares: str | None,
    gpu_type: str | None,
    failed: Collection[str],
    submitting: bool,
) -> dict[str, GpuRequest]:
    """How each run requests its GPU, by path.

    Args:
        requests: of all runs.
        groups: as :func:`gpu_groups` returns them.
        shares: what the site has divided each GPU into, such as "shard:8"; None if it has not.
        gpu_type: SLURM's name of the GPUs to request; None if any will do.
        failed: runs that have failed for good. They stay out of groups: a job of several runs fails with any of them.
        submitting: whether this Snakemake submits the jobs; within a job, SLURM has allocated the GPU.

    Raises:
        InputError: the shares are not as expected, or too few; or the type is no name.
    """
    if gpu_type is not None and not TYPE.fullmatch(gpu_type):
        raise InputError(f"gpu_type={gpu_type}: expected the name of a GPU type in SLURM, such as rtx-3090")

    def whole(request: Request) -> GpuRequest:
        if gpu_type and request.gpu and submitting:
            return GpuRequest(None, gpu_type=f"{gpu_type}:{request.gpu}")
        return GpuRequest(request.gpu)

    if shares is None:
        group_of = {path: name for name, paths in groups.items() for path in paths if path not in failed}
        alone = {path: whole(request) for path, request in requests.items()}
        shared = GpuRequest("1" if submitting else None, nodes=None)
        if gpu_type and submitting:
            shared = GpuRequest(None, nodes=None, gpu_type=f"{gpu_type}:1")
        return alone | {path: replace(shared, group=group) for path, group in group_of.items()}
    divided = SHARES.fullmatch(shares)
    if divided is None:
        raise InputError(f"gpu_shares={shares}: expected NAME:NUMBER as SLURM divides each GPU, such as shard:8")

    def part(request: Request) -> GpuRequest:
        if request.runs_per_gpu == 1:
            return whole(request)
        amount = int(divided["count"]) // request.runs_per_gpu
        if amount == 0:
            raise InputError(f"gpu_shares={shares}: expected at least the runs_per_gpu {request.runs_per_gpu}")
        return GpuRequest(0, gres=f"{divided['name']}:{amount}")

    return {path: part(request) for path, request in requests.items()}


def failed_runs(plan: Plan, results: Path) -> set[str]:
    """The runs that recorded a failure that another attempt would repeat."""
    return {path for path in plan.runs if (results / "checkpoints" / path / FAILURE).exists()}
