"""Weak and strong views of whole batches of uint8 images, each image with its own draws.

Every operation gives what Pillow gives for each image; operations, ranges and order are TorchSSL's. Chance decides a
draw; :func:`weak_view` and :func:`strong_view` turn it into indices and factors, both on the CPU. Pixels stay where the
images are, and nothing ever waits for their values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from spl.training.trigonometry import cosine, sine


def _per_image(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)


def _gray(images: Tensor) -> Tensor:
    """Luma as Pillow computes it (ITU-R 601-2 in 16-bit fixed point), int32 (n, 1, h, w)."""
    levels = images.int()
    if images.shape[1] == 1:
        return levels
    red, green, blue = torch.split(levels, 1, dim=1)
    return (red * 19595).add_(green, alpha=38470).add_(blue, alpha=7471).add_(0x8000) >> 16


def _blend(degenerate: Tensor, images: Tensor, factor: Tensor) -> Tensor:
    """The image moved towards its degenerate version; a factor of 1 leaves it, 0 gives the degenerate one."""
    low = degenerate.float()
    return (images.float() - low).mul_(_per_image(factor.float())).add_(low).to(torch.uint8)


def identity(images: Tensor, magnitude: Tensor) -> Tensor:
    """The image itself."""
    return images


def autocontrast(images: Tensor, magnitude: Tensor) -> Tensor:
    """Stretch each channel to the full range."""
    flat = images.flatten(2)
    low, high = flat.amin(2, keepdim=True).double(), flat.amax(2, keepdim=True).double()
    levels = torch.arange(256, dtype=torch.float64, device=images.device)
    scale = 255.0 / (high - low)
    stretched = (levels * scale).sub_(low * scale).clamp_(0, 255)
    table = torch.where(high > low, stretched, levels).to(torch.uint8)
    return table.gather(2, flat.long()).view_as(images)


def equalize(images: Tensor, magnitude: Tensor) -> Tensor:
    """Flatten each channel's histogram; an image of fewer than 256 pixels stays as it is, as in Pillow."""
    n, channels, height, width = images.shape
    # All tables in one line: on a GPU a flat tensor alone is counted into in a fixed order without waiting for it.
    table_of = torch.arange(0, n * channels * 256, 256, dtype=torch.int32, device=images.device)
    places = images.int().add_(table_of.view(n, channels, 1, 1)).flatten().long()
    histogram = torch.zeros(n * channels * 256, dtype=torch.int32, device=images.device)
    histogram = histogram.scatter_add_(0, places, torch.ones_like(places, dtype=torch.int32)).view(n, channels, 256)
    brightest = histogram.gather(2, images.flatten(2).amax(2, keepdim=True).long())
    step = (height * width - brightest) // 255
    before = histogram.cumsum(2, dtype=torch.int32) - histogram
    levels = torch.arange(256, dtype=torch.int32, device=images.device)
    table = torch.where(step > 0, step // 2 + before, levels).double() / step.clamp(min=1)
    return table.clamp_(max=255).to(torch.uint8).flatten().gather(0, places).view_as(images)


def posterize(images: Tensor, magnitude: Tensor) -> Tensor:
    """Keep the given number of bits of each grey level."""
    dropped = 8 - magnitude.long().clamp(1, 8)
    return images & _per_image((0xFF << dropped).to(torch.uint8))


def solarize(images: Tensor, magnitude: Tensor) -> Tensor:
    """Invert the grey levels at or above the threshold."""
    bright = images >= _per_image(magnitude.ceil().short())
    return images ^ bright.to(torch.uint8) * 0xFF


def brightness(images: Tensor, magnitude: Tensor) -> Tensor:
    """Blend with black."""
    return images.float().mul_(_per_image(magnitude.float())).to(torch.uint8)


def color(images: Tensor, magnitude: Tensor) -> Tensor:
    """Blend with the image's grey version."""
    return _blend(_gray(images), images, magnitude)


def contrast(images: Tensor, magnitude: Tensor) -> Tensor:
    """Blend with the image's mean grey level."""
    height, width = images.shape[2:]
    total = _gray(images).sum((1, 2, 3), keepdim=True).double()
    return _blend((total / (height * width) + 0.5).floor_(), images, magnitude)


def sharpness(images: Tensor, magnitude: Tensor) -> Tensor:
    """Blend with a version smoothed by a 3 x 3 kernel; the border stays."""
    width = images.shape[3]
    # With all pixels of an image in one line, those above and below are a width away: whole lines are added at once.
    # What this gives for the first and the last column is wrong, but they belong to the border.
    levels = images.flatten(2)[:, :, None].float()
    lines = (levels[..., : -2 * width] + levels[..., width:-width]).add_(levels[..., 2 * width :])
    around = (lines[..., :-2] + lines[..., 1:-1]).add_(lines[..., 2:])
    inner = levels[..., width + 1 : -width - 1]
    # Sums of grey levels are exact in float, and never so near to a whole thirteenth that rounding could matter.
    smooth = around.add_(inner, alpha=4).add_(6.5).div_(13).floor_()
    sharp = images.clone()
    sharp.flatten(2)[:, :, None, width + 1 : -width - 1] = _blend(smooth, inner, magnitude)
    sharp[..., 0], sharp[..., -1] = images[..., 0], images[..., -1]
    return sharp


def move(images: Tensor, matrix: Tensor) -> Tensor:
    """Rotate, shear or translate, all in one pass: nearest neighbour, black outside.

    Args:
        images: uint8 (n, c, h, w).
        matrix: int32 (3, 2, n) in 16-bit fixed point, as in Pillow to take the same pixels: how far along x and y of
            the input a step to the right and a step down lead, and where the first pixel comes from, in an input that
            is framed by one pixel.
    """
    n, channels, height, width = images.shape
    right, down, start = matrix.view(3, 2, n, 1, 1)
    x = torch.arange(width, dtype=torch.int32, device=images.device)
    y = torch.arange(height, dtype=torch.int32, device=images.device)[:, None]
    from_x, from_y = (right * x + (down * y + start)).bitwise_right_shift_(16)
    framed = pad(images, (1, 1, 1, 1)).flatten(2)  # what lies outside is taken from the black frame
    places = from_y.clamp_(0, height + 1).mul_(width + 2).add_(from_x.clamp_(0, width + 1))
    return framed.gather(2, places.view(n, 1, -1).long().expand(-1, channels, -1)).view_as(images)


@dataclass(frozen=True)
class Operation:
    """One operation of RandAugment.

    Attributes:
        name: its own.
        low, high: the range from which its magnitude is drawn uniformly.
        apply: images uint8 (n, c, h, w) and magnitudes float64 (n,), or for :func:`move` matrices, to new images.
    """

    name: str
    low: float
    high: float
    apply: Callable[[Tensor, Tensor], Tensor]


OPERATIONS: tuple[Operation, ...] = (
    Operation("autocontrast", 0, 1, autocontrast),
    Operation("brightness", 0.05, 0.95, brightness),
    Operation("color", 0.05, 0.95, color),
    Operation("contrast", 0.05, 0.95, contrast),
    Operation("equalize", 0, 1, equalize),
    Operation("identity", 0, 1, identity),
    Operation("posterize", 4, 8, posterize),
    Operation("rotate", -30, 30, move),
    Operation("sharpness", 0.05, 0.95, sharpness),
    Operation("shear_x", -0.3, 0.3, move),
    Operation("shear_y", -0.3, 0.3, move),
    Operation("solarize", 0, 256, solarize),
    Operation("translate_x", -0.3, 0.3, move),
    Operation("translate_y", -0.3, 0.3, move),
)
NUMBER = {operation.name: number for number, operation in enumerate(OPERATIONS)}
LOW = torch.tensor([operation.low for operation in OPERATIONS], dtype=torch.float64)
HIGH = torch.tensor([operation.high for operation in OPERATIONS], dtype=torch.float64)

# Operations of the same function share one pass over their images.
PASSES = tuple(dict.fromkeys(operation.apply for operation in OPERATIONS))
PASS = torch.tensor([PASSES.index(operation.apply) for operation in OPERATIONS])

RANDAUGMENT = {"torchssl": (3, 1.0), "google": (2, 0.5)}
"""By whose RandAugment it is: operations drawn for an image, and the probability with which each is applied."""


@dataclass(frozen=True)
class WeakDraw:
    """What chance decides about weak views: shifts int64 (n, 2) in pixels, down and right; mirrored bool (n,)."""

    shifts: NDArray[np.int64]
    mirrored: NDArray[np.bool_]


@dataclass(frozen=True)
class StrongDraw:
    """What chance decides about strong views before they are flipped and cropped.

    Attributes:
        chosen: int64 (n, k), indices into :data:`OPERATIONS`, drawn with replacement.
        magnitude: float64 (n, k), uniform in 0 .. 1, the place within each operation's range.
        square: float64 (n, 3), uniform in 0 .. 1: side, centre x and centre y of the cutout.
    """

    chosen: NDArray[np.int64]
    magnitude: NDArray[np.float64]
    square: NDArray[np.float64]


@dataclass(frozen=True)
class WeakView:
    """Where the pixels of weak views come from: rows int64 (n, h) and columns int64 (n, w) of the image."""

    rows: Tensor
    columns: Tensor


@dataclass(frozen=True)
class StrongView:
    """What is done to each image, as :func:`randaugment` and :func:`cutout` need it.

    Before each of the k operations the images are sorted by pass; they are only put back after the last.

    Attributes:
        source: int64 (k + 1, n), where each image of the next order is in the present one.
        magnitude: float64 (k, n), of each operation, in the order of its images.
        matrix: int32 (3, 2, k, n), as :func:`move` needs it, in the same order.
        columns, rows: uint8 (n, w) and (n, h), 255 where the cutout covers the image, else 0.
        sizes: for each operation, the number of images in each of :data:`PASSES`.
    """

    source: Tensor
    magnitude: Tensor
    matrix: Tensor
    columns: Tensor
    rows: Tensor
    sizes: list[list[int]]


def draw_weak(n: int, draw: np.random.Generator, *, flip: bool, padding: int) -> WeakDraw:
    """Draw ``n`` weak views: shifts of up to ``padding`` pixels and, with ``flip``, a mirror for half of them."""
    return WeakDraw(draw.integers(-padding, padding, (n, 2), endpoint=True), (draw.random(n) < 0.5) & flip)


def draw_strong(n: int, draw: np.random.Generator, *, variant: str) -> StrongDraw:
    """Draw ``n`` strong views of a variant in :data:`RANDAUGMENT`; what is not applied becomes the identity."""
    operations, probability = RANDAUGMENT[variant]
    chosen = draw.integers(len(OPERATIONS), size=(n, operations))
    magnitude, square = draw.random((n, operations)), draw.random((n, 3))
    applied = draw.random((n, operations)) < probability
    return StrongDraw(np.where(applied, chosen, NUMBER["identity"]), magnitude, square)


def weak_view(draw: WeakDraw, height: int, width: int) -> WeakView:
    """The pixels that drawn views of images of this size show; what a shift uncovers is filled by reflection."""
    down, right = torch.from_numpy(draw.shifts).T[:, :, None]
    columns = _reflect(right + torch.arange(width), width)
    return WeakView(
        rows=_reflect(down + torch.arange(height), height),
        columns=torch.where(torch.from_numpy(draw.mirrored)[:, None], width - 1 - columns, columns),
    )


def _reflect(index: Tensor, size: int) -> Tensor:
    index = index.abs()
    return torch.where(index >= size, 2 * (size - 1) - index, index)


def strong_view(draw: StrongDraw, height: int, width: int, largest: float) -> StrongView:
    """What drawn views do to images of this size.

    Args:
        draw: of n images.
        height, width: of the images, in pixels.
        largest: the side of the cutout is uniform in 0 .. ``largest`` times the width.
    """
    chosen = torch.from_numpy(draw.chosen).T
    magnitude = LOW[chosen] + (HIGH - LOW)[chosen] * torch.from_numpy(draw.magnitude).T
    passes = PASS[chosen]
    order = passes.argsort(1)
    row = order.argsort(1)
    columns, rows = _square(torch.from_numpy(draw.square), height, width, largest)
    return StrongView(
        source=torch.cat([order[:1], row[:-1].gather(1, order[1:]), row[-1:]]),
        magnitude=magnitude.gather(1, order),
        matrix=_matrices(chosen, magnitude, height, width).gather(3, order.expand(3, 2, -1, -1)),
        columns=columns,
        rows=rows,
        sizes=[of_step.bincount(minlength=len(PASSES)).tolist() for of_step in passes],
    )


def _matrices(chosen: Tensor, magnitude: Tensor, height: int, width: int) -> Tensor:
    """What :func:`move` needs for each drawn operation, int32 (3, 2, k, n); in double precision until it is rounded."""
    degrees, shear_x, shear_y, left, up = (
        magnitude * (chosen == NUMBER[name]) for name in ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
    )
    angle = -torch.deg2rad(degrees)
    cos, sin = cosine(angle), sine(angle)
    right, down = torch.stack([cos, -sin]), torch.stack([sin, cos])
    size, none = torch.tensor([width, height]).view(2, 1, 1), torch.zeros_like(magnitude)
    start = size / 2 - right * (width / 2) - down * (height / 2) + torch.stack([left, up]) * size
    right, down = right + torch.stack([none, shear_y]), down + torch.stack([shear_x, none])
    exact = torch.stack([right, down, start + (right + down) / 2])  # pixels are taken where their centres come from
    fixed = (exact * 2**16 + 0.5).floor().int()
    fixed[2] += 2**16  # the frame
    return fixed


def _square(square: Tensor, height: int, width: int, largest: float) -> list[Tensor]:
    """Columns uint8 (n, w) and rows uint8 (n, h) of the cutout; the part of it outside the image is lost."""
    side, centre_x, centre_y = square.T[:, :, None]
    side = side * largest * width
    left = (centre_x * width - side / 2).clamp(min=0).floor()
    top = (centre_y * height - side / 2).clamp(min=0).floor()
    x, y = torch.arange(width), torch.arange(height)
    in_columns, in_rows = (x >= left) & (x <= left + side) & (side > 0), (y >= top) & (y <= top + side)
    return [inside.to(torch.uint8) * 0xFF for inside in (in_columns, in_rows)]


@torch.inference_mode()
def randaugment(images: Tensor, view: StrongView) -> Tensor:
    """Apply its operations, one after the other, to each image uint8 (n, c, h, w)."""
    for step, sizes in enumerate(view.sizes):
        groups = torch.split(images.index_select(0, view.source[step]), sizes)
        magnitudes, matrices = torch.split(view.magnitude[step], sizes), torch.split(view.matrix[:, :, step], sizes, 2)
        images = torch.cat(
            [
                apply(group, matrices[number] if apply is move else magnitudes[number])
                for number, (apply, group) in enumerate(zip(PASSES, groups, strict=True))
                if len(group)
            ]
        )
    return images.index_select(0, view.source[-1])


def cutout(images: Tensor, view: StrongView, fill: Tensor) -> Tensor:
    """Cover one square of each image uint8 (n, c, h, w) with the colour ``fill``, uint8 (c,)."""
    covered = view.rows[:, None, :, None] & view.columns[:, None, None, :]
    return (images & ~covered).bitwise_or_(fill[:, None, None] & covered)


def flip_and_crop(images: Tensor, view: WeakView) -> Tensor:
    """Mirror and shift each image uint8 (n, c, h, w) as its view says (the weak augmentation)."""
    n, channels, height, _ = images.shape
    lines = torch.arange(0, n * channels * height, height, device=images.device).view(n, channels, 1)
    lines = lines + view.rows[:, None]
    shifted = images.flatten(0, 2).index_select(0, lines.flatten()).view_as(images)
    return shifted.gather(3, view.columns[:, None, None].expand_as(images))


def normalise(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Grey levels to float32 with zero mean and unit deviation over the training set.

    Args:
        images: uint8 (n, c, h, w).
        mean, std: float (c,), in grey levels 0-255.
    """
    return images.float().sub_(mean[:, None, None]).div_(std[:, None, None])
