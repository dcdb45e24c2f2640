"""From the host to the device that trains, in one piece: many small tensors cost a GPU more than one large one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

ALIGNED = 8  # bytes of the largest numbers


@dataclass(frozen=True)
class Packed:
    """Tensors in one piece of the host's memory.

    Attributes:
        buffer: uint8 (bytes,), pinned if it goes to a GPU, so that nothing waits for the copy.
        places: first byte, type and shape of each tensor by its name.
    """

    buffer: Tensor
    places: dict[str, tuple[int, torch.dtype, torch.Size]]


def pack(tensors: Mapping[str, Tensor], device: torch.device) -> Packed:
    """Copy tensors of the host into one piece, to be sent to a device."""
    places, end = {}, 0
    for name, tensor in tensors.items():
        places[name] = end, tensor.dtype, tensor.shape
        end += math.ceil(tensor.nbytes / ALIGNED) * ALIGNED
    buffer = torch.empty(end, dtype=torch.uint8, pin_memory=device.type == "cuda")
    packed = Packed(buffer, places)
    for name, place in _unpack(buffer, packed).items():
        place.copy_(tensors[name])
    return packed


def send(packed: Packed, device: torch.device) -> dict[str, Tensor]:
    """The tensors on the device, by their names."""
    return _unpack(packed.buffer.to(device, non_blocking=True), packed)


def _unpack(buffer: Tensor, packed: Packed) -> dict[str, Tensor]:
    return {
        name: buffer[first : first + shape.numel() * kind.itemsize].view(kind).view(shape)
        for name, (first, kind, shape) in packed.places.items()
    }
