"""One run in several processes of one node, a device each: they share every batch and all results."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from spl.errors import InputError, InterruptedTrainingError, NotFiniteError

PR_SET_PDEATHSIG = 1  # Linux's prctl: the signal that a process gets when its parent ends


def launch(processes: int, device: str, work: Callable[..., None], *arguments: Any) -> None:
    """Call ``work(*arguments)`` in each of several processes that can reach each other, or simply call it.

    Args:
        processes: their number; a single one is this process itself.
        device: "cpu" or "cuda".
        work: a function of a module, with arguments that can be pickled.
        arguments: of the work.

    The first process that fails ends all of them: the others would wait for it.

    Raises:
        InputError, NotFiniteError, InterruptedTrainingError, OSError: what the work raised, in any process. InputError,
            too, if there are fewer CUDA devices than processes.
        RuntimeError: another error, with the traceback of its process; or a process was killed.
    """
    if device == "cuda":
        check_devices(processes)  # here, not in the processes: those that have a device would wait for the others
    if processes == 1:
        work(*arguments)
        return
    context = multiprocessing.get_context("spawn")
    raised = context.SimpleQueue()
    workers = list[SpawnProcess]()
    with tempfile.TemporaryDirectory() as folder:
        given = processes, device, f"file://{folder}/store", raised, work, arguments
        try:
            for number in range(processes):
                worker = context.Process(target=_process, args=(number, *given))
                worker.start()
                workers.append(worker)
            failed = _first_failure(workers)
        finally:
            for worker in workers:
                worker.kill()
                worker.join()
    # Of a process that was killed there is no error, only of those that lost the connection to it.
    if failed and (failed[1] < 0 or raised.empty()):
        status = signal.Signals(-failed[1]).name if failed[1] < 0 else f"status {failed[1]}"
        raise RuntimeError(f"process {failed[0]} of the run ended with {status}")
    if not raised.empty():
        # The first one is the reason: others follow from the end of its process.
        error: Exception = raised.get()
        raise error


def check_devices(processes: int) -> None:
    """Expect a CUDA device for each process.

    Raises:
        InputError: there are fewer.
    """
    if torch.cuda.device_count() < processes:
        raise InputError(f"device: expected {processes} CUDA devices, found {torch.cuda.device_count()}")


def _first_failure(workers: Sequence[SpawnProcess]) -> tuple[int, int] | None:
    """Wait until all processes have ended, or one has failed: its number and exit status, negative for a signal."""
    while True:
        # Read once: a process that ends between two looks at it would be neither running nor failed.
        statuses = [worker.exitcode for worker in workers]
        failed = [(status, number) for number, status in enumerate(statuses) if status]
        if failed:
            status, number = min(failed)
            return number, status
        running = [worker.sentinel for worker, status in zip(workers, statuses, strict=True) if status is None]
        if not running:
            return None
        wait(running)


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
    backend = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
    try:
        if device == "cuda":
            torch.cuda.set_device(rank)
        dist.init_process_group(backend, init_method=meeting_point, rank=rank, world_size=processes)
        work(*arguments)
    except (NotFiniteError, InterruptedTrainingError) as error:
        # An orderly end: every process raises these in the same step, and the first one may still write a checkpoint.
        raised.put(error)
    except (InputError, OSError) as error:
        raised.put(error)
        os._exit(1)  # at once: an orderly end would wait for the other processes
    except BaseException:
        raised.put(RuntimeError(f"process {rank} of the run failed:\n{traceback.format_exc()}"))
        os._exit(1)
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


def average_gradients(gradients: Sequence[Tensor]) -> None:
    """Replace each gradient by its mean over all processes: of the whole batch, if losses are means over shares."""
    if processes() == 1:
        return
    mean = total(torch.cat([gradient.reshape(-1) for gradient in gradients])) / processes()
    parts = torch.split(mean, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view(gradient.shape))
