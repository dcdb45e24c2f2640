"""Whether a GPU trains as it must: the first thing to run on a node, before a study trusts it.

Each method trains in each precision on random images of CIFAR's size: twice through, once killed and resumed, and once
with its step as one CUDA graph. All must give the same bytes. With two GPUs or more, a run in two processes must resume
to the same bytes, too, and agree with one process but for rounding. Besides, it measures the speed of a step, and it
counts the kernels that a step starts.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from report import report
from spl.data.splits import Split, draw_split
from spl.data.store import Dataset
from spl.errors import InputError, InterruptedTrainingError
from spl.methods.registry import METHODS
from spl.study.labels import CALIBRATED
from spl.study.settings import Settings
from spl.training.backend import set_up_torch
from spl.training.batches import Batch, build_pools, draw_batches
from spl.training.checkpoints import Checkpoints
from spl.training.loop import train
from spl.training.networks import build_network
from spl.training.processes import launch, rank
from spl.training.state import start
from spl.training.step import train_step

PRECISIONS: dict[str, dict[str, Any]] = {"fp32": {}, "tf32": {"tf32": True}, "bf16": {"precision": "bf16"}}
ON_CPU = ("fp32", "bf16")
GREY = [125.0] * 3, [60.0] * 3
IMAGES, CLASSES, PER_CLASS = 1000, 10, 4
TOLERANCE = 0.05
"""Of weights after some steps in two processes, from those of one: sums are in another order."""

Tensors = dict[str, Tensor]


def check(device: str, steps: int, settings: Settings) -> dict[str, Any]:
    """Run every check.

    Args:
        device: "cuda" or "cpu".
        steps: of each run.
        settings: network and batch of the runs.

    Returns:
        ``device``; ``checks`` by method, precision and name: True, False or, for an error, its text; ``speed`` by
        precision: images/s, these over a bare forward and backward pass, and the kernels of a step; the ``verdict`` in
        words, and whether all checks ``passed``.

    Raises:
        InputError: there is no such device here.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("check-device: no CUDA device on this machine; run it on a node with the GPUs to be used")
    base = settings.model_copy(
        update={
            "device": device, "steps": steps, "evaluate_every": steps, "evaluate_late_every": steps, "lambda_phi": 0.1
        }
    )  # fmt: skip
    precisions = PRECISIONS if device == "cuda" else {name: PRECISIONS[name] for name in ON_CPU}
    checks, speed = {}, {}
    for precision, changed in precisions.items():
        for method in METHODS:
            chosen = base.model_copy(update=changed)
            checks[f"{method}, {precision}"] = _checks(method, chosen)
            print(f"{method}, {precision}: {_told(checks[f'{method}, {precision}'])}", file=sys.stderr)
        speed[precision] = _speed(base.model_copy(update=changed))
    if device == "cuda" and torch.cuda.device_count() > 1:
        checks["two processes"] = _two_processes(base)
    wrong = [name for name, results in checks.items() if set(results.values()) != {True}]
    name = torch.cuda.get_device_name() if device == "cuda" else "processor"
    verdict = "trains as it must" if not wrong else f"does not train as it must: {'; '.join(wrong)}"
    return {
        "device": name,
        "torch": torch.__version__,
        "checks": checks,
        "speed": speed,
        "verdict": verdict,
        "passed": not wrong,
    }


def _told(results: Mapping[str, bool | str]) -> str:
    return ", ".join(f"{name} {'yes' if result is True else result or 'NO'}" for name, result in results.items())


def random_images() -> tuple[Dataset, Split]:
    """Colour images of noise, and a labelled set of them."""
    draw = np.random.default_rng(0)
    images = draw.integers(256, size=(IMAGES, 3, 32, 32), dtype=np.uint8)
    classes = np.arange(IMAGES) % CLASSES
    return Dataset(images, classes, images[:100], classes[:100]), draw_split(classes, "balanced", 0, PER_CLASS)


def trained(method: str, settings: Settings, folder: Path | None = None, stop_after: int | None = None) -> Tensors:
    """Final weights and predictions of a run by name, or nothing if it is stopped after some steps."""
    given = {name: 1.0 if value == CALIBRATED else value for name, value in METHODS[method].defaults.items()}
    numbers = {name: 1.0 for name, value in settings.model_dump().items() if value == CALIBRATED}
    used = cast("Settings", SimpleNamespace(**settings.model_dump() | numbers | given))
    kept = Checkpoints(folder, 1e9, lambda line: None) if folder else None
    dataset, split = random_images()
    with suppress(InterruptedTrainingError):
        done = train(
            dataset, GREY, split, method, used, 0, lambda evaluation: None, kept, lambda done: done == stop_after
        )
        return done.weights | {"predicted": torch.from_numpy(done.evaluations[-1].predicted)}
    return {}


def _checks(method: str, settings: Settings) -> dict[str, bool | str]:
    graph = settings.model_copy(update={"graph": True})
    try:
        with TemporaryDirectory() as folder:
            whole = trained(method, settings)
            trained(method, settings, Path(folder), settings.steps // 2)
            resumed = trained(method, settings, Path(folder))
        return {
            "repeated": _equal(whole, trained(method, settings)),
            "resumed": _equal(whole, resumed),
            "as a graph": _equal(whole, trained(method, graph)),
        }
    except Exception as error:  # a page of verdicts is of more use than the first error
        return {"ran": f"{type(error).__name__}: {error}".splitlines()[0]}


def _equal(one: Tensors, other: Tensors) -> bool:
    return one.keys() == other.keys() != set() and all(torch.equal(value, other[name]) for name, value in one.items())


def _speed(settings: Settings) -> dict[str, float]:
    """Of FixMatch, in eager steps."""
    device = set_up_torch(settings)
    dataset, split = random_images()
    pools = build_pools(dataset, GREY, split, np.arange(CLASSES), device)
    method = METHODS["fixmatch"]
    draw = np.random.default_rng(0)
    state = start(build_network(settings, 3, CLASSES, draw), pools, CLASSES, method, settings)
    endless = settings.model_copy(update={"steps": 2**40})
    batches: Iterator[Batch] = draw_batches(pools, endless, 0, 0, unlabelled=True, strong=True)
    fixed = next(batches)
    network = build_network(settings, 3, CLASSES, draw).to(device)
    views = fixed.views.contiguous(memory_format=torch.channels_last)
    targets = torch.zeros(len(views), dtype=torch.int64, device=device)

    def step() -> None:
        train_step(state, next(batches), method, settings)

    def bare() -> None:
        network.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
            logits = network(views)
        # torch leaves backward() without type hints.
        cross_entropy(logits.float(), targets).backward()  # type: ignore[no-untyped-call]  # torch gives it no types

    ours, theirs = (_seconds(work, settings.steps, device) for work in (step, bare))
    return {
        "images/s": round(len(views) / ours, 1),
        "over bare forward and backward": round(theirs / ours, 3),
        **({"kernels per step": _kernels(step)} if device.type == "cuda" else {}),
    }


def _seconds(work: Callable[[], None], repetitions: int, device: torch.device) -> float:
    for _ in range(5):
        work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(repetitions):
        work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / repetitions


def _kernels(step: Callable[[], None]) -> float:
    """Kernels that a step starts, its share of a block's batch included."""
    steps = 44
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        for _ in range(steps):
            step()
        torch.cuda.synchronize()
    return round(
        sum(event.device_type == torch.autograd.DeviceType.CUDA for event in profile.events() or []) / steps, 1
    )


def _two_processes(settings: Settings) -> dict[str, bool | str]:
    shared = settings.model_copy(update={"processes": 2})
    with TemporaryDirectory() as place:
        folder = Path(place)
        try:
            for name in ("whole", "halved", "halved"):
                stop = settings.steps // 2 // 16 * 16 if name == "halved" and not (folder / name).exists() else None
                launch(2, settings.device, _train_and_write, shared, folder / name, stop)
        except Exception as error:
            return {"ran": f"{type(error).__name__}: {error}".splitlines()[0]}
        whole, halved = (torch.load(folder / name / "weights.pt") for name in ("whole", "halved"))
    one = trained("smooth-fixmatch", settings)
    close = all(torch.allclose(value, whole[name], rtol=TOLERANCE, atol=TOLERANCE) for name, value in one.items())
    return {"resumed": _equal(whole, halved), "as one process, but for rounding": close}


def _train_and_write(settings: Settings, folder: Path, stop_after: int | None) -> None:
    weights = trained("smooth-fixmatch", settings, folder / "checkpoints", stop_after)
    if weights and rank() == 0:
        torch.save(weights, folder / "weights.pt")


def main() -> None:
    """Check what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("device", choices=["cuda", "cpu"], help="what is checked")
    parser.add_argument("--steps", type=int, default=100, help="steps of each run")
    parser.add_argument("--network", default="wrn-28-2", help="network of each run")
    parser.add_argument("--batch", type=int, default=64, help="labelled images per step")
    options = parser.parse_args()
    settings = Settings(network=options.network, batch=options.batch)
    report(partial(check, options.device, options.steps, settings))


if __name__ == "__main__":
    main()
