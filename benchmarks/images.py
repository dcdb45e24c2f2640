"""How fast a folder of images is read: beside plain decoding of the same JPEG files by Pillow, in turn."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from report import report
from spl.data.image_folder import read_images

SIDE = 224
"""Pixels to which ImageNet's images are resized."""
SIZE = (375, 500)
"""Height and width of most of its photographs."""
QUALITY = 90


def measure(images: int, repetitions: int) -> dict[str, Any]:
    """Read generated photographs of ImageNet's usual size.

    Args:
        images: how many.
        repetitions: of each pair of measurements; medians are reported.

    Returns:
        ``over_decoding``: images per second of a core that are read, resized, cut and checked, over those that Pillow
        decodes; ``over_decoding_and_resizing``: over those that it decodes and resizes;
        ``all_cores_over_decoding``: images per second of the clock, over those that Pillow decodes in one thread;
        ``kilobytes`` of a file.
    """
    with TemporaryDirectory() as folder:
        paths = [f"{number}.jpg" for number in range(images)]
        for number, path in enumerate(paths):
            photograph(number).save(Path(folder, path), quality=QUALITY)
        size = sum(Path(folder, path).stat().st_size for path in paths)

        def load() -> None:
            for _ in read_images(Path(folder), paths, SIDE):
                pass

        def decode(resize: bool) -> None:
            for path in paths:
                image = Image.open(Path(folder, path))
                if resize:
                    image.resize((SIDE * image.width // image.height, SIDE), Image.Resampling.BILINEAR)
                image.load()

        works = (load, partial(decode, resize=False), partial(decode, resize=True))
        rounds = np.array([[_seconds(work) for work in works] for _ in range(repetitions + 1)])[1:]
    cores, clock = np.moveaxis(np.median(rounds[:, 1:] / rounds[:, :1], axis=0), -1, 0).round(2).tolist()
    return {
        "over_decoding": cores[0],
        "over_decoding_and_resizing": cores[1],
        "all_cores_over_decoding": clock[0],
        "images": images,
        "kilobytes": round(size / images / 1000),
        "cores": os.cpu_count(),
    }


def photograph(seed: int) -> Image.Image:
    """A picture as large and as hard to compress as a photograph: what its detail has in common is natural, no more."""
    draw = np.random.default_rng(seed)
    light, colour = _clouds(draw), _clouds(draw)
    grain = draw.normal(0, 4, SIZE)
    pixels = 128 + (45 * light + grain)[..., np.newaxis] + 15 * colour[..., np.newaxis] * draw.normal(size=3)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _clouds(draw: np.random.Generator) -> NDArray[np.float64]:
    """Noise whose amplitude falls with frequency as that of natural images does, of variance 1."""
    height, width = SIZE
    frequency = np.hypot(np.fft.fftfreq(height)[:, np.newaxis], np.fft.rfftfreq(width))
    frequency[0, 0] = np.inf
    waves = np.exp(2j * np.pi * draw.random(frequency.shape)) / frequency**1.2
    clouds: NDArray[np.float64] = np.fft.irfft2(waves, SIZE)
    return clouds / np.float64(clouds.std())


def _seconds(work: Callable[[], object]) -> NDArray[np.float64]:
    """Seconds of all cores together, and of the clock."""
    began = time.process_time(), time.perf_counter()
    work()
    return np.subtract((time.process_time(), time.perf_counter()), began)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer images and repetitions")
    quick = parser.parse_args().quick
    report(lambda: measure(images=20 if quick else 200, repetitions=3 if quick else 9))


if __name__ == "__main__":
    main()
