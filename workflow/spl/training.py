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
from spl.batches import Batch, Pools
from spl.datasets import Dataset
from spl.errors import NotFiniteError
from spl.methods import METHODS, Method, smoothness_factor
from spl.networks import build_network
from spl.random_streams import generator
from spl.splits import Split
from spl.thresholds import ClassThresholds

if TYPE_CHECKING:
    from spl.settings import Settings

MEASURES = (
    "labelled_loss",
    "labelled_accuracy",
    "unlabelled_loss",
    "unweighted_loss",
    "coverage",
    "right_pseudo_labels",
    "factor",
    "factor_over_confidence",
)
"""What every step measures, averaged between evaluations; see :func:`train` for their meaning."""

EVALUATION_BATCH = 512


@dataclass(frozen=True)
class Evaluation:
    """The averaged network after some steps, and the means of the measures since the evaluation before.

    Attributes:
        step: steps done.
        confusion: int64 (classes, classes), test images by true (row) and predicted (column) class, of all classes of
            the data set, also those that the classifier does not know.
        measures: by name, in the order of the metrics file.
    """

    step: int
    confusion: NDArray[np.int64]
    measures: dict[str, float | int]


@dataclass(frozen=True)
class Trained:
    """A finished training: its evaluations in order, and its tensors by name."""

    evaluations: list[Evaluation]
    weights: dict[str, Tensor]


@dataclass
class State:
    """What a training carries from step to step; averaged weights and velocities (momentum) are by parameter name."""

    network: nn.Module
    averaged: dict[str, Tensor]
    velocity: dict[str, Tensor]
    thresholds: ClassThresholds | None


def train(
    dataset: Dataset,
    grey_levels: tuple[list[float], list[float]],
    split: Split,
    method_name: str,
    settings: Settings,
    seed: int,
    report: Callable[[Evaluation], None],
) -> Trained:
    """Train one network.

    The metrics of each evaluation are ``test_error`` of the averaged weights (share of the test images), the means over
    the steps since the last evaluation of the supervised loss (``labelled_loss``) and ``labelled_accuracy`` on the
    labelled batch; over the unlabelled batch: ``unlabelled_loss``, the mean of weight times cross-entropy, without
    lambda_u; ``unweighted_loss``, the same with weight 1; ``coverage``, the share whose pseudo-label has any weight,
    and ``purity``, the share of those that is right (equation 5); ``factor``, mean Phi (linear, for every method);
    ``factor_over_confidence``, mean Phi / f_y*(learning view) (equation 26); and ``batch_checksum`` over all
    that the steps saw.

    Args:
        dataset: images and classes.
        grey_levels: mean and standard deviation of the training images per channel, in 0-255.
        split: the labelled set. Classes without a labelled image are not known to the classifier.
        method_name: key of :data:`spl.methods.METHODS`.
        settings: at least those that the method uses.
        seed: decides initial weights, batches and augmentation.
        report: called with each evaluation.

    Raises:
        NotFiniteError: naming the step.
    """
    torch.set_num_threads(settings.threads)
    torch.set_deterministic_debug_mode("error")
    # A debugging aid that costs a tenth of the time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    method = METHODS[method_name]
    known = np.unique(dataset.train_classes[split.labelled])
    pools = _pools(dataset, grey_levels, split, known)
    network = build_network(settings, pools.images.shape[1], len(known), generator(seed, "initial weights"))
    state = State(
        network=network,
        averaged={name: weight.detach().clone() for name, weight in network.named_parameters()},
        velocity={name: torch.zeros_like(weight) for name, weight in network.named_parameters()},
        thresholds=(
            ClassThresholds(len(pools.unlabelled), len(known), settings.threshold) if method.class_thresholds else None
        ),
    )
    test_images = normalise(torch.from_numpy(dataset.test_images), pools.mean, pools.std)
    totals, checksum, steps_seen = torch.zeros(len(MEASURES)), torch.zeros((), dtype=torch.int64), 0
    evaluations = []
    drawn = batches.draw_batches(
        pools, settings, seed, 0, unlabelled=method.weight is not None, strong=method.strong_view
    )
    for step, batch in enumerate(drawn):
        totals += train_step(state, batch, step, method, settings)
        checksum = checksum * 1_000_003 + batch.checksum
        steps_seen += 1
        if is_evaluated(step + 1, settings):
            confusion = confusion_matrix(state, test_images, dataset, known)
            evaluation = Evaluation(
                step + 1, confusion, _summarise(totals / steps_seen, confusion, int(checksum), method, step + 1)
            )
            evaluations.append(evaluation)
            report(evaluation)
            totals, steps_seen = torch.zeros_like(totals), 0
    return Trained(evaluations, _weights(state))


def train_step(state: State, batch: Batch, step: int, method: Method, settings: Settings) -> Tensor:
    """Take one step of SGD on the labelled loss plus lambda_u times the unlabelled one (equations 20 and 21).

    Returns:
        float (len(MEASURES),), what the step measured.
    """
    logits, weak, learning = _forward(state.network, batch, method)
    labelled_loss = cross_entropy(logits, batch.targets)
    loss, measured = labelled_loss, [labelled_loss.detach(), (logits.argmax(1) == batch.targets).float().mean()]
    if method.weight is not None:
        score, pseudo_label = softmax(weak, 1).max(1)
        sg_score = score.detach()
        threshold = settings.threshold if state.thresholds is None else state.thresholds.of(pseudo_label)
        weight = method.weight(sg_score, threshold, settings)
        unlabelled_losses = cross_entropy(learning, pseudo_label, reduction="none")
        unlabelled_loss = (weight * unlabelled_losses).mean()
        loss = loss + settings.lambda_u * ramp_up(step, settings) * unlabelled_loss
        if method.factor_loss:
            loss = loss + settings.lambda_phi * factor_loss(score, settings.threshold)
        if state.thresholds is not None:
            state.thresholds.remember(batch.positions, sg_score, pseudo_label)
        with torch.no_grad():
            factor = smoothness_factor(sg_score, threshold)
            confidence = torch.exp(-unlabelled_losses)
            measured += [unlabelled_loss.detach(), unlabelled_losses.mean(), (weight > 0).float().mean()]
            measured += [((weight > 0) & (pseudo_label == batch.truth)).float().mean()]
            measured += [factor.mean(), (factor / confidence).mean()]
    loss.backward()  # type: ignore[no-untyped-call]
    _descend(state, learning_rate(step, settings), settings)
    _average(state, settings.ema)
    return torch.stack(measured + [torch.zeros(())] * (len(MEASURES) - len(measured)))


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


def is_evaluated(done: int, settings: Settings) -> bool:
    """Whether the network is evaluated after ``done`` steps: at one pace, a quicker one in the last fifth, and last."""
    late = done > 0.8 * settings.steps
    pace = settings.evaluate_late_every if late else settings.evaluate_every
    return done % pace == 0 or done == settings.steps


def confusion_matrix(
    state: State, test_images: Tensor, dataset: Dataset, known: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Test images by true (row) and predicted (column) class, with averaged weights and live batch-norm statistics.

    Args:
        state: the training.
        test_images: normalised float (n, c, h, w).
        dataset: for the true classes.
        known: int64, class of each output of the classifier.
    """
    state.network.eval()
    with torch.no_grad():
        predicted = torch.cat(
            [
                torch.func.functional_call(state.network, state.averaged, (part,)).argmax(1)
                for part in torch.split(test_images, EVALUATION_BATCH)
            ]
        )
    classes = dataset.classes
    cells = dataset.test_classes * classes + known[predicted.numpy()]
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


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


def _summarise(
    means: Tensor, confusion: NDArray[np.int64], checksum: int, method: Method, step: int
) -> dict[str, float | int]:
    if not torch.isfinite(means).all():
        raise NotFiniteError(f"the loss is not finite in the steps before step {step}")
    measures: dict[str, float | int] = {"step": step, "test_error": 1 - float(np.trace(confusion) / confusion.sum())}
    measures |= dict(zip(MEASURES, means.tolist(), strict=True))
    right, coverage = measures.pop("right_pseudo_labels"), measures["coverage"]
    measures["purity"] = right / coverage if coverage else math.nan
    if method.weight is None:
        measures |= dict.fromkeys([*MEASURES[2:5], *MEASURES[6:]], math.nan)
    return measures | {"batch_checksum": checksum}


def _weights(state: State) -> dict[str, Tensor]:
    named = {f"averaged.{name}": weight for name, weight in state.averaged.items()}
    named |= {f"network.{name}": value for name, value in state.network.state_dict().items()}
    return {name: value.detach().contiguous() for name, value in named.items()}
