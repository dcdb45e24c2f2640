"""One step of training: the loss of a method on one batch, and the descent along its gradient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softmax

from spl.methods.method import BatchPredictions, Method
from spl.training.batches import Batch
from spl.training.evaluation import MEASURES, measure_pseudo_labels
from spl.training.optimiser import average, descend, learning_rate
from spl.training.processes import joined
from spl.training.state import State

if TYPE_CHECKING:
    from spl.study.settings import Settings


def train_step(state: State, batch: Batch, step: int, method: Method, settings: Settings) -> Tensor:
    """Take one step of SGD on the labelled loss plus lambda_u times the unlabelled one (equations 20 and 21).

    Returns:
        float (len(MEASURES),), what the step measured; the first is its loss.
    """
    labelled, weak, learning = forward(state, batch, method, settings)
    loss = cross_entropy(labelled, batch.targets)
    measured = {"labelled_loss": loss, "labelled_accuracy": (labelled.argmax(1) == batch.targets).float().mean()}
    if method.weight is not None:
        seen = predictions(labelled, weak, batch)
        guidance = state.method_state.observe(seen)
        probabilities = seen.weak if guidance.probabilities is None else guidance.probabilities
        score, pseudo_label = probabilities.max(1)
        weight = method.weight(score, guidance.threshold, settings, *guidance.statistics)
        targets = pseudo_label if guidance.targets is None else guidance.targets
        losses = cross_entropy(learning, targets, reduction="none")
        loss = loss + settings.lambda_u * ramp_up(step, settings) * (weight * losses).mean()
        further = state.method_state.further_loss(weak, learning, weight)
        loss = loss if further is None else loss + further
        measured |= measure_pseudo_labels(weight, losses.detach(), pseudo_label == batch.truth)
        measured |= state.history.visit(batch.positions, pseudo_label, weight)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without type hints
    descend(state.network, state.velocity, learning_rate(step, settings), settings)
    average(state.averaged, state.network, settings.ema)
    measured["loss"] = loss
    return torch.stack([measured.get(name, torch.zeros_like(loss)).detach() for name in MEASURES])


def predictions(labelled: Tensor, weak: Tensor, batch: Batch) -> BatchPredictions:
    """What the method sees of the logits of one batch."""
    return BatchPredictions(
        softmax(labelled.detach(), 1), batch.targets, softmax(weak.detach(), 1), batch.positions, joined
    )


def forward(state: State, batch: Batch, method: Method, settings: Settings) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of the labelled images, of the views that yield pseudo-labels, and of the views that learn them."""
    state.network.train()
    layout = torch.channels_last if settings.channels_last else torch.contiguous_format
    images = torch.cat([batch.labelled, batch.weak, batch.strong] if method.strong_view else [batch.labelled])
    with torch.autocast(images.device.type, torch.bfloat16) if settings.precision == "bf16" else nullcontext():
        logits = state.forward(images.contiguous(memory_format=layout)).float()
        if method.strong_view:
            labelled, weak, strong = torch.split(logits, [len(batch.labelled), len(batch.weak), len(batch.strong)])
            return labelled, weak if method.through_weak else weak.detach(), strong
        if method.weight is None:
            return logits, logits[:0], logits[:0]
        with _frozen_statistics(state.network):
            learning = state.forward(batch.weak.contiguous(memory_format=layout)).float()
    return logits, learning.detach(), learning


@contextmanager
def _frozen_statistics(network: nn.Module) -> Iterator[None]:
    """Normalise by the batch's own statistics without adding them to the running ones."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d | nn.SyncBatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    yield
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def ramp_up(step: int, settings: Settings) -> float:
    """Part of lambda_u in force: grows linearly over the first ``ramp`` of the steps (Pseudo-Labeling), else 1."""
    return min(1.0, step / (settings.ramp * settings.steps)) if settings.ramp else 1.0
