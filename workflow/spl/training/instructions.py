"""The processor's instructions that torch's libraries may use: others add and round in another order.

By default the libraries use the best instructions of a processor, and its maker's: two machines then differ in the
last bits.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spl.errors import InputError

CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Level:
    """One set of instructions that every processor of its generation has.

    Attributes:
        environment: variables that the libraries read when they are first used.
        needs: instructions by the name of :func:`torch.cpu.get_capabilities`, with the name of ``/proc/cpuinfo``.
    """

    environment: Mapping[str, str]
    needs: Mapping[str, str]


# MKL's own AVX2 kernels are not the same on processors of Intel and of AMD; its compatible ones are. It computes
# little: the last layer of a network, and exponentials.
LEVELS = {
    "avx2": Level(
        {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "COMPATIBLE"},
        {"avx2": "avx2", "fma3": "fma"},
    ),
    "sse4": Level(
        {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_CBWR": "COMPATIBLE"},
        {"sse4_1": "sse4_1"},
    ),
}


def limit(name: str) -> None:
    """Limit torch, which must not have been used yet, to the instructions of a level; "native" leaves it unlimited."""
    if name in LEVELS:
        os.environ.update(LEVELS[name].environment)


def lacking(name: str) -> list[str]:
    """The instructions of a level that this processor lacks, as Linux names them; torch is not imported.

    Empty for "native", and where the system does not list instructions: the run itself checks again.
    """
    if name not in LEVELS or not (present := flags()):
        return []
    return [flag for flag in LEVELS[name].needs.values() if flag not in present]


def flags() -> set[str]:
    """The instructions of this processor, as Linux names them; empty where the system does not list them."""
    if not CPUINFO.is_file():
        return set()
    lines = (line.partition(":") for line in CPUINFO.read_text(errors="replace").splitlines())
    return next((set(value.split()) for key, _, value in lines if key.strip() == "flags"), set())


def check(name: str) -> None:
    """Make sure that torch was limited to a level, and that this processor has its instructions.

    Raises:
        InputError: the processor lacks an instruction.
        RuntimeError: torch was used first.
    """
    if name not in LEVELS:
        return
    import torch

    capabilities = torch.cpu.get_capabilities()
    if missing := [instruction for instruction in LEVELS[name].needs if not capabilities.get(instruction)]:
        raise InputError(f"instructions: expected a processor with {', '.join(missing)} for {name}")
    environment = LEVELS[name].environment
    used = torch.backends.cpu.get_cpu_capability().lower()
    if used != environment["ATEN_CPU_CAPABILITY"] or not environment.items() <= os.environ.items():
        raise RuntimeError(f"torch uses {used} instructions, and not {name}: it was used before it was limited")
