"""What a training step sees: drawn images in drawn views, each from the counter (seed, stream, step).

Batches are made in blocks of several steps, because a call on few pixels costs as much as one on many. What chance
decides is drawn on the CPU, a block ahead of the training; pixels are worked on where they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from spl.training import augment
from spl.training.optimiser import learning_rate, unlabelled_weight
from spl.training.processes import share
from spl.training.random_streams import generator
from spl.training.transfer import Packed, pack, send

if TYPE_CHECKING:
    from spl.data.splits import Split
    from spl.data.store import Dataset
    from spl.study.settings import Settings

Given = TypeVar("Given")
Made = TypeVar("Made")

PIXELS_AT_ONCE = {"cpu": 2**20, "cuda": 2**26}
"""Roughly how many pixels a block has: as many as stay in a processor's cache, or keep a GPU busy."""

CHECKSUM_FACTOR = 1_000_003
WORD = 8  # bytes of an int64


@dataclass(frozen=True)
class Pools:
    """The images that a run draws from, as tensors.

    Attributes:
        images: uint8 (n, c, h, w), all training images.
        classes: int64 (n,), their classes as the classifier numbers them; -1 for a class that it does not know, and
            for images of no known class.
        labelled: int64, indices of the labelled images.
        unlabelled: int64, indices of the unlabelled pool.
        mean, std: float (c,), grey levels of the training images, on the device that trains.

    The images lie on that device too if they fit, else they stay in their file; classes and indices are on the CPU.
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
    number = np.full(dataset.classes + 1, -1)  # the last is that of NO_CLASS
    number[known] = np.arange(len(known))
    pool = np.setdiff1d(np.arange(len(dataset.train_classes)), split.excluded)
    images = torch.from_numpy(dataset.train_images)
    return Pools(
        images=images.to(device) if _fits(images, device) else images,
        classes=torch.from_numpy(number[dataset.train_classes]),
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
    """One step's images, and what else it needs; in one of several processes, its share of them.

    Attributes:
        views: float32 (b, c, h, w), normalised images: B labelled ones in a weak view, mu B unlabelled ones in a weak
            view, and the same in a strong one. Unlabelled views that the method does not use are left out.
        targets: int64 (B,), classes of the labelled images.
        positions: int64 (mu B,), places of the unlabelled images in their pool.
        truth: int64 (mu B,), their hidden classes, for measuring alone.
        checksum: int64 scalar over the drawn indices and pixels: equal checksums mean equal batches in equal views.
        step: int64 scalar, from 0.
        learning_rate: float32 scalar.
        unlabelled_weight: float32 scalar, the weight lambda_u that is in force.
    """

    views: Tensor
    targets: Tensor
    positions: Tensor
    truth: Tensor
    checksum: Tensor
    step: Tensor
    learning_rate: Tensor
    unlabelled_weight: Tensor

    @property
    def sizes(self) -> tuple[int, int, int]:
        """How many of the views are labelled, weak and strong."""
        labelled, weak = len(self.targets), len(self.positions)
        return labelled, weak, len(self.views) - labelled - weak

    @property
    def labelled(self) -> Tensor:
        """The views of the labelled images."""
        return self.views[: self.sizes[0]]

    @property
    def weak(self) -> Tensor:
        """The weak views of the unlabelled images."""
        return self.views[self.sizes[0] :][: self.sizes[1]]

    @property
    def strong(self) -> Tensor:
        """The strong views of the unlabelled images, in the same order."""
        return self.views[sum(self.sizes[:2]) :]


@dataclass(frozen=True)
class Drawn:
    """A block of several steps before any pixel is worked on, all of it on the CPU.

    Attributes:
        steps: of the block.
        tensors: by name, packed.
        sizes: as those of a :class:`StrongView`; empty if there are no strong views.
    """

    steps: range
    tensors: Packed
    sizes: list[list[int]]


def draw_batches(
    pools: Pools, settings: Settings, seed: int, first: int, *, unlabelled: bool, strong: bool
) -> Iterator[Batch]:
    """Yield the batches of the steps ``first``, ``first + 1``, ... up to the last step of the run.

    Draws are made step by step, so that a batch depends on its step alone, however steps are divided into blocks.

    Args:
        pools: where images come from.
        settings: sizes, augmentation and schedules.
        seed: the training seed.
        first: the first step, from 0.
        unlabelled: whether unlabelled images are drawn at all.
        strong: whether they are also seen in a strong view.
    """
    n_unlabelled = settings.mu * settings.batch if unlabelled else 0
    last = settings.stop or settings.steps
    block = steps_at_once(pools, settings.batch + 2 * n_unlabelled)
    blocks = (range(start, min(start + block, last)) for start in range(first, last, block))

    def draw(steps: range) -> Drawn:
        return draw_block(pools, settings, seed, steps, n_unlabelled, strong=strong)

    for drawn in _one_ahead(draw, blocks):
        yield from batches_of(drawn, pools, settings.batch, n_unlabelled)


def steps_at_once(pools: Pools, images: int) -> int:
    """Steps in a block, given the images of one step."""
    return max(1, PIXELS_AT_ONCE[pools.device.type] // (images * pools.images[0].numel()))


def _one_ahead(make: Callable[[Given], Made], given: Iterable[Given]) -> Iterator[Made]:
    """What is made of each, while a thread already makes the next one: never more than two are in memory."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        awaited = None
        for one in given:
            following = thread.submit(make, one)
            if awaited:
                yield awaited.result()
            awaited = following
        if awaited:
            yield awaited.result()


def draw_block(pools: Pools, settings: Settings, seed: int, steps: range, n_unlabelled: int, *, strong: bool) -> Drawn:
    """Draw images and views for several steps, and look up what else these steps need."""
    height, width = pools.images.shape[2:]
    labelled = pools.labelled[_draw_indices(pools.labelled, settings.batch, seed, "labelled batch", steps)]
    positions = _draw_indices(pools.unlabelled, n_unlabelled, seed, "unlabelled batch", steps)
    unlabelled = pools.unlabelled[positions]
    weight = unlabelled_weight if n_unlabelled else lambda step, settings: 0.0
    tensors = {
        "labelled": labelled,
        "unlabelled": unlabelled,
        "positions": positions,
        "targets": pools.classes[labelled],
        "truth": pools.classes[unlabelled],
        "step": torch.tensor(list(steps)),
        "learning_rate": torch.tensor([learning_rate(step, settings) for step in steps]),
        "unlabelled_weight": torch.tensor([weight(step, settings) for step in steps]),
    }
    views = {"labelled view": settings.batch, "weak view": n_unlabelled}
    sizes: list[list[int]] = []
    if strong:
        views["strong view"] = n_unlabelled
        draws = [
            augment.draw_strong(n_unlabelled, generator(seed, "randaugment", step), variant=settings.randaugment)
            for step in steps
        ]
        hard = augment.strong_view(augment.StrongDraw(*_rows(draws, n_unlabelled)), height, width, settings.cutout)
        tensors |= {f"randaugment {name}": tensor for name, tensor in vars(hard).items() if name != "sizes"}
        sizes = hard.sizes
    for stream, n in views.items():
        of_steps = [
            augment.draw_weak(n, generator(seed, stream, step), flip=settings.flip, padding=settings.crop_padding)
            for step in steps
        ]
        view = augment.weak_view(augment.WeakDraw(*_rows(of_steps, n)), height, width)
        tensors |= {f"{stream} {name}": tensor for name, tensor in vars(view).items()}
    if not pools.images.is_cuda:
        tensors |= {"labelled images": pools.images[labelled], "unlabelled images": pools.images[unlabelled]}
    return Drawn(steps, pack(tensors, pools.device), sizes)


def _draw_indices(pool: Tensor, n: int, seed: int, stream: str, steps: range) -> Tensor:
    drawn = [generator(seed, stream, step).integers(len(pool), size=n)[share(n)] for step in steps]
    return torch.from_numpy(np.concatenate(drawn))


def _rows(draws: Sequence[augment.WeakDraw | augment.StrongDraw], n: int) -> list[NDArray[Any]]:
    """What several steps drew, one step after the other: of each, this process's share of ``n`` rows."""
    return [
        np.concatenate([rows[share(n)] for rows in several])
        for several in zip(*(vars(draw).values() for draw in draws), strict=True)
    ]


def batches_of(drawn: Drawn, pools: Pools, n_labelled: int, n_unlabelled: int) -> Iterator[Batch]:
    """The batches of a block, whose images are augmented and normalised all at once on the device that trains.

    Args:
        drawn: as :func:`draw_block` returns it.
        pools: where the images come from.
        n_labelled, n_unlabelled: images of a step, in all processes.
    """
    block = send(drawn.tensors, pools.device)
    labelled, unlabelled = (
        pools.images[block[pool]] if pools.images.is_cuda else block[f"{pool} images"]
        for pool in ("labelled", "unlabelled")
    )
    seen = {"labelled view": (labelled, n_labelled), "weak view": (unlabelled, n_unlabelled)}
    if drawn.sizes:
        names = [place.name for place in fields(augment.StrongView) if place.name != "sizes"]
        hard = augment.StrongView(**{name: block[f"randaugment {name}"] for name in names}, sizes=drawn.sizes)
        changed = augment.cutout(augment.randaugment(unlabelled, hard), hard, pools.mean.round().to(torch.uint8))
        seen["strong view"] = changed, n_unlabelled
    views = {
        stream: (
            augment.flip_and_crop(images, augment.WeakView(block[f"{stream} rows"], block[f"{stream} columns"])),
            n,
        )
        for stream, (images, n) in seen.items()
    }
    steps = len(drawn.steps)
    indices = (block["labelled"], n_labelled), (block["unlabelled"], n_unlabelled)
    checksums = _checksums(steps, *indices, *views.values())
    pixels = torch.cat([_by_step(view, steps) for view, _ in views.values()], 1)
    normalised = augment.normalise(pixels, pools.mean, pools.std)
    rows = (_by_step(block[name], steps) for name in ("targets", "positions", "truth"))
    numbers = (block[name] for name in ("step", "learning_rate", "unlabelled_weight"))
    for of_step in zip(normalised, *rows, checksums, *numbers, strict=True):
        yield Batch(*of_step)


def _by_step(rows: Tensor, steps: int) -> Tensor:
    return rows.view(steps, len(rows) // steps, *rows.shape[1:])


def _checksums(steps: int, *drawn: tuple[Tensor, int]) -> Tensor:
    """Of each step a sum over all words of eight bytes, each weighted by its place in the whole batch.

    A process holds its share of the batch: int64 arithmetic wraps, so the sum is exact and needs no order, and the sums
    of all processes add up to that of one.

    Args:
        steps: of the block.
        drawn: what is summed, its rows those of one step after the other, and the number of rows of a whole batch.
    """
    checksums = torch.zeros(steps, dtype=torch.int64, device=drawn[0][0].device)
    for values, n in drawn:
        row = values.reshape(len(values), math.prod(values.shape[1:])).view(torch.uint8)
        words = pad(row, (0, -row.shape[1] % WORD)).view(torch.int64)
        size = words.shape[1]
        first = 1 + share(n).start * size
        places = torch.arange(first, first + len(values) // steps * size, device=words.device)
        checksums = checksums * CHECKSUM_FACTOR + (words.view(steps, len(places)) * places).sum(1)
    return checksums
