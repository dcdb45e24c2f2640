"""One run in several processes of one node, a device each: they share every batch and all results."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from spl.errors import InputError, InterruptedTrainingError, NotFiniteError

PR_SET_PDEATHSIG = 1  # Linux's prctl: the signal that a process gets when its parent ends


def launch(processes: int, device: str, work: Callable[..., None], *arguments: Any) -> None:
    """Call ``work(*arguments)`` in each of several processes that can reach each other, or simply call it.

    Args:
        processes: their number; a single one is this process itself.
        device: "cpu" or "cuda".
        work: a function of a module, with arguments that can be pickled.
        arguments: of the work.

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
        signal.signal(number, signal.SIG_IGN)  # the parent receives them and asks the processes to stop
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
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
    """Number of processes that share this run."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """The number of this process, from 0; the first one writes and reports."""
    return dist.get_rank() if dist.is_initialized() else 0


def share(n: int) -> slice:
    """This process's part of ``n`` rows; the parts follow each other in the order of the processes."""
    return slice(n * rank() // processes(), n * (rank() + 1) // processes())


def agree(decision: int) -> int:
    """The first process's decision, on each of them; it travels between the CPUs, and no device waits for it."""
    if processes() == 1:
        return decision
    message = torch.tensor(decision)
    dist.broadcast(message, 0)
    return int(message)


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
