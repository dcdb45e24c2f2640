"""One training: from a labelled set, a data set and settings to weights, metrics and confusion matrices."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softmax
from torch.optim.sgd import sgd

from spl import batches
from spl.augment import normalise
from spl.batches import CHECKSUM_FACTOR, Batch, Pools
from spl.checkpoints import Checkpoint, Checkpoints
from spl.datasets import Dataset
from spl.errors import InterruptedTrainingError
from spl.evaluation import (
    MEASURES,
    Evaluation,
    confusion_matrix,
    is_evaluated,
    measure_pseudo_labels,
    summarise,
)
from spl.methods import METHODS, Method, smoothness_factor
from spl.networks import build_network
from spl.random_streams import generator
from spl.splits import Split
from spl.thresholds import ClassThresholds

if TYPE_CHECKING:
    from spl.settings import Settings


@dataclass(frozen=True)
class Trained:
    """A finished training: its evaluations in order, and its tensors by name."""

    evaluations: list[Evaluation]
    weights: dict[str, Tensor]


@dataclass
class State:
    """What a training carries from step to step.

    Attributes:
        network: live weights and batch-norm statistics.
        averaged, velocity: moving average and momentum of each parameter, by its name.
        thresholds: FlexMatch's.
        totals: float (len(MEASURES),), sums since the last evaluation.
        checksum: int64 scalar, of all batches so far.
        evaluations: so far.
    """

    network: nn.Module
    averaged: dict[str, Tensor]
    velocity: dict[str, Tensor]
    thresholds: ClassThresholds | None
    totals: Tensor
    checksum: Tensor
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
    interrupted: Callable[[], bool] = lambda: False,
) -> Trained:
    """Train one network, from its newest checkpoint if there is one; the result is the same, bit for bit.

    Args:
        dataset: images and classes.
        grey_levels: mean and standard deviation of the training images per channel, in 0-255.
        split: the labelled set. Classes without a labelled image are not known to the classifier.
        method_name: key of :data:`spl.methods.METHODS`.
        settings: at least those that the method uses.
        seed: decides initial weights, batches and augmentation.
        report: called with each evaluation.
        checkpoints: of this run; None keeps none.
        interrupted: asked after each step whether to save and stop.

    Raises:
        NotFiniteError: naming the step.
        InterruptedTrainingError: after a checkpoint was written.
    """
    set_up_torch(settings.threads)
    method = METHODS[method_name]
    known = np.unique(dataset.train_classes[split.labelled])
    pools = _pools(dataset, grey_levels, split, known)
    network = build_network(settings, pools.images.shape[1], len(known), generator(seed, "initial weights"))
    state = start(network, pools, len(known), method, settings)
    saved = checkpoints.read() if checkpoints else None
    done = _restore(state, saved) if saved else 0
    test_images = normalise(torch.from_numpy(dataset.test_images), pools.mean, pools.std)
    drawn = batches.draw_batches(
        pools, settings, seed, done, unlabelled=method.weight is not None, strong=method.strong_view
    )
    for batch in drawn:
        state.totals += train_step(state, batch, done, method, settings)
        state.checksum.mul_(CHECKSUM_FACTOR).add_(batch.checksum)
        done += 1
        if is_evaluated(done, settings):
            steps = done - (state.evaluations[-1].step if state.evaluations else 0)
            confusion = confusion_matrix(network, state.averaged, test_images, dataset, known)
            state.evaluations.append(summarise(done, state.totals / steps, confusion, int(state.checksum), method))
            state.totals.zero_()
            report(state.evaluations[-1])
        stop = interrupted()
        if checkpoints and done < settings.steps and (stop or checkpoints.due()):
            checkpoints.write(_checkpoint(state, done))
        if stop and done < settings.steps:
            raise InterruptedTrainingError(f"interrupted after step {done} of {settings.steps}")
    weights = {name: value for name, value in state.tensors().items() if name.startswith(("averaged.", "network."))}
    return Trained(state.evaluations, _contiguous(weights))


def set_up_torch(threads: int) -> None:
    """Make results depend on nothing but the number of threads: deterministic algorithms alone."""
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")
    # A debugging aid that costs a tenth of the time; torch sets it up where type checkers do not see it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def start(network: nn.Module, pools: Pools, classes: int, method: Method, settings: Settings) -> State:
    """The state before the first step of a network with ``classes`` outputs."""
    return State(
        network=network,
        averaged={name: weight.detach().clone() for name, weight in network.named_parameters()},
        velocity={name: torch.zeros_like(weight) for name, weight in network.named_parameters()},
        thresholds=(
            ClassThresholds(len(pools.unlabelled), classes, settings.threshold) if method.class_thresholds else None
        ),
        totals=torch.zeros(len(MEASURES)),
        checksum=torch.zeros((), dtype=torch.int64),
        evaluations=[],
    )


def _checkpoint(state: State, done: int) -> Checkpoint:
    tensors = _contiguous(state.tensors())
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


def _contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().contiguous() for name, value in tensors.items()}


def train_step(state: State, batch: Batch, step: int, method: Method, settings: Settings) -> Tensor:
    """Take one step of SGD on the labelled loss plus lambda_u times the unlabelled one (equations 20 and 21).

    Returns:
        float (len(MEASURES),), what the step measured.
    """
    logits, weak, learning = _forward(state.network, batch, method)
    loss = cross_entropy(logits, batch.targets)
    measured = {"labelled_loss": loss, "labelled_accuracy": (logits.argmax(1) == batch.targets).float().mean()}
    if method.weight is not None:
        score, pseudo_label = softmax(weak, 1).max(1)
        threshold = settings.threshold if state.thresholds is None else state.thresholds.of(pseudo_label)
        weight = method.weight(score.detach(), threshold, settings)
        losses = cross_entropy(learning, pseudo_label, reduction="none")
        loss = loss + settings.lambda_u * ramp_up(step, settings) * (weight * losses).mean()
        if method.factor_loss:
            loss = loss + settings.lambda_phi * factor_loss(score, settings.threshold)
        if state.thresholds is not None:
            state.thresholds.remember(batch.positions, score.detach(), pseudo_label)
        right = pseudo_label == batch.truth
        measured |= measure_pseudo_labels(score.detach(), threshold, weight, losses.detach(), right)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without type hints
    _descend(state, learning_rate(step, settings), settings)
    _average(state, settings.ema)
    return torch.stack([measured.get(name, torch.zeros(())).detach() for name in MEASURES])


def _forward(network: nn.Module, batch: Batch, method: Method) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of the labelled images, of the views that give pseudo-labels, and of the views that learn them."""
    network.train()
    if method.strong_view:
        views = torch.cat([batch.labelled, batch.weak, batch.strong])
        logits = network(views.contiguous(memory_format=torch.channels_last))
        labelled, weak, strong = logits.split([len(batch.labelled), len(batch.weak), len(batch.strong)])
        return labelled, weak if method.factor_loss else weak.detach(), strong
    labelled = network(batch.labelled)
    if method.weight is None:
        return labelled, labelled[:0], labelled[:0]
    with _frozen_statistics(network):
        weak = network(batch.weak)
    return labelled, weak.detach(), weak


@contextmanager
def _frozen_statistics(network: nn.Module) -> Iterator[None]:
    """Normalise by the batch's own statistics without adding them to the running ones."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
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
    dataset: Dataset, grey_levels: tuple[list[float], list[float]], split: Split, known: NDArray[np.int64]
) -> Pools:
    number = np.full(dataset.classes, -1)
    number[known] = np.arange(len(known))
    pool = np.setdiff1d(np.arange(len(dataset.train_classes)), split.excluded)
    return Pools(
        images=torch.from_numpy(dataset.train_images),
        classes=torch.from_numpy(number[dataset.train_classes]),
        labelled=torch.tensor(split.labelled),
        unlabelled=torch.from_numpy(pool),
        mean=torch.tensor(grey_levels[0]),
        std=torch.tensor(grey_levels[1]),
    )


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
