"""How torch and glibc are set up for a run: determinism, number of threads, rounding, memory."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

import torch

from spl.errors import InputError
from spl.training import instructions
from spl.training.processes import check_devices, rank

if TYPE_CHECKING:
    from spl.study.settings import Settings

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # glibc's mallopt option numbers


def set_up_torch(settings: Settings) -> torch.device:
    """Make results depend on nothing but the settings, and return the device of this process.

    Raises:
        InputError: there are too few CUDA devices, torch has no kernels for them, or the processor lacks instructions.
    """
    torch.set_num_threads(settings.threads)
    torch.set_deterministic_debug_mode("error" if settings.deterministic else "default")
    # A debugging aid that costs a tenth of the time; torch sets it up where type checkers do not see it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if settings.device == "cpu":
        instructions.check(settings.instructions)
        _keep_freed_memory()
        return torch.device("cpu")
    check_devices(settings.processes)
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # without it cuBLAS's results differ between runs
    torch.backends.cudnn.benchmark = not settings.deterministic
    rounding = "tf32" if settings.tf32 else "ieee"
    torch.backends.cuda.matmul.fp32_precision = rounding
    torch.backends.cudnn.conv.fp32_precision = rounding  # type: ignore[attr-defined]  # set up at import
    device = torch.device("cuda", rank())
    _check_kernels(device)
    return device


def check_cuda(processes: int) -> None:
    """Expect a usable CUDA device for each process of a run.

    Raises:
        InputError: there are fewer, or torch has no kernels for one.
    """
    check_devices(processes)
    for number in range(processes):
        _check_kernels(torch.device("cuda", number))


def _check_kernels(device: torch.device) -> None:
    """Refuse a device for which torch has no kernels: an old one, or one newer than torch."""
    try:
        torch.ones(1, device=device)
    except RuntimeError as error:
        if "no kernel image" not in str(error):
            raise
        built_for = ", ".join(torch.cuda.get_arch_list())
        raise InputError(
            f"device: {torch.cuda.get_device_name(device)}, compute capability "
            f"{'.'.join(map(str, torch.cuda.get_device_capability(device)))}: expected a device that torch "
            f"{torch.__version__} is built for: {built_for}"
        ) from error


def _keep_freed_memory() -> None:
    """Tell glibc to reuse large blocks: returned to the system and fetched again, they cost as much as arithmetic."""
    if sys.platform == "linux":
        allocator = ctypes.CDLL(None)
        allocator.mallopt(M_MMAP_MAX, 0)
        allocator.mallopt(M_TRIM_THRESHOLD, -1)
