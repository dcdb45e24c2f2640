"""Weak and strong views of whole batches of uint8 images, each image with its own draws.

Every operation takes images uint8 (n, c, h, w) with c = 1 (grey) or 3 (RGB) and one magnitude per image, float (n,),
and gives what Pillow gives for that image and magnitude. Operations, ranges and order are TorchSSL's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor


def _per_image(values: Tensor) -> Tensor:
    return values[:, None, None, None]


def _gray(images: Tensor) -> Tensor:
    """Luma as Pillow computes it (ITU-R 601-2 in 16-bit fixed point), int (n, 1, h, w)."""
    levels = images.int()
    if images.shape[1] == 1:
        return levels
    red, green, blue = levels[:, 0:1], levels[:, 1:2], levels[:, 2:3]
    return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16


def _blend(degenerate: Tensor, images: Tensor, factor: Tensor) -> Tensor:
    """The image moved towards its degenerate version; a factor of 1 leaves it, 0 gives the degenerate one."""
    low = degenerate.float()
    return (low + _per_image(factor).float() * (images.float() - low)).to(torch.uint8)


def _places(images: Tensor) -> Tensor:
    """Where each pixel finds its grey level in a flattened table (n, c, 256): int64, as the images."""
    n, channels = images.shape[:2]
    first = torch.arange(0, n * channels * 256, 256).view(n, channels, 1, 1)
    return first + images


def identity(images: Tensor, magnitude: Tensor) -> Tensor:
    """The image itself."""
    return images


def autocontrast(images: Tensor, magnitude: Tensor) -> Tensor:
    """Stretch each channel to the full range."""
    flat = images.flatten(2)
    low, high = (bound.double()[:, :, None] for bound in (flat.amin(2), flat.amax(2)))
    levels = torch.arange(256, dtype=torch.float64)
    scale = 255.0 / (high - low)
    stretched = (levels * scale - low * scale).clamp(0, 255)
    return torch.where(high > low, stretched, levels).to(torch.uint8).take(_places(images))


def equalize(images: Tensor, magnitude: Tensor) -> Tensor:
    """Flatten each channel's histogram; an image of fewer than 256 pixels stays as it is, as in Pillow."""
    n, channels, height, width = images.shape
    places = _places(images)
    histogram = torch.bincount(places.flatten(), minlength=n * channels * 256).view(n, channels, 256)
    brightest = histogram.gather(2, images.flatten(2).amax(2, keepdim=True).long())
    step = (height * width - brightest) // 255
    before = histogram.cumsum(2) - histogram
    table = torch.where(step > 0, (step // 2 + before) // step.clamp(min=1), torch.arange(256)).clamp(max=255)
    return table.to(torch.uint8).take(places)


def posterize(images: Tensor, magnitude: Tensor) -> Tensor:
    """Keep the given number of bits of each grey level."""
    dropped = 8 - magnitude.long().clamp(1, 8)
    return images & _per_image((0xFF << dropped) & 0xFF).to(torch.uint8)


def solarize(images: Tensor, magnitude: Tensor) -> Tensor:
    """Invert the grey levels at or above the threshold."""
    return torch.where(images >= _per_image(magnitude.ceil().short()), ~images, images)


def brightness(images: Tensor, magnitude: Tensor) -> Tensor:
    """Blend with black."""
    return _blend(torch.zeros_like(images), images, magnitude)


def color(images: Tensor, magnitude: Tensor) -> Tensor:
    """Blend with the image's grey version."""
    return _blend(_gray(images), images, magnitude)


def contrast(images: Tensor, magnitude: Tensor) -> Tensor:
    """Blend with the image's mean grey level."""
    mean = (_gray(images).sum(dim=(1, 2, 3)).double() / images[0, 0].numel() + 0.5).floor()
    return _blend(_per_image(mean), images, magnitude)


def sharpness(images: Tensor, magnitude: Tensor) -> Tensor:
    """Blend with a version smoothed by a 3 x 3 kernel; the border stays."""
    smooth = images.float()
    rows = smooth[:, :, :-2] + smooth[:, :, 1:-1] + smooth[:, :, 2:]
    around = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    # Sums of grey levels are exact in float, and never so near to a whole thirteenth that rounding could matter.
    smooth[:, :, 1:-1, 1:-1] = ((around + 4 * smooth[:, :, 1:-1, 1:-1] + 6.5) / 13).floor()
    return _blend(smooth, images, magnitude)


def _affine(images: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor, f: Tensor) -> Tensor:
    """Take output pixel (x, y) from input (ax + by + c, dx + ey + f), nearest neighbour, black outside.

    Coordinates are Pillow's 16-bit fixed point, so that the same pixels are taken.
    """
    n, _, height, width = images.shape
    fixed = [(value * 65536 + 0.5).floor().int()[:, None, None] for value in (a, b, d, e)]
    start = [(value * 65536 + 0.5).floor().int()[:, None, None] for value in (c + (a + b) / 2, f + (d + e) / 2)]
    x, y = torch.arange(width, dtype=torch.int32), torch.arange(height, dtype=torch.int32)[:, None]
    from_x = ((start[0] + fixed[1] * y) + fixed[0] * x) >> 16
    from_y = ((start[1] + fixed[3] * y) + fixed[2] * x) >> 16
    nearest_x, nearest_y = from_x.clamp(0, width - 1), from_y.clamp(0, height - 1)
    inside = (nearest_x == from_x) & (nearest_y == from_y)
    source = (nearest_y * width + nearest_x).long().view(n, 1, height * width)
    moved = images.flatten(2).gather(2, source.expand(-1, images.shape[1], -1)).view_as(images)
    return moved.mul_(inside[:, None])


def rotate(images: Tensor, magnitude: Tensor) -> Tensor:
    """Turn counter-clockwise about the centre by degrees."""
    angle = -torch.deg2rad(magnitude.double())
    cos, sin = torch.cos(angle), torch.sin(angle)
    x, y = images.shape[3] / 2, images.shape[2] / 2
    return _affine(images, cos, sin, x - cos * x - sin * y, -sin, cos, y + sin * x - cos * y)


def shear_x(images: Tensor, magnitude: Tensor) -> Tensor:
    """Shift each row by its number times the magnitude."""
    v = magnitude.double()
    one, zero = torch.ones_like(v), torch.zeros_like(v)
    return _affine(images, one, v, zero, zero, one, zero)


def shear_y(images: Tensor, magnitude: Tensor) -> Tensor:
    """Shift each column by its number times the magnitude."""
    v = magnitude.double()
    one, zero = torch.ones_like(v), torch.zeros_like(v)
    return _affine(images, one, zero, zero, v, one, zero)


def translate_x(images: Tensor, magnitude: Tensor) -> Tensor:
    """Shift to the left by a part of the width."""
    v = magnitude.double() * images.shape[3]
    one, zero = torch.ones_like(v), torch.zeros_like(v)
    return _affine(images, one, zero, v, zero, one, zero)


def translate_y(images: Tensor, magnitude: Tensor) -> Tensor:
    """Shift upwards by a part of the height."""
    v = magnitude.double() * images.shape[2]
    one, zero = torch.ones_like(v), torch.zeros_like(v)
    return _affine(images, one, zero, zero, zero, one, v)


@dataclass(frozen=True)
class Operation:
    """One operation of RandAugment and the range from which its magnitude is drawn uniformly."""

    apply: Callable[[Tensor, Tensor], Tensor]
    low: float
    high: float


OPERATIONS: tuple[Operation, ...] = (
    Operation(autocontrast, 0, 1),
    Operation(brightness, 0.05, 0.95),
    Operation(color, 0.05, 0.95),
    Operation(contrast, 0.05, 0.95),
    Operation(equalize, 0, 1),
    Operation(identity, 0, 1),
    Operation(posterize, 4, 8),
    Operation(rotate, -30, 30),
    Operation(sharpness, 0.05, 0.95),
    Operation(shear_x, -0.3, 0.3),
    Operation(shear_y, -0.3, 0.3),
    Operation(solarize, 0, 256),
    Operation(translate_x, -0.3, 0.3),
    Operation(translate_y, -0.3, 0.3),
)


@dataclass(frozen=True)
class WeakDraw:
    """What chance decides about weak views: shifts int64 (n, 2) in pixels, down and right; mirrored bool (n,)."""

    shifts: Tensor
    mirrored: Tensor


@dataclass(frozen=True)
class StrongDraw:
    """What chance decides about strong views before they are flipped and cropped.

    Attributes:
        chosen: int64 (n, k), indices into :data:`OPERATIONS`, drawn with replacement.
        magnitude: float64 (n, k), uniform in 0 .. 1, the place within each operation's range.
        square: float64 (n, 3), uniform in 0 .. 1: side, centre x and centre y of the cutout.
    """

    chosen: Tensor
    magnitude: Tensor
    square: Tensor


def draw_weak(n: int, draw: Generator, *, flip: bool, padding: int) -> WeakDraw:
    """Draw ``n`` weak views: shifts of up to ``padding`` pixels and, with ``flip``, a mirror for half of them."""
    shifts = torch.randint(2 * padding + 1, (n, 2), generator=draw) - padding
    return WeakDraw(shifts, (torch.rand(n, generator=draw) < 0.5) & flip)


def draw_strong(n: int, draw: Generator, *, operations: int) -> StrongDraw:
    """Draw ``n`` strong views of ``operations`` operations each."""
    chosen = torch.randint(len(OPERATIONS), (n, operations), generator=draw)
    magnitude = torch.rand((n, operations), generator=draw, dtype=torch.float64)
    return StrongDraw(chosen, magnitude, torch.rand((n, 3), generator=draw, dtype=torch.float64))


def randaugment(images: Tensor, draw: StrongDraw) -> Tensor:
    """Apply its drawn operations, one after the other, to each image (TorchSSL's RandAugment)."""
    for chosen, magnitude in zip(draw.chosen.T, draw.magnitude.T, strict=True):
        sizes = torch.bincount(chosen, minlength=len(OPERATIONS)).tolist()
        members = torch.split(torch.argsort(chosen, stable=True), sizes)
        images = images.clone()
        for operation, rows in zip(OPERATIONS, members, strict=True):
            if len(rows) and operation.apply is not identity:
                scaled = operation.low + (operation.high - operation.low) * magnitude[rows]
                images[rows] = operation.apply(images[rows], scaled)
    return images


def cutout(images: Tensor, draw: StrongDraw, largest: float, fill: Tensor) -> Tensor:
    """Cover one square of each image; the part of it outside the image is lost.

    Args:
        images: uint8 (n, c, h, w).
        draw: its sides and centres.
        largest: the side is uniform in 0 .. ``largest`` times the image's width.
        fill: uint8 (c,), the colour of the square.
    """
    height, width = images.shape[2:]
    side, centre_x, centre_y = draw.square.T[:, :, None]
    side = side * largest * width
    left = (centre_x * width - side / 2).clamp(min=0).floor()
    top = (centre_y * height - side / 2).clamp(min=0).floor()
    x, y = torch.arange(width), torch.arange(height)
    in_columns, in_rows = (x >= left) & (x <= left + side), (y >= top) & (y <= top + side)
    covered = in_rows[:, None, :, None] & in_columns[:, None, None, :] & (side > 0)[:, :, None, None]
    return torch.where(covered, fill[:, None, None], images)


def flip_and_crop(images: Tensor, draw: WeakDraw) -> Tensor:
    """Mirror and shift each image as drawn; what a shift uncovers is filled by reflection (the weak augmentation)."""
    n, _, height, width = images.shape
    rows = _reflect(draw.shifts[:, :1] + torch.arange(height), height)
    columns = _reflect(draw.shifts[:, 1:] + torch.arange(width), width)
    columns = torch.where(draw.mirrored[:, None], width - 1 - columns, columns)
    source = (rows[:, :, None] * width + columns[:, None, :]).view(n, 1, height * width)
    return images.flatten(2).gather(2, source.expand(-1, images.shape[1], -1)).view_as(images)


def _reflect(index: Tensor, size: int) -> Tensor:
    index = index.abs()
    return torch.where(index >= size, 2 * (size - 1) - index, index)


def normalise(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Grey levels to float32 with zero mean and unit deviation over the training set.

    Args:
        images: uint8 (n, c, h, w).
        mean, std: float (c,), in grey levels 0-255.
    """
    return images.float().sub_(mean[:, None, None]).div_(std[:, None, None])
