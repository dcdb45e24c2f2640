"""Measured rates of training steps: ``spl bench`` writes them, and ``spl plan`` prices a study by them before it runs.

Every run of a study has a workload: all that the time of a step depends on, besides the machine. Runs of one workload
are measured once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from spl.attempts.plain_file import read_plain
from spl.campaign.job import canonical
from spl.campaign.plan_file import FOLDER
from spl.campaign.requests import Request
from spl.campaign.strict_json import parse_json
from spl.errors import InputError
from spl.methods.method import Method, MethodState
from spl.methods.registry import METHODS
from spl.study.base import Model, Number
from spl.study.known_methods import METHOD_SETTINGS
from spl.study.plan import Plan

# Settings that change what a step computes, but not how long it takes. All others count, new ones included.
WITHOUT_COST = frozenset(
    {
        "steps", "stop", "evaluate_every", "evaluate_late_every", "learning_rate", "schedule", "momentum",
        "weight_decay", "ema", "batch_norm_eps", "batch_norm_momentum", "initial_noise",
    }
) | (METHOD_SETTINGS - {"mu", "randaugment", "cutout"})  # fmt: skip


class Rate(Model):
    """The measured rate of one workload.

    Attributes:
        method: that was measured; others of the same kind take as long.
        workload: as :func:`workload` returns it.
        steps_per_second: of one run, while as many runs as ``runs_per_gpu`` says shared its GPU.
    """

    method: str
    workload: dict[str, Any]
    steps_per_second: Annotated[Number, Field(gt=0)]


class Rates(Model):
    """What ``spl bench --device`` writes.

    Attributes:
        device: name of the GPU, or of the processor.
        torch: version of torch.
        commit: of the project; None outside git.
        rates: of the workloads that were measured.
    """

    device: str
    torch: str
    commit: str | None
    rates: list[Rate]

    @property
    def by_workload(self) -> dict[str, float]:
        """Steps per second of one run, by the canonical text of its workload."""
        return {canonical(rate.workload): rate.steps_per_second for rate in self.rates}


def workload(plan: Plan, path: str, request: Request) -> dict[str, Any]:
    """What the time of a step of a run depends on, besides the machine.

    Every data set counts as colour images; a step on grey ones takes hardly less.
    """
    run = plan.runs[path]
    dataset = plan.study.datasets[run.dataset]
    return {
        "kind": method_kind(METHODS[run.method]),
        "pixels": dataset.pixels,
        "classes": len(dataset.known.classes),
        "runs_per_gpu": request.runs_per_gpu,
        **{name: value for name, value in run.settings.items() if name not in WITHOUT_COST},
    }


def method_kind(method: Method) -> str:
    """What a step of a method does, apart from the weight of each pseudo-label, which takes no time."""
    if method.weight is None:
        return "labelled images alone"
    kept = "" if method.state is MethodState else f", {method.state.__name__}"
    return f"{method.learns} views{kept}{', through weak views' * method.through_weak}"


def workload_name(method: str, work: Mapping[str, Any]) -> str:
    """A workload as printed: the settings by which those of a study usually differ."""
    parts = [f"{work['network']}, {work['pixels']} x {work['pixels']} pixels, B = {work['batch']}"]
    parts += [f"mu = {work['mu']}"] * ("mu" in work)
    parts += ["bf16" if work["precision"] == "bf16" else "TF32" if work["tf32"] else "fp32"]
    parts += [f"{work['processes']} processes"] * (work["processes"] > 1)
    parts += [f"{work['runs_per_gpu']} runs per GPU"] * (work["runs_per_gpu"] > 1)
    return ", ".join([*parts, method])


def rates_file(device: str, results: Path) -> Path:
    """Where the rates of a device belong, below a study's folder of results."""
    return results / FOLDER / f"rates-{re.sub('[^a-z0-9]+', '-', device.lower()).strip('-')}.json"


def find_rates(results: Path) -> Path | None:
    """The file of rates among a study's results; None if nothing was measured.

    Raises:
        InputError: rates of several devices lie there.
    """
    found = sorted((results / FOLDER).glob("rates-*.json"))
    if len(found) > 1:
        raise InputError(f"rates of several devices; expected --rates with one of {', '.join(map(str, found))}")
    return found[0] if found else None


def read_rates(path: Path) -> Rates:
    """Read what ``spl bench --device`` wrote.

    Raises:
        InputError: the file is absent or something else.
    """
    try:
        return Rates.model_validate(parse_json(read_plain(path)))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: expected a file that `spl bench --device` wrote") from error
