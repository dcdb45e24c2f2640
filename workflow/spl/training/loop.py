"""One training: from a labelled set, a data set and settings to weights, metrics and confusion matrices."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softmax
from torch.optim.sgd import sgd

from spl.data.datasets import Dataset
from spl.data.splits import Split
from spl.errors import InputError, InterruptedTrainingError, NotFiniteError
from spl.methods.methods import METHODS, Method, smoothness_factor
from spl.training import batches, instructions
from spl.training.batches import CHECKSUM_FACTOR, Batch, Pools
from spl.training.checkpoints import Checkpoint, Checkpoints
from spl.training.evaluation import (
    MEASURES,
    Evaluation,
    confusion_matrix,
    is_evaluated,
    measure_pseudo_labels,
    summarise,
)
from spl.training.networks import build_network
from spl.training.processes import agree, distribute, joined, processes, rank, total
from spl.training.random_streams import generator
from spl.training.thresholds import ClassThresholds

if TYPE_CHECKING:
    from spl.study.settings import Settings


M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Of glibc's mallopt."""


@dataclass(frozen=True)
class Trained:
    """A finished training: its evaluations in order, and its tensors by name."""

    evaluations: list[Evaluation]
    weights: dict[str, Tensor]


@dataclass
class State:
    """What a training carries from step to step; the same in each of its processes.

    Attributes:
        network: live weights and batch-norm statistics.
        forward: the network as training calls it: compiled, distributed.
        averaged, velocity: moving average and momentum of each parameter, by its name.
        thresholds: FlexMatch's.
        totals: float (len(MEASURES),), sums since the last evaluation.
        checksum: int64 scalar, of all batches so far.
        failed_at: int64 scalar, the first step whose loss was not finite; -1 as long as there is none.
        evaluations: so far.
    """

    network: nn.Module
    forward: Callable[[Tensor], Tensor]
    averaged: dict[str, Tensor]
    velocity: dict[str, Tensor]
    thresholds: ClassThresholds | None
    totals: Tensor
    checksum: Tensor
    failed_at: Tensor
    evaluations: list[Evaluation]

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state by a name; writing into them sets the state."""
        named = {f"averaged.{name}": weight for name, weight in self.averaged.items()}
        named |= {f"velocity.{name}": velocity for name, velocity in self.velocity.items()}
        named |= {f"network.{name}": value for name, value in self.network.state_dict().items()}
        named |= {"totals": self.totals, "checksum": self.checksum}
        return named if self.thresholds is None else named | {"latest": self.thresholds.latest}


def train(
    dataset: Dataset,
    grey_levels: tuple[list[float], list[float]],
    split: Split,
    method_name: str,
    settings: Settings,
    seed: int,
    report: Callable[[Evaluation], None],
    checkpoints: Checkpoints | None = None,
    interrupted: Callable[[int], bool] = lambda done: False,
) -> Trained:
    """Train one network, from its newest checkpoint if there is one; the result is the same, bit for bit.

    Each process of a training calls this with the same arguments; the first one reports and writes.

    Args:
        dataset: images and classes.
        grey_levels: mean and standard deviation of the training images per channel, in 0-255.
        split: the labelled set. Classes without a labelled image are not known to the classifier.
        method_name: key of :data:`spl.methods.methods.METHODS`.
        settings: at least those that the method uses, with numbers for calibrated weights.
        seed: decides initial weights, batches and augmentation.
        report: called with each evaluation.
        checkpoints: of this run; None keeps none.
        interrupted: asked with the steps done, after each, whether to save and stop.

    Raises:
        InputError: the settings ask for a device or for instructions that are not there.
        NotFiniteError: naming the step, its batch and the last good checkpoint.
        InterruptedTrainingError: after a checkpoint was written.
    """
    device = set_up_torch(settings)
    method = METHODS[method_name]
    known = np.unique(dataset.train_classes[split.labelled])
    pools = _pools(dataset, grey_levels, split, known, device)
    network = build_network(settings, pools.images.shape[1], len(known), generator(seed, "initial weights"))
    state = start(network, pools, len(known), method, settings)
    saved = checkpoints.read() if checkpoints else None
    done = _restore(state, saved) if saved else 0

    def drawn(first: int) -> Iterator[Batch]:
        used = {"unlabelled": method.weight is not None, "strong": method.strong_view}
        return batches.draw_batches(pools, settings, seed, first, **used)

    for batch in drawn(done):
        measured = total(train_step(state, batch, done, method, settings)) / processes()
        state.totals += measured
        state.checksum.mul_(CHECKSUM_FACTOR).add_(total(batch.checksum))
        failed = ~torch.isfinite(measured).all() & (state.failed_at < 0)
        state.failed_at.copy_(torch.where(failed, done, state.failed_at))
        done += 1
        evaluate = is_evaluated(done, settings)
        save, stop = _decide(checkpoints, interrupted, done, settings.steps)
        if (evaluate or save) and state.failed_at >= 0:
            raise _not_finite(state, next(drawn(int(state.failed_at))), checkpoints)
        if evaluate:
            steps = done - (state.evaluations[-1].step if state.evaluations else 0)
            confusion = confusion_matrix(network, state.averaged, pools, dataset, known)
            state.evaluations.append(
                summarise(done, state.totals.cpu() / steps, confusion, int(state.checksum), method)
            )
            state.totals.zero_()
            report(state.evaluations[-1])
        if save and checkpoints and rank() == 0 and _has_finite_weights(state):
            checkpoints.write(checkpoint(state, done))
        if stop:
            raise InterruptedTrainingError(f"interrupted after step {done} of {settings.steps}")
    weights = {name: value for name, value in state.tensors().items() if name.startswith(("averaged.", "network."))}
    return Trained(state.evaluations, _on_host(weights))


def _decide(
    checkpoints: Checkpoints | None, interrupted: Callable[[int], bool], done: int, steps: int
) -> tuple[bool, bool]:
    """Whether to write a checkpoint now, and whether to stop: as the first process sees it, for all of them."""
    stop = interrupted(done) and done < steps
    due = checkpoints is not None and (stop or done == steps or checkpoints.due())
    decision = agree(2 * due + stop)
    return decision >= 2, decision % 2 == 1


def _has_finite_weights(state: State) -> bool:
    """A finite loss can take a step to weights that are not; such a state is nothing to go on from."""
    return bool(torch.stack([weight.isfinite().all() for weight in state.network.parameters()]).all())


def _not_finite(state: State, batch: Batch, checkpoints: Checkpoints | None) -> NotFiniteError:
    step, checksum = int(state.failed_at) + 1, int(total(batch.checksum))
    last_good = checkpoints.newest() if checkpoints else None
    return NotFiniteError(
        f"the loss is not finite in step {step}, whose batch has checksum {checksum}; "
        f"last good checkpoint: {last_good or 'none'}"
    )


def set_up_torch(settings: Settings) -> torch.device:
    """Make results depend on nothing but the settings, and return the device of this process.

    Raises:
        InputError: there are too few CUDA devices, or the processor lacks instructions.
    """
    torch.set_num_threads(settings.threads)
    torch.set_deterministic_debug_mode("error" if settings.deterministic else "default")
    # A debugging aid that costs a tenth of the time; torch sets it up where type checkers do not see it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if settings.device == "cpu":
        instructions.check(settings.instructions)
        _keep_freed_memory()
        return torch.device("cpu")
    if torch.cuda.device_count() < settings.processes:
        raise InputError(f"device: expected {settings.processes} CUDA devices, found {torch.cuda.device_count()}")
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # without it cuBLAS's results differ between runs
    torch.backends.cudnn.benchmark = not settings.deterministic
    rounding = "tf32" if settings.tf32 else "ieee"
    torch.backends.cuda.matmul.fp32_precision = rounding
    torch.backends.cudnn.conv.fp32_precision = rounding  # type: ignore[attr-defined]  # set up at import
    return torch.device("cuda", rank())


def _keep_freed_memory() -> None:
    """Tell glibc to reuse large blocks: returned to the system and fetched again, they cost as much as arithmetic."""
    if sys.platform == "linux":
        allocator = ctypes.CDLL(None)
        allocator.mallopt(M_MMAP_MAX, 0)
        allocator.mallopt(M_TRIM_THRESHOLD, -1)


def start(network: nn.Module, pools: Pools, classes: int, method: Method, settings: Settings) -> State:
    """The state before the first step of a network with ``classes`` outputs, on the device of the pools."""
    device = pools.device
    network.to(device)
    forward = distribute(network)
    return State(
        network=network,
        forward=torch.compile(forward) if settings.compiled else forward,
        averaged={name: weight.detach().clone() for name, weight in network.named_parameters()},
        velocity={name: torch.zeros_like(weight) for name, weight in network.named_parameters()},
        thresholds=(
            ClassThresholds(len(pools.unlabelled), classes, settings.threshold, device)
            if method.class_thresholds
            else None
        ),
        totals=torch.zeros(len(MEASURES), device=device),
        checksum=torch.zeros((), dtype=torch.int64, device=device),
        failed_at=torch.full((), -1, device=device),
        evaluations=[],
    )


def checkpoint(state: State, done: int) -> Checkpoint:
    """All that goes on from ``done`` steps needs."""
    tensors = _on_host(state.tensors())
    matrices = [torch.from_numpy(evaluation.confusion) for evaluation in state.evaluations]
    if matrices:
        tensors["confusion"] = torch.stack(matrices)
    return Checkpoint(done, tensors, {"measures": [evaluation.measures for evaluation in state.evaluations]})


@torch.no_grad()
def _restore(state: State, saved: Checkpoint) -> int:
    for name, value in state.tensors().items():
        value.copy_(saved.tensors[name])
    for measures, confusion in zip(saved.record["measures"], saved.tensors.get("confusion", ()), strict=True):
        state.evaluations.append(Evaluation(measures["step"], confusion.numpy(), measures))
    return saved.step


def _on_host(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}


def train_step(state: State, batch: Batch, step: int, method: Method, settings: Settings) -> Tensor:
    """Take one step of SGD on the labelled loss plus lambda_u times the unlabelled one (equations 20 and 21).

    Returns:
        float (len(MEASURES),), what the step measured.
    """
    logits, weak, learning = _forward(state, batch, method, settings)
    loss = cross_entropy(logits, batch.targets)
    measured = {"labelled_loss": loss, "labelled_accuracy": (logits.argmax(1) == batch.targets).float().mean()}
    if method.weight is not None:
        score, pseudo_label = softmax(weak, 1).max(1)
        threshold = settings.threshold if state.thresholds is None else state.thresholds.of(pseudo_label)
        weight = method.weight(score.detach(), threshold, settings)
        losses = cross_entropy(learning, pseudo_label, reduction="none")
        loss = loss + settings.lambda_u * ramp_up(step, settings) * (weight * losses).mean()
        if method.factor_loss:
            loss = loss + settings.lambda_phi * settings.lambda_max * factor_loss(score, settings.threshold)
        if state.thresholds is not None:
            state.thresholds.remember(*(joined(part) for part in (batch.positions, score.detach(), pseudo_label)))
        right = pseudo_label == batch.truth
        measured |= measure_pseudo_labels(score.detach(), threshold, weight, losses.detach(), right)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without type hints
    _descend(state, learning_rate(step, settings), settings)
    _average(state, settings.ema)
    return torch.stack([measured.get(name, torch.zeros_like(loss)).detach() for name in MEASURES])


def _forward(state: State, batch: Batch, method: Method, settings: Settings) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of the labelled images, of the views that give pseudo-labels, and of the views that learn them."""
    state.network.train()
    layout = torch.channels_last if settings.channels_last else torch.contiguous_format
    images = torch.cat([batch.labelled, batch.weak, batch.strong] if method.strong_view else [batch.labelled])
    with torch.autocast(images.device.type, torch.bfloat16) if settings.precision == "bf16" else nullcontext():
        logits = state.forward(images.contiguous(memory_format=layout)).float()
        if method.strong_view:
            labelled, weak, strong = torch.split(logits, [len(batch.labelled), len(batch.weak), len(batch.strong)])
            return labelled, weak if method.factor_loss else weak.detach(), strong
        if method.weight is None:
            return logits, logits[:0], logits[:0]
        with _frozen_statistics(state.network):
            learning = state.forward(batch.weak.contiguous(memory_format=layout)).float()
    return logits, learning.detach(), learning


@contextmanager
def _frozen_statistics(network: nn.Module) -> Iterator[None]:
    """Normalise by the batch's own statistics without adding them to the running ones."""
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    yield
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def factor_loss(score: Tensor, threshold: float) -> Tensor:
    """Mean of sg(Phi) (1 - Phi): its descent raises the scores above the threshold (equation 23, linear factor).

    Args:
        score: float (n,), differentiable.
        threshold: tau.
    """
    factor = smoothness_factor(score, threshold)
    return (factor.detach() * (1 - factor)).mean()


def learning_rate(step: int, settings: Settings) -> float:
    """The cosine schedule of FixMatch: lr cos(7 pi k / 16 K) in step k of K."""
    return settings.learning_rate * math.cos(7 * math.pi * step / (16 * settings.steps))


def ramp_up(step: int, settings: Settings) -> float:
    """Part of lambda_u in force: grows linearly over the first ``ramp`` of the steps (Pseudo-Labeling), else 1."""
    return min(1.0, step / (settings.ramp * settings.steps)) if settings.ramp else 1.0


def _pools(
    dataset: Dataset,
    grey_levels: tuple[list[float], list[float]],
    split: Split,
    known: NDArray[np.int64],
    device: torch.device,
) -> Pools:
    number = np.full(dataset.classes, -1)
    number[known] = np.arange(len(known))
    pool = np.setdiff1d(np.arange(len(dataset.train_classes)), split.excluded)
    images = torch.from_numpy(dataset.train_images)
    return Pools(
        images=images.to(device) if _fits(images, device) else images,
        classes=torch.from_numpy(number[dataset.train_classes]).to(device),
        labelled=torch.tensor(split.labelled),
        unlabelled=torch.from_numpy(pool),
        mean=torch.tensor(grey_levels[0], device=device),
        std=torch.tensor(grey_levels[1], device=device),
    )


def _fits(images: Tensor, device: torch.device) -> bool:
    """Whether a device has room for the images, and leaves half of it to the network."""
    return device.type == "cpu" or 2 * images.nbytes < torch.cuda.mem_get_info(device)[0]


@torch.no_grad()
def _descend(state: State, rate: float, settings: Settings) -> None:
    """One step of SGD with Nesterov momentum; biases and batch norm do not decay, dead parameters do not move.

    This is torch's own SGD in its functional form: the class around it loads torch's compiler, seconds of each run.
    """
    trained = [(name, weight) for name, weight in state.network.named_parameters() if weight.grad is not None]
    for decay, is_matrix in ((settings.weight_decay, True), (0.0, False)):
        group = [(name, weight) for name, weight in trained if (weight.ndim > 1) == is_matrix]
        sgd(
            [weight for _, weight in group],
            [weight.grad for _, weight in group if weight.grad is not None],
            [state.velocity[name] for name, _ in group],
            lr=rate,
            momentum=settings.momentum,
            dampening=0.0,
            weight_decay=decay,
            nesterov=settings.momentum > 0,
            maximize=False,
            fused=True,
        )
    for _, weight in trained:
        weight.grad = None


@torch.no_grad()
def _average(state: State, decay: float) -> None:
    torch._foreach_lerp_(list(state.averaged.values()), list(state.network.parameters()), 1 - decay)
