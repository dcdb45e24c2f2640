"""How torch and glibc are set up for a run: determinism, number of threads, rounding, memory."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

import torch

from spl.errors import InputError
from spl.training import instructions
from spl.training.processes import rank

if TYPE_CHECKING:
    from spl.study.settings import Settings

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # glibc's mallopt option numbers


def set_up_torch(settings: Settings) -> torch.device:
    """Make results depend on nothing but the settings, and return the device of this process.

    Raises:
        InputError: there are too few CUDA devices, or the processor lacks instructions.
    """
    torch.set_num_threads(settings.threads)
    torch.set_deterministic_debug_mode("error" if settings.deterministic else "default")
    # A debugging aid that costs a tenth of the time; torch sets it up where type checkers do not see it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if settings.device == "cpu":
        instructions.check(settings.instructions)
        _keep_freed_memory()
        return torch.device("cpu")
    if torch.cuda.device_count() < settings.processes:
        raise InputError(f"device: expected {settings.processes} CUDA devices, found {torch.cuda.device_count()}")
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # without it cuBLAS's results differ between runs
    torch.backends.cudnn.benchmark = not settings.deterministic
    rounding = "tf32" if settings.tf32 else "ieee"
    torch.backends.cuda.matmul.fp32_precision = rounding
    torch.backends.cudnn.conv.fp32_precision = rounding  # type: ignore[attr-defined]  # set up at import
    return torch.device("cuda", rank())


def _keep_freed_memory() -> None:
    """Tell glibc to reuse large blocks: returned to the system and fetched again, they cost as much as arithmetic."""
    if sys.platform == "linux":
        allocator = ctypes.CDLL(None)
        allocator.mallopt(M_MMAP_MAX, 0)
        allocator.mallopt(M_TRIM_THRESHOLD, -1)
