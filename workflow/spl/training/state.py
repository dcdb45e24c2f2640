"""The state of a run between two steps, and how it goes into a checkpoint and comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from spl.methods.method import Method, MethodState
from spl.training.batches import Pools
from spl.training.checkpoints import Checkpoint
from spl.training.evaluation import MEASURES, Evaluation
from spl.training.history import PoolHistory
from spl.training.processes import joined, rank

if TYPE_CHECKING:
    from spl.study.settings import Settings

NO_STEP = -1
BatchNorm = nn.BatchNorm2d | nn.SyncBatchNorm


@dataclass
class State:
    """What a run carries from step to step; the same in each of its processes, except for the sums of their shares.

    A step changes the tensors in place: a CUDA graph knows no others.

    Attributes:
        network: live weights and batch-norm statistics.
        forward: the network as training calls it.
        weights, trained: its weights by name, all of them and those that are trained.
        norms: its batch norms.
        averaged, velocity: moving average and momentum of each weight, by its name.
        method_state: what the method itself carries.
        history: of the pseudo-labels, for measuring alone.
        totals: float (len(MEASURES),), sums over this process's shares since the last evaluation.
        checksum: int64 scalar, of this process's shares of all batches so far.
        failed_at: int64 scalar, the first step in which the loss of this process was not finite, else :data:`NO_STEP`.
        evaluations: so far.
    """

    network: nn.Module
    forward: Callable[[Tensor], Tensor]
    weights: dict[str, nn.Parameter]
    trained: dict[str, nn.Parameter]
    norms: list[BatchNorm]
    averaged: dict[str, Tensor]
    velocity: dict[str, Tensor]
    method_state: MethodState
    history: PoolHistory
    totals: Tensor
    checksum: Tensor
    failed_at: Tensor
    evaluations: list[Evaluation]

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state by name; writing into them sets the state."""
        named = {f"averaged.{name}": weight for name, weight in self.averaged.items()}
        named |= {f"velocity.{name}": velocity for name, velocity in self.velocity.items()}
        named |= {f"network.{name}": value for name, value in self.network.state_dict().items()}
        named |= {f"method.{name}": value for name, value in self.method_state.tensors().items()}
        return named | {f"history.{name}": value for name, value in self.history.tensors().items()}

    def sums(self) -> dict[str, Tensor]:
        """The sums of this process's shares by name; writing into them sets the state."""
        return {"totals": self.totals, "checksum": self.checksum}

    def final_weights(self) -> dict[str, Tensor]:
        """Averaged weights, live weights and batch-norm statistics by name, on the host."""
        named = self.tensors().items()
        return on_host({name: value for name, value in named if name.startswith(("averaged.", "network."))})


def start(network: nn.Module, pools: Pools, classes: int, method: Method, settings: Settings) -> State:
    """The state before the first step of a network with ``classes`` outputs, on the device of the pools."""
    device = pools.device
    network.to(device).train()
    weights = dict(network.named_parameters())
    return State(
        network=network,
        forward=torch.compile(network) if settings.compiled else network,
        weights=weights,
        trained={name: weight for name, weight in weights.items() if weight.requires_grad},
        norms=[module for module in network.modules() if isinstance(module, BatchNorm)],
        averaged={name: weight.detach().clone() for name, weight in weights.items()},
        velocity={name: torch.zeros_like(weight) for name, weight in weights.items()},
        method_state=method.state(len(pools.unlabelled), classes, settings, device),
        history=PoolHistory(len(pools.unlabelled) if method.weight is not None else 0, device),
        totals=torch.zeros(len(MEASURES), device=device),
        checksum=torch.zeros((), dtype=torch.int64, device=device),
        failed_at=torch.full((), NO_STEP, device=device),
        evaluations=[],
    )


def checkpoint(state: State, done: int) -> Checkpoint:
    """The checkpoint from which training can go on after ``done`` steps; all processes of a run make it together."""
    sums = {name: joined(value[None]) for name, value in state.sums().items()}
    tensors = on_host(state.tensors() | sums)
    if state.evaluations:
        tensors["predicted"] = torch.from_numpy(np.stack([evaluation.predicted for evaluation in state.evaluations]))
    return Checkpoint(done, tensors, {"measures": [evaluation.measures for evaluation in state.evaluations]})


@torch.no_grad()
def restore(state: State, saved: Checkpoint) -> int:
    """Set the state to that of a checkpoint, and return the number of steps done."""
    for name, value in state.tensors().items():
        value.copy_(saved.tensors[name])
    for name, value in state.sums().items():
        value.copy_(saved.tensors[name][rank()])
    for measures, predicted in zip(saved.record["measures"], saved.tensors.get("predicted", ()), strict=True):
        state.evaluations.append(Evaluation(measures["step"], predicted.numpy(), measures))
    return saved.step


def on_host(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors in the host's memory, contiguous and without gradient."""
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
