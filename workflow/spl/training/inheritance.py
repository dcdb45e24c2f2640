"""Starting a run from the final state of another one, which may know fewer classes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from spl.errors import InputError
from spl.training.state import State

# The tensor of a run's weights that says which class each output of its classifier is.
CLASSES = "classes"
# The last layer, as wide residual networks and torchvision's call it.
CLASSIFIERS = ("classifier.", "fc.")


def read_final_state(path: Path) -> dict[str, Tensor]:
    """The ``weights.safetensors`` of a finished run.

    Raises:
        InputError: the file is absent or damaged.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: not the weights of a run: {error}") from error


@torch.no_grad()
def inherit(state: State, final: Mapping[str, Tensor], known: NDArray[np.int64]) -> None:
    """Set averaged weights, live weights and batch-norm statistics to those of another run's end.

    Momentum and the memory of the method begin anew. Outputs for classes that the other run does not know keep their
    initial weights.

    Args:
        state: of a run before its first step.
        final: of the other run, as :func:`read_final_state` gives it.
        known: int64, the classes that this run knows, in the order of its outputs.

    Raises:
        InputError: the other run has another network.
    """
    before = {label: row for row, label in enumerate(final[CLASSES].tolist())}
    pairs = [(row, before[label]) for row, label in enumerate(known.tolist()) if label in before]
    rows, rows_before = (list(column) for column in zip(*pairs, strict=True))
    for name, tensor in state.tensors().items():
        part, _, layer = name.partition(".")
        if part not in ("averaged", "network"):
            continue
        skipped = 1 if layer.startswith(CLASSIFIERS) else 0
        if name not in final or final[name].shape[skipped:] != tensor.shape[skipped:]:
            raise InputError(f"start_from: expected a run of the same network; {layer} differs")
        if skipped:
            tensor[rows] = final[name].to(tensor.device)[rows_before]
        else:
            tensor.copy_(final[name])
