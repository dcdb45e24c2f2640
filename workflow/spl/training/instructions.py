"""Which instructions of the processor torch's libraries may use: others add and round in another order.

Left to themselves they take the best that a processor has, and its maker's: two machines then differ in the last bits.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from spl.errors import InputError


@dataclass(frozen=True)
class Level:
    """One set of instructions that every processor of its generation has.

    Attributes:
        environment: variables that the libraries read when they are first used.
        needs: names of instructions, as :func:`torch.cpu.get_capabilities` has them.
    """

    environment: dict[str, str]
    needs: tuple[str, ...]


# MKL's own AVX2 kernels are not the same on processors of Intel and of AMD; its compatible ones are. It computes
# little: the last layer of a network, and exponentials.
LEVELS = {
    "avx2": Level(
        {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "COMPATIBLE"}, ("avx2", "fma3")
    ),
    "sse4": Level(
        {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_CBWR": "COMPATIBLE"}, ("sse4_1",)
    ),
}


def limit(name: str) -> None:
    """Let torch, which was not used yet, use no others than those of a level; "native" leaves all to it."""
    if name in LEVELS:
        os.environ.update(LEVELS[name].environment)


def lacking(name: str) -> list[str]:
    """The instructions of a level that this processor does not have, as torch names them."""
    import torch

    found = torch.cpu.get_capabilities()
    return [one for one in LEVELS[name].needs if not found.get(one)]


def check(name: str) -> None:
    """Make sure that torch was limited, and that this processor can do what it was limited to.

    Raises:
        InputError: it cannot.
        RuntimeError: torch was used first.
    """
    if name not in LEVELS:
        return
    import torch

    if missing := lacking(name):
        raise InputError(f"instructions: expected a processor with {', '.join(missing)} for {name}")
    environment = LEVELS[name].environment
    used = torch.backends.cpu.get_cpu_capability().lower()
    if used != environment["ATEN_CPU_CAPABILITY"] or not environment.items() <= os.environ.items():
        raise RuntimeError(f"torch uses {used} instructions, and not {name}: it was used before it was limited")
