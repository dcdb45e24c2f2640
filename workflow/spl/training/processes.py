"""One training in several processes of one node, a device each: they share every batch and all results."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce

from spl.errors import InputError, InterruptedTrainingError, NotFiniteError


def launch(processes: int, device: str, work: Callable[..., None], *arguments: Any) -> None:
    """Call ``work(*arguments)`` in each of several processes that can reach each other, or simply call it.

    Args:
        processes: how many; in one, the work is called here.
        device: "cpu" or "cuda".
        work: a function of a module, with arguments that can be pickled.
        arguments: for it.

    Raises:
        InputError, NotFiniteError, InterruptedTrainingError: what the work raised.
    """
    if processes == 1:
        work(*arguments)
        return
    from torch.multiprocessing.spawn import spawn

    raised = multiprocessing.get_context("spawn").SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        meeting_point = f"file://{folder}/store"
        # torch leaves its multiprocessing without type hints.
        spawn(  # type: ignore[no-untyped-call]
            _process, (processes, device, meeting_point, raised, work, arguments), processes
        )
    if not raised.empty():
        error: Exception = raised.get()
        raise error


def _process(
    rank: int,
    processes: int,
    device: str,
    meeting_point: str,
    raised: Any,
    work: Callable[..., None],
    arguments: tuple[Any, ...],
) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)  # the parent hears them and asks the processes to stop
    # No process outlives its parent; torch uses this itself, and hides it from type checkers.
    torch.multiprocessing._prctl_pr_set_pdeathsig(signal.SIGKILL)  # type: ignore[attr-defined]
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"  # one node: no need for a host name that others can resolve
    if device == "cuda":
        torch.cuda.set_device(rank)
    backend = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
    dist.init_process_group(backend, init_method=meeting_point, rank=rank, world_size=processes)
    try:
        work(*arguments)
    except (InputError, NotFiniteError, InterruptedTrainingError) as error:
        if rank == 0:
            raised.put(error)
    finally:
        dist.destroy_process_group()


def processes() -> int:
    """How many processes share this training."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """The number of this process, from 0; the first one writes and reports."""
    return dist.get_rank() if dist.is_initialized() else 0


def share(n: int) -> slice:
    """This process's part of ``n`` things in a row; the parts follow each other in the order of the processes."""
    return slice(n * rank() // processes(), n * (rank() + 1) // processes())


def agree(decision: int) -> int:
    """The first process's decision, for all; travels between the hosts' processes, no device waits for it."""
    if processes() == 1:
        return decision
    said = torch.tensor(decision)
    dist.broadcast(said, 0)
    return int(said)


def total(values: Tensor) -> Tensor:
    """The sum over all processes, on each of them."""
    if processes() > 1:
        values = values.clone()
        dist.all_reduce(values)
    return values


def joined(values: Tensor) -> Tensor:
    """The parts of all processes one after the other, in the order of :func:`share`, on each of them."""
    if processes() == 1:
        return values
    parts = [torch.empty_like(values) for _ in range(processes())]
    dist.all_gather(parts, values.contiguous())
    return torch.cat(parts)


def distribute(network: nn.Module) -> nn.Module:
    """The network as its processes train it: gradients and batch statistics are those of the whole batch."""
    if processes() == 1:
        return network
    return nn.parallel.DistributedDataParallel(network, broadcast_buffers=False)


class GlobalBatchNorm(nn.BatchNorm2d):
    """Batch norm over the batches of all processes on CPUs, where torch's SyncBatchNorm does not run."""

    def forward(self, x: Tensor) -> Tensor:
        """Float (n, channels, h, w) to the same."""
        if not self.training:
            return super().forward(x)
        count = x.numel() // x.shape[1] * processes()
        mean = _sum_of_all(x.float().sum((0, 2, 3))) / count
        centred = x - mean[:, None, None]
        variance = _sum_of_all(centred.square().sum((0, 2, 3))) / count
        running_mean, running_variance, batches = self.buffers()
        with torch.no_grad():
            running_mean.lerp_(mean, self.momentum or 0.0)
            running_variance.lerp_(variance * (count / (count - 1)), self.momentum or 0.0)
            batches += 1
        scale = self.weight * (variance + self.eps).rsqrt()
        normalised: Tensor = centred * scale[:, None, None] + self.bias[:, None, None]
        return normalised


def _sum_of_all(values: Tensor) -> Tensor:
    """The sum over all processes, through which gradients flow."""
    summed: Tensor = all_reduce(values)  # type: ignore[no-untyped-call]  # torch leaves it without type hints
    return summed
