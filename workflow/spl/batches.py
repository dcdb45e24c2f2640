"""What a training step sees: drawn images in drawn views, each from the counter (seed, stream, step)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from spl import augment
from spl.random_streams import generator

if TYPE_CHECKING:
    from spl.settings import Settings

PIXELS_AT_ONCE = 2**20
CHECKSUM_FACTOR = 1_000_003


@dataclass(frozen=True)
class Pools:
    """The images a training draws from, as tensors.

    Attributes:
        images: uint8 (n, c, h, w), all training images.
        classes: int64 (n,), their classes as the classifier numbers them; -1 for a class that it does not know.
        labelled: int64, indices of the labelled images.
        unlabelled: int64, indices of the unlabelled pool.
        mean, std: float (c,), grey levels of the training images.
    """

    images: Tensor
    classes: Tensor
    labelled: Tensor
    unlabelled: Tensor
    mean: Tensor
    std: Tensor


@dataclass(frozen=True)
class Batch:
    """One step's images, normalised float32 (n, c, h, w) per view.

    Attributes:
        labelled, targets: B labelled images in a weak view, and their classes.
        weak, strong: mu B unlabelled images in two views; either is empty where the method has no use for it.
        positions: int64 (mu B,), places of the unlabelled images in their pool.
        truth: int64 (mu B,), their hidden classes, for measuring alone.
        checksum: int64 scalar over the drawn indices and pixels: equal checksums mean equal batches in equal views.
    """

    labelled: Tensor
    targets: Tensor
    weak: Tensor
    strong: Tensor
    positions: Tensor
    truth: Tensor
    checksum: Tensor


def draw_batches(
    pools: Pools, settings: Settings, seed: int, first: int, *, unlabelled: bool, strong: bool
) -> Iterator[Batch]:
    """Yield the batches of the steps ``first``, ``first + 1``, ... up to the last step of the training.

    Draws are made step by step, so that a batch depends on its step alone; small images are augmented several steps at
    a time, because a call on few pixels costs as much as one on many.

    Args:
        pools: where images come from.
        settings: sizes and augmentation.
        seed: the training seed.
        first: the first step, from 0.
        unlabelled: whether unlabelled images are drawn at all.
        strong: whether they are also seen in a strong view.
    """
    n_unlabelled = settings.mu * settings.batch if unlabelled else 0
    pixels = (settings.batch + 2 * n_unlabelled) * pools.images[0].numel()
    block = max(1, PIXELS_AT_ONCE // pixels)
    for start in range(first, settings.steps, block):
        steps = range(start, min(start + block, settings.steps))
        yield from _draw_block(pools, settings, seed, steps, n_unlabelled, strong)


def _draw_block(
    pools: Pools, settings: Settings, seed: int, steps: range, n_unlabelled: int, strong: bool
) -> Iterator[Batch]:
    labelled = _draw_indices(len(pools.labelled), settings.batch, seed, "labelled batch", steps)
    positions = _draw_indices(len(pools.unlabelled), n_unlabelled, seed, "unlabelled batch", steps)
    indices = pools.labelled[labelled], pools.unlabelled[positions]
    views = [
        _weak_views(pools.images[indices[0]], settings, seed, "labelled view", steps),
        _weak_views(pools.images[indices[1]], settings, seed, "weak view", steps),
    ]
    if strong:
        hard = _strong_views(pools, indices[1], settings, seed, steps)
        views.append(_weak_views(hard, settings, seed, "strong view", steps))
    else:
        views.append(views[1][:0])
    per_step = [view.chunk(len(steps)) if len(view) else (view,) * len(steps) for view in views]
    places = [index.chunk(len(steps)) if len(index) else (index,) * len(steps) for index in (*indices, positions)]
    for seen, (of_labelled, of_unlabelled, at) in zip(
        zip(*per_step, strict=True), zip(*places, strict=True), strict=True
    ):
        labelled_view, weak_view, strong_view = (augment.normalise(view, pools.mean, pools.std) for view in seen)
        yield Batch(
            labelled=labelled_view,
            targets=pools.classes[of_labelled],
            weak=weak_view,
            strong=strong_view,
            positions=at,
            truth=pools.classes[of_unlabelled],
            checksum=_checksum(of_labelled, of_unlabelled, *seen),
        )


def _draw_indices(pool: int, n: int, seed: int, stream: str, steps: range) -> Tensor:
    return torch.cat([torch.randint(pool, (n,), generator=generator(seed, stream, step)) for step in steps])


def _weak_views(images: Tensor, settings: Settings, seed: int, stream: str, steps: range) -> Tensor:
    draws = [
        augment.draw_weak(
            len(images) // len(steps), generator(seed, stream, step), flip=settings.flip, padding=settings.crop_padding
        )
        for step in steps
    ]
    shifts, mirrored = torch.cat([draw.shifts for draw in draws]), torch.cat([draw.mirrored for draw in draws])
    return augment.flip_and_crop(images, augment.WeakDraw(shifts, mirrored))


def _strong_views(pools: Pools, indices: Tensor, settings: Settings, seed: int, steps: range) -> Tensor:
    n = len(indices) // len(steps)
    draws = [
        augment.draw_strong(n, generator(seed, "randaugment", step), operations=settings.randaugment_ops)
        for step in steps
    ]
    draw = augment.StrongDraw(
        torch.cat([one.chosen for one in draws]),
        torch.cat([one.magnitude for one in draws]),
        torch.cat([one.square for one in draws]),
    )
    images = augment.randaugment(pools.images[indices], draw)
    return augment.cutout(images, draw, settings.cutout, pools.mean.round().to(torch.uint8))


def _checksum(*drawn: Tensor) -> Tensor:
    """A sum over all values, each weighted by its place; int64 arithmetic wraps, so it is exact and needs no order."""
    total = torch.zeros((), dtype=torch.int64)
    for values in drawn:
        flat = values.reshape(-1).long()
        total = total * CHECKSUM_FACTOR + (flat * torch.arange(1, len(flat) + 1)).sum()
    return total
