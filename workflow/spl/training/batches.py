"""What a training step sees: drawn images in drawn views, each from the counter (seed, stream, step)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spl.training import augment
from spl.training.augment import to_device
from spl.training.processes import share
from spl.training.random_streams import generator

if TYPE_CHECKING:
    from spl.data.splits import Split
    from spl.data.store import Dataset
    from spl.study.settings import Settings

PIXELS_AT_ONCE = 2**20
CHECKSUM_FACTOR = 1_000_003


@dataclass(frozen=True)
class Pools:
    """The images that a run draws from, as tensors.

    Attributes:
        images: uint8 (n, c, h, w), all training images.
        classes: int64 (n,), their classes as the classifier numbers them; -1 for a class that it does not know.
        labelled: int64, indices of the labelled images.
        unlabelled: int64, indices of the unlabelled pool.
        mean, std: float (c,), grey levels of the training images, on the device that trains.

    The images lie on that device too if they fit; the indices stay with the draws, on the CPU.
    """

    images: Tensor
    classes: Tensor
    labelled: Tensor
    unlabelled: Tensor
    mean: Tensor
    std: Tensor

    @property
    def device(self) -> torch.device:
        """The device that trains."""
        return self.mean.device

    def take(self, indices: Tensor) -> Tensor:
        """The images with these indices, on the device that trains."""
        return to_device(self.images[to_device(indices, self.images.device)], self.device)


def build_pools(
    dataset: Dataset,
    grey_levels: tuple[list[float], list[float]],
    split: Split,
    known: NDArray[np.int64],
    device: torch.device,
) -> Pools:
    """The pools of one run.

    Args:
        dataset: images and classes.
        grey_levels: mean and standard deviation of the training images per channel, in 0-255.
        split: labelled images, and those excluded from the unlabelled pool.
        known: int64, the classes that the classifier knows, in the order of its outputs.
        device: the device that trains.
    """
    number = np.full(dataset.classes, -1)
    number[known] = np.arange(len(known))
    pool = np.setdiff1d(np.arange(len(dataset.train_classes)), split.excluded)
    images = torch.from_numpy(dataset.train_images)
    return Pools(
        images=images.to(device) if _fits(images, device) else images,
        classes=torch.from_numpy(number[dataset.train_classes]).to(device),
        labelled=torch.tensor(split.labelled),
        unlabelled=torch.from_numpy(pool),
        mean=torch.tensor(grey_levels[0], device=device),
        std=torch.tensor(grey_levels[1], device=device),
    )


def _fits(images: Tensor, device: torch.device) -> bool:
    """Whether a device has room for the images, and leaves half of it to the network."""
    return device.type == "cpu" or 2 * images.nbytes < torch.cuda.mem_get_info(device)[0]


@dataclass(frozen=True)
class Batch:
    """One step's images, normalised float32 (n, c, h, w) per view; in one of several processes, its share of them.

    Attributes:
        labelled, targets: B labelled images in a weak view, and their classes.
        weak, strong: mu B unlabelled images in two views; either is empty if the method does not use it.
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
    """Yield the batches of the steps ``first``, ``first + 1``, ... up to the last step of the run.

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
    last = settings.stop or settings.steps
    for start in range(first, last, block):
        steps = range(start, min(start + block, last))
        yield from _draw_block(pools, settings, seed, steps, n_unlabelled, strong)


def _draw_block(
    pools: Pools, settings: Settings, seed: int, steps: range, n_unlabelled: int, strong: bool
) -> Iterator[Batch]:
    labelled = _draw_indices(len(pools.labelled), settings.batch, seed, "labelled batch", steps)
    positions = _draw_indices(len(pools.unlabelled), n_unlabelled, seed, "unlabelled batch", steps)
    indices = pools.labelled[labelled], pools.unlabelled[positions]
    images = [pools.take(index) for index in indices]
    views = [
        _weak_views(images[0], settings, seed, "labelled view", settings.batch, steps),
        _weak_views(images[1], settings, seed, "weak view", n_unlabelled, steps),
    ]
    if strong:
        hard = _strong_views(images[1], pools, settings, seed, n_unlabelled, steps)
        views.append(_weak_views(hard, settings, seed, "strong view", n_unlabelled, steps))
    else:
        views.append(views[1][:0])
    drawn = [to_device(index, pools.device) for index in (*indices, positions)]
    per_step = [values.chunk(len(steps)) if len(values) else (values,) * len(steps) for values in (*views, *drawn)]
    for *seen, of_labelled, of_unlabelled, at in zip(*per_step, strict=True):
        labelled_view, weak_view, strong_view = (augment.normalise(view, pools.mean, pools.std) for view in seen)
        yield Batch(
            labelled=labelled_view,
            targets=pools.classes[of_labelled],
            weak=weak_view,
            strong=strong_view,
            positions=at,
            truth=pools.classes[of_unlabelled],
            checksum=_checksum(settings.batch, n_unlabelled, of_labelled, of_unlabelled, *seen),
        )


def _draw_indices(pool: int, n: int, seed: int, stream: str, steps: range) -> Tensor:
    drawn = [generator(seed, stream, step).integers(pool, size=n)[share(n)] for step in steps]
    return torch.from_numpy(np.concatenate(drawn))


def _weak_views(images: Tensor, settings: Settings, seed: int, stream: str, n: int, steps: range) -> Tensor:
    draws = [
        augment.draw_weak(n, generator(seed, stream, step), flip=settings.flip, padding=settings.crop_padding)
        for step in steps
    ]
    return augment.flip_and_crop(images, augment.WeakDraw(*_rows(draws, n)))


def _strong_views(images: Tensor, pools: Pools, settings: Settings, seed: int, n: int, steps: range) -> Tensor:
    draws = [
        augment.draw_strong(n, generator(seed, "randaugment", step), variant=settings.randaugment) for step in steps
    ]
    draw = augment.StrongDraw(*_rows(draws, n))
    changed = augment.randaugment(images, draw)
    return augment.cutout(changed, draw, settings.cutout, pools.mean.round().to(torch.uint8))


def _rows(draws: Sequence[augment.WeakDraw | augment.StrongDraw], n: int) -> list[Tensor]:
    """The tensors of several steps' draws, one step after the other: of each, this process's share of ``n`` rows."""
    return [
        torch.cat([rows[share(n)] for rows in several])
        for several in zip(*(vars(draw).values() for draw in draws), strict=True)
    ]


def _checksum(batch: int, n_unlabelled: int, *drawn: Tensor) -> Tensor:
    """A sum over all values, each weighted by its place in the whole batch, of which a process holds its share.

    int64 arithmetic wraps, so the sum is exact and needs no order: the sums of all processes add up to that of one.
    """
    checksum = torch.zeros((), dtype=torch.int64, device=drawn[0].device)
    for values, n in zip(drawn, (batch, n_unlabelled, batch, n_unlabelled, n_unlabelled), strict=True):
        flat = values.reshape(-1).long()
        size = len(flat) // max(1, len(values))
        first = 1 + share(n).start * size
        checksum = (
            checksum * CHECKSUM_FACTOR + (flat * torch.arange(first, first + len(flat), device=flat.device)).sum()
        )
    return checksum
