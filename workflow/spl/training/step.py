"""One step of training: the loss of a method on one batch, and the descent along its gradient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softmax

from spl.methods.method import BatchPredictions, Method
from spl.training.batches import Batch
from spl.training.evaluation import MEASURES, OF_LABELLED, measure_pseudo_labels
from spl.training.optimiser import average, descend
from spl.training.processes import average_gradients, joined
from spl.training.state import State

if TYPE_CHECKING:
    from spl.study.settings import Settings


def train_step(state: State, batch: Batch, method: Method, settings: Settings) -> Tensor:
    """Take one step of SGD on the labelled loss plus lambda_u times the unlabelled one (equations 20 and 21).

    Returns:
        float (len(MEASURES),), what the step measured on this process's share of the batch; the first is its loss.
    """
    labelled, weak, learning = forward(state, batch, method, settings)
    loss = cross_entropy(labelled, batch.targets)
    of_labelled = [loss.detach(), (labelled.argmax(1) == batch.targets).float().mean()]
    of_pseudo_labels = torch.zeros(len(MEASURES) - len(OF_LABELLED), device=loss.device)
    if method.weight is not None:
        seen = predictions(labelled, weak, batch)
        guidance = state.method_state.observe(seen)
        probabilities = seen.weak if guidance.probabilities is None else guidance.probabilities
        score, pseudo_label = probabilities.max(1)
        weight = method.weight(score, guidance.threshold, settings, *guidance.statistics)
        targets = pseudo_label if guidance.targets is None else guidance.targets
        losses = cross_entropy(learning, targets, reduction="none")
        loss = loss + batch.unlabelled_weight * (weight * losses).mean()
        further = state.method_state.further_loss(weak, learning, weight)
        loss = loss if further is None else loss + further
        history = state.history.visit(batch.positions, pseudo_label, weight)
        of_pseudo_labels = measure_pseudo_labels(weight, losses.detach(), pseudo_label == batch.truth, *history)
    descend(state.trained, gradients(loss, state.trained), state.velocity, batch.learning_rate, settings)
    average(state.averaged, state.weights, settings.ema)
    return torch.cat([torch.stack([loss.detach(), *of_labelled]), of_pseudo_labels])


def predictions(labelled: Tensor, weak: Tensor, batch: Batch) -> BatchPredictions:
    """What the method sees of the logits of one batch."""
    return BatchPredictions(
        softmax(labelled.detach(), 1), batch.targets, softmax(weak.detach(), 1), batch.positions, joined
    )


def forward(state: State, batch: Batch, method: Method, settings: Settings) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of the labelled images, of the views that yield pseudo-labels, and of the views that learn them."""
    layout = torch.channels_last if settings.channels_last else torch.contiguous_format
    images = batch.views if method.strong_view else batch.labelled
    with torch.autocast(images.device.type, torch.bfloat16) if settings.precision == "bf16" else nullcontext():
        logits = state.forward(images.contiguous(memory_format=layout)).float()
        if method.strong_view:
            labelled, weak, strong = torch.split(logits, list(batch.sizes))
            return labelled, weak if method.through_weak else weak.detach(), strong
        if method.weight is None:
            return logits, logits[:0], logits[:0]
        with _frozen_statistics(state.norms):
            learning = state.forward(batch.weak.contiguous(memory_format=layout)).float()
    return logits, learning.detach(), learning


def gradients(loss: Tensor, weights: Mapping[str, nn.Parameter]) -> list[Tensor]:
    """The gradient of each weight, of the whole batch and as the weight lies in memory, which the optimiser expects."""
    computed = torch.autograd.grad(loss, list(weights.values()))
    laid_out = [
        gradient if gradient.stride() == weight.stride() else torch.empty_like(weight).copy_(gradient)
        for gradient, weight in zip(computed, weights.values(), strict=True)
    ]
    average_gradients(laid_out)
    return laid_out


@contextmanager
def _frozen_statistics(norms: Sequence[nn.BatchNorm2d | nn.SyncBatchNorm]) -> Iterator[None]:
    """Normalise by the batch's own statistics without adding them to the running ones."""
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    yield
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
