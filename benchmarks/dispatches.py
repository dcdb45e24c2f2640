"""How many tensor operations a step dispatches: each costs a GPU's host microseconds, whatever the GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch.utils._python_dispatch import TorchDispatchMode

from spl.methods.registry import METHODS
from spl.study.settings import Settings
from spl.training.batches import PIXELS_AT_ONCE, Pools, batches_of, draw_block
from spl.training.networks import build_network
from spl.training.state import start
from spl.training.step import train_step


class _Count(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.operations += 1
        return operation(*args, **kwargs or {})


def count(work: Callable[[], object]) -> int:
    """Tensor operations that the work dispatches, views included."""
    with _Count() as counting:
        work()
    return counting.operations


def dispatches(settings: Settings, pools: Pools, images: int) -> dict[str, float]:
    """Operations of a FixMatch step in blocks as long as a GPU's; they do not depend on the batch.

    Args:
        settings: of the run that counts; a small batch saves time.
        pools: where its images come from.
        images: of one step of the run whose blocks are meant, all views together.

    Returns:
        ``batch`` of a step, its share of a block; ``drawn`` of these on the CPU, a block ahead; and ``step`` itself.
    """
    steps = range(PIXELS_AT_ONCE["cuda"] // (images * pools.images[0].numel()))
    n_unlabelled, method = settings.mu * settings.batch, METHODS["fixmatch"]
    network = build_network(settings, pools.images.shape[1], 10, np.random.default_rng(0))
    state = start(network, pools, 10, method, settings)
    drawn = draw_block(pools, settings, 0, steps, n_unlabelled, strong=True)
    batch = next(batches_of(drawn, pools, settings.batch, n_unlabelled))
    train_step(state, batch, method, settings)
    in_advance = count(lambda: draw_block(pools, settings, 0, steps, n_unlabelled, strong=True)) / len(steps)
    on_device = count(lambda: list(batches_of(drawn, pools, settings.batch, n_unlabelled))) / len(steps)
    return {
        "batch": round(in_advance + on_device, 1),
        "drawn": round(in_advance, 1),
        "step": count(lambda: train_step(state, batch, method, settings)),
    }
