"""A training step as one CUDA graph: hundreds of kernels that a GPU starts by itself, not one by one on request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import torch
from torch import Tensor

from spl.training.batches import Batch

EAGER_STEPS = 3
"""Steps before the recording, in which libraries set themselves up; torch asks for some."""


def repeat(step: Callable[[Batch], None]) -> Callable[[Batch], None]:
    """The same step, recorded once and then repeated on a batch that always lies in the same place.

    On a processor nothing is recorded: the step is called, on a batch in its fixed place.

    Args:
        step: works on the batch and on tensors that it changes in place, and never waits for a value.
    """
    place: Batch | None = None
    graph: torch.cuda.CUDAGraph | None = None
    done = 0

    def take(batch: Batch) -> None:
        nonlocal place, graph, done
        if place is None:
            place = Batch(**{field: torch.empty_like(value) for field, value in _tensors(batch).items()})
        for field, value in _tensors(batch).items():
            getattr(place, field).copy_(value)
        if graph is None and done >= EAGER_STEPS and batch.views.is_cuda:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                step(place)
        if graph is not None:
            graph.replay()
        elif batch.views.is_cuda:
            _beside(lambda: step(place))
        else:
            step(place)
        done += 1

    return take


def _beside(work: Callable[[], None]) -> None:
    """Work in a stream of its own, as torch asks for before a recording."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch leaves it without type hints
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        work()
    torch.cuda.current_stream().wait_stream(stream)


def _tensors(batch: Batch) -> dict[str, Tensor]:
    return {field.name: getattr(batch, field.name) for field in fields(batch)}
