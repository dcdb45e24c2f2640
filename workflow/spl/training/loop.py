"""One training run: from a labelled set, a data set and settings to weights, metrics and predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spl.data.splits import Split
from spl.data.store import Dataset
from spl.errors import InterruptedTrainingError, NotFiniteError
from spl.methods.registry import METHODS
from spl.training.backend import set_up_torch
from spl.training.batches import CHECKSUM_FACTOR, Batch, build_pools, draw_batches
from spl.training.checkpoints import Checkpoints
from spl.training.evaluation import MEASURES, Evaluation, is_evaluated, make_evaluation, predict_test_images
from spl.training.graph import repeat
from spl.training.inheritance import inherit
from spl.training.networks import build_network, disturb
from spl.training.processes import agree, joined, processes, rank, total
from spl.training.random_streams import generator
from spl.training.state import NO_STEP, State, checkpoint, restore, start
from spl.training.step import train_step

if TYPE_CHECKING:
    from spl.study.settings import Settings

LOSS = MEASURES.index("loss")
STEPS_BETWEEN_DECISIONS = 16
"""Of several processes, which wait for each other to decide, as they do in evaluations."""


@dataclass(frozen=True)
class Trained:
    """A finished run: its evaluations in order, its tensors by name, and the class of each output, int64."""

    evaluations: list[Evaluation]
    weights: dict[str, Tensor]
    known: NDArray[np.int64]


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
    final: Mapping[str, Tensor] | None = None,
) -> Trained:
    """Train one network, from its newest checkpoint if there is one; the result is the same, bit for bit.

    Each process of a run calls this with the same arguments; the first one reports and writes.

    Args:
        dataset: images and classes.
        grey_levels: mean and standard deviation of the training images per channel, in 0-255.
        split: the labelled set. The classifier has no output for a class without a labelled image.
        method_name: key of :data:`spl.methods.registry.METHODS`.
        settings: at least those that the method reads, with numbers for calibrated weights.
        seed: decides initial weights, batches and augmentation.
        report: called with each evaluation.
        checkpoints: of this run; None keeps none.
        interrupted: called after each step with the number of steps done: whether to save and stop.
        final: final state of another run to start from; None draws initial weights.

    Raises:
        InputError: the machine lacks a device or instructions that the settings ask for.
        NotFiniteError: naming the step, its batch and the last good checkpoint.
        InterruptedTrainingError: after a checkpoint was written.
    """
    device = set_up_torch(settings)
    method = METHODS[method_name]
    known = np.unique(dataset.train_classes[split.labelled])
    pools = build_pools(dataset, grey_levels, split, known, device)
    network = build_network(settings, pools.images.shape[1], len(known), generator(seed, "initial weights"))
    if settings.initial_noise:
        disturb(network, settings.initial_noise, generator(seed, "initial noise"))
    state = start(network, pools, len(known), method, settings)
    if final is not None:
        inherit(state, final, known)
    saved = checkpoints.read() if checkpoints else None
    done = restore(state, saved) if saved else 0
    last = settings.stop or settings.steps

    def batches(first: int) -> Iterator[Batch]:
        used = {"unlabelled": method.weight is not None, "strong": method.strong_view}
        return draw_batches(pools, settings, seed, first, **used)

    def step(batch: Batch) -> None:
        measured = train_step(state, batch, method, settings)
        state.totals += measured
        state.checksum.mul_(CHECKSUM_FACTOR).add_(batch.checksum)
        failed = ~torch.isfinite(measured[LOSS]) & (state.failed_at == NO_STEP)
        state.failed_at.copy_(torch.where(failed, batch.step, state.failed_at))

    take = repeat(step) if settings.graph else step
    for batch in batches(done):
        take(batch)
        done += 1
        evaluate = is_evaluated(done, settings)
        save, stop = _decide(checkpoints, interrupted, done, last, evaluate=evaluate)
        failed_at = _first_failure(state) if evaluate or save else NO_STEP
        if failed_at != NO_STEP:
            raise _not_finite(failed_at, next(batches(failed_at)), checkpoints)
        if evaluate:
            steps = done - (state.evaluations[-1].step if state.evaluations else 0)
            predicted = predict_test_images(network, state.averaged, pools, dataset, known)
            means = total(state.totals).cpu() / (steps * processes())
            checksum = int(total(state.checksum))
            state.evaluations.append(make_evaluation(done, means, predicted, dataset, checksum, method))
            state.totals.zero_()
            report(state.evaluations[-1])
        if save and checkpoints and _has_finite_weights(state):
            saved = checkpoint(state, done)
            if rank() == 0:
                checkpoints.write(saved)
        if stop:
            raise InterruptedTrainingError(f"interrupted after step {done} of {last}")
    return Trained(state.evaluations, state.final_weights(), known)


def _decide(
    checkpoints: Checkpoints | None, interrupted: Callable[[int], bool], done: int, last: int, *, evaluate: bool
) -> tuple[bool, bool]:
    """Whether to write a checkpoint now, and whether to stop: the first process decides for all of them."""
    if processes() > 1 and done % STEPS_BETWEEN_DECISIONS and not evaluate:
        return False, False
    stop = interrupted(done) and done < last
    due = checkpoints is not None and (stop or done == last or checkpoints.due())
    decision = agree(2 * due + stop)
    return decision >= 2, decision % 2 == 1


def _first_failure(state: State) -> int:
    """The first step in which a loss was not finite, in any process; :data:`spl.training.state.NO_STEP` if none."""
    failures = [step for step in joined(state.failed_at[None]).tolist() if step != NO_STEP]
    return min(failures, default=NO_STEP)


def _has_finite_weights(state: State) -> bool:
    """A finite loss can lead to weights that are not finite; such a state must not become a checkpoint."""
    return bool(torch.stack([weight.isfinite().all() for weight in state.network.parameters()]).all())


def _not_finite(failed_at: int, batch: Batch, checkpoints: Checkpoints | None) -> NotFiniteError:
    checksum = int(total(batch.checksum))
    last_good = checkpoints.newest() if checkpoints else None
    return NotFiniteError(
        f"the loss is not finite in step {failed_at + 1}, whose batch has checksum {checksum}; "
        f"last good checkpoint: {last_good or 'none'}"
    )
