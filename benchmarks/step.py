"""How fast a training is: ratios of two things measured in turn in one process, so that they hold on any machine."""

from __future__ import annotations

import argparse
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageOps
from torch.nn.functional import cross_entropy

from report import report
from spl.errors import InputError
from spl.methods.registry import METHODS
from spl.study.settings import Settings
from spl.training import augment, instructions
from spl.training.backend import set_up_torch
from spl.training.batches import Pools, draw_batches
from spl.training.checkpoints import INTERVAL, Checkpoints
from spl.training.networks import build_network
from spl.training.state import State, checkpoint, start
from spl.training.step import train_step

Floats = NDArray[np.float32]

RECIPE = Settings()
DEMO = Settings(network="wrn-10-1", batch=8, flip=False, crop_padding=1)
HERE = Path(__file__).parent
BF16_FLAGS = {"amx_bf16", "avx512_bf16"}  # as Linux names the instructions that compute in bf16
SEMILEARN_STEP, LIMITED_STEP = HERE / "peers" / "semilearn_step.py", HERE / "limited_step.py"
NETWORKS = {
    "wrn-28-2": RECIPE,
    "wrn-28-2, bias in the stem alone": Settings(conv_bias="stem"),
    "wrn-28-8": Settings(network="wrn-28-8"),
    "wrn-10-1": Settings(network="wrn-10-1"),
    "resnet-50": Settings(network="resnet-50"),
}


def measure(repetitions: int, quick: bool, semilearn: Path | None = None) -> dict[str, Any]:
    """Run every benchmark.

    Args:
        repetitions: of each pair of measurements; medians are reported.
        quick: measures WRN-28-2 with an eighth of the recipe's batch.
        semilearn: a Python that has semilearn, the code base of USB; None leaves it out.

    Returns:
        ``step_over_semilearn``: images/s of the whole train step over those of semilearn's, which is given its batch,
        both in fp32; ``bf16_over_semilearn``: the same with our step in bf16, if the processor computes in it;
        ``bf16_over_fp32``: images/s of the whole train step in bf16 over those in fp32, or a line that says that the
        processor does not compute in bf16;
        ``step_over_bare``: the same over forward and backward of the same network and batch, by network;
        ``pinned_over_native``: images/s of the whole train step that is limited to some of the processor's instructions
        over those of one that is not, by network (the demo's alone if quick) and by level, for each of
        :data:`spl.training.instructions.LEVELS` that the processor has;
        ``augment_over_pillow``: images/s of the batched strong view of 32 x 32 colour images over Pillow's;
        ``checkpoint_share``: seconds to write a checkpoint of WRN-28-2 over the seconds between two;
        ``memory``, unless quick: peak MiB of this process after steps of WRN-28-2, and MiB by which it grew over a
        thousand steps of the demo's network;
        ``parameters`` by network for ten classes; and the ``machine``.

    Raises:
        InputError: if semilearn does not run there.
    """
    set_up_torch(RECIPE)
    paper = RECIPE.model_copy(update={"batch": 8}) if quick else RECIPE
    bf16 = paper.model_copy(update={"precision": "bf16"}) if BF16_FLAGS & instructions.flags() else None
    compared = {"step_over_semilearn": paper} | ({"bf16_over_semilearn": bf16} if bf16 else {})
    over_peers = {name: _over_semilearn(semilearn, ours, repetitions) for name, ours in compared.items() if semilearn}
    measured = ((DEMO, 1, 8), (paper, 3, 32))
    levels = [level for level in instructions.LEVELS if not instructions.lacking(level)]
    return over_peers | {
        "bf16_over_fp32": {_name(paper): _first_over_second(bf16, paper, repetitions)}
        if bf16
        else "this processor does not compute in bf16",
        "step_over_bare": {
            _name(settings): _step_over_bare(settings, channels, side, repetitions)
            for settings, channels, side in measured
        },
        "pinned_over_native": {
            _name(settings): {
                level: _pinned_over_native(level, settings, channels, side, repetitions) for level in levels
            }
            for settings, channels, side in measured[: 1 if quick else 2]
        },
        "augment_over_pillow": _augment_over_pillow(repetitions),
        "checkpoint_share": _checkpoint_share(),
        **({} if quick else {"memory": _memory()}),
        "parameters": {
            name: sum(
                weight.numel() for weight in build_network(settings, 3, 10, np.random.default_rng(0)).parameters()
            )
            for name, settings in NETWORKS.items()
        },
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "instructions": torch.backends.cpu.get_cpu_capability(),
        },
    }


def _name(settings: Settings) -> str:
    return f"{settings.network}, B = {settings.batch}"


def _ratio(first: Callable[[], object], second: Callable[[], object], repetitions: int) -> float:
    """Median of how many times longer the second takes, measured in turn after one unmeasured round."""
    ratios = []
    for _ in range(repetitions + 1):
        seconds = []
        for work in (first, second):
            began = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - began)
        ratios.append(seconds[1] / seconds[0])
    return round(float(np.median(ratios[1:])), 3)


def random_pools(channels: int, side: int) -> Pools:
    """A thousand images in memory, forty of them labelled."""
    draw = np.random.default_rng(0)
    images = torch.from_numpy(draw.integers(256, size=(1000, channels, side, side), dtype=np.uint8))
    classes = torch.from_numpy(draw.integers(10, size=1000))
    grey = torch.full((channels,), 125.0), torch.full((channels,), 60.0)
    return Pools(images, classes, torch.arange(40), torch.arange(1000), *grey)


def whole_step(settings: Settings, pools: Pools) -> Callable[[], object]:
    """A FixMatch step from images in memory to new weights: drawing, augmentation, gradients, SGD, moving average."""
    state = _begun(settings, pools)
    batches: Iterator[Any] = draw_batches(pools, settings, 0, 0, unlabelled=True, strong=True)
    return lambda: train_step(state, next(batches), METHODS["fixmatch"], settings)


def _begun(settings: Settings, pools: Pools) -> State:
    network = build_network(settings, pools.images.shape[1], 10, np.random.default_rng(0))
    return start(network, pools, 10, METHODS["fixmatch"], settings)


def _step_over_bare(settings: Settings, channels: int, side: int, repetitions: int) -> float:
    pools = random_pools(channels, side)
    fixed = next(draw_batches(pools, settings, 0, 0, unlabelled=True, strong=True))
    views = fixed.views.contiguous(memory_format=torch.channels_last)
    targets = torch.randint(10, (len(views),))
    bare = build_network(settings, channels, 10, np.random.default_rng(0))
    whole = whole_step(settings, pools)

    def forward_and_backward() -> None:
        bare.zero_grad()
        # torch leaves backward() without type hints.
        cross_entropy(bare(views), targets).backward()  # type: ignore[no-untyped-call]  # torch gives it no types

    return _ratio(_repeated(whole, _steps(side)), _repeated(forward_and_backward, _steps(side)), repetitions)


def _steps(side: int) -> int:
    """Steps to measure at once: small images are augmented several steps at a time."""
    return 16 if side < 32 else 1


def _first_over_second(first: Settings, second: Settings, repetitions: int) -> float:
    ours, other = (whole_step(settings, random_pools(3, 32)) for settings in (first, second))
    return _ratio(ours, other, repetitions)


def _pinned_over_native(level: str, settings: Settings, channels: int, side: int, repetitions: int) -> float:
    limited = settings.model_copy(update={"instructions": level})
    command = [
        sys.executable,
        str(LIMITED_STEP),
        limited.model_dump_json(),
        str(channels),
        str(side),
        str(_steps(side)),
    ]
    with _peer(command, instructions.LEVELS[level].environment, f"instructions {level}") as pinned:
        native = _repeated(whole_step(settings, random_pools(channels, side)), _steps(side))
        return _ratio(pinned, native, repetitions)


def _checkpoint_share() -> float:
    with TemporaryDirectory() as folder:
        kept = Checkpoints(Path(folder), INTERVAL, print)
        state = _begun(RECIPE, random_pools(3, 32))
        began = time.perf_counter()
        kept.write(checkpoint(state, 1))
        return round((time.perf_counter() - began) / INTERVAL, 5)


def _memory() -> dict[str, int]:
    pools = random_pools(3, 32)
    whole_step(RECIPE, pools)()
    peak = _resident("VmHWM")
    small = whole_step(DEMO, random_pools(1, 8))
    _repeated(small, 100)()
    before = _resident("VmRSS")
    _repeated(small, 1000)()
    return {"peak MiB, wrn-28-2": peak, "growth MiB over 1,000 steps": _resident("VmRSS") - before}


def _resident(entry: str) -> int:
    """Memory of this process in MiB as Linux counts it: "VmRSS" now, "VmHWM" at most."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[entry].split()[0]) // 1024


def _repeated(work: Callable[[], object], times: int) -> Callable[[], object]:
    return lambda: [work() for _ in range(times)]


def _over_semilearn(python: Path, settings: Settings, repetitions: int) -> float:
    with _semilearn_step(python, settings) as theirs:
        return _ratio(whole_step(settings, random_pools(3, 32)), theirs, repetitions)


@contextmanager
def _semilearn_step(python: Path, settings: Settings) -> Iterator[Callable[[], object]]:
    """A step of semilearn, which keeps freed memory as training does here."""
    command = [str(python), str(SEMILEARN_STEP), str(settings.batch), str(settings.mu)]
    kept = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**62)}
    with _peer(command, kept, f"--semilearn {python}") as step:
        yield step


@contextmanager
def _peer(command: list[str], environment: Mapping[str, str], name: str) -> Iterator[Callable[[], object]]:
    """Work that another process does on demand; of the two processes one always waits."""
    try:
        peer = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment
        )
    except OSError as error:
        raise InputError(f"{name}: {error.strerror}") from error

    def work() -> None:
        print("go", file=peer.stdin, flush=True)
        if not (peer.stdout and peer.stdout.readline()):
            raise InputError(f"{name}: it ended; what it said is above")

    with peer:
        yield work


def _augment_over_pillow(repetitions: int) -> float:
    """The same drawn strong views, from uint8 images to normalised floats: all at once, and one by one with Pillow."""
    draw = np.random.default_rng(0)
    images = torch.from_numpy(draw.integers(256, size=(448, 3, 32, 32), dtype=np.uint8))
    pictures = [Image.fromarray(image.numpy().transpose(1, 2, 0)) for image in images]
    drawn = augment.draw_strong(len(images), draw, variant=RECIPE.randaugment)
    weak = augment.draw_weak(len(images), draw, flip=True, padding=RECIPE.crop_padding)
    grey = torch.full((3,), 125, dtype=torch.uint8)

    def batched() -> None:
        view = augment.strong_view(drawn, 32, 32, RECIPE.cutout)
        strong = augment.cutout(augment.randaugment(images, view), view, grey)
        augment.normalise(augment.flip_and_crop(strong, augment.weak_view(weak, 32, 32)), grey.float(), grey.float())

    def one_by_one() -> None:
        for row, picture in enumerate(pictures):
            _pillow_view(picture, row, drawn, weak)

    return _ratio(batched, one_by_one, repetitions)


def _pillow_view(picture: Image.Image, row: int, drawn: augment.StrongDraw, weak: augment.WeakDraw) -> Floats:
    for place, magnitude in zip(drawn.chosen[row].tolist(), drawn.magnitude[row].tolist(), strict=True):
        operation = augment.OPERATIONS[place]
        scaled = operation.low + (operation.high - operation.low) * magnitude
        picture = PILLOW[operation.name](picture, scaled)
    side, x, y = drawn.square[row].tolist()
    side, x, y = side * RECIPE.cutout * picture.width, x * picture.width, y * picture.height
    left, top = max(0, int(x - side / 2)), max(0, int(y - side / 2))
    picture = picture.copy()
    ImageDraw.Draw(picture).rectangle((left, top, left + side, top + side), (125, 125, 125))
    if weak.mirrored[row]:
        picture = ImageOps.mirror(picture)
    padding = RECIPE.crop_padding
    down, right = (padding + shift for shift in weak.shifts[row].tolist())
    padded = np.pad(np.asarray(picture), ((padding, padding), (padding, padding), (0, 0)), mode="reflect")
    cropped = padded[down : down + picture.height, right : right + picture.width]
    return (cropped.transpose(2, 0, 1) - np.float32(125)) / np.float32(125)


def _affine(image: Image.Image, *matrix: float) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, matrix)


PILLOW: dict[str, Callable[[Image.Image, float], Image.Image]] = {
    "autocontrast": lambda image, v: ImageOps.autocontrast(image),
    "brightness": lambda image, v: ImageEnhance.Brightness(image).enhance(v),
    "color": lambda image, v: ImageEnhance.Color(image).enhance(v),
    "contrast": lambda image, v: ImageEnhance.Contrast(image).enhance(v),
    "equalize": lambda image, v: ImageOps.equalize(image),
    "identity": lambda image, v: image,
    "posterize": lambda image, v: ImageOps.posterize(image, int(v)),
    "rotate": lambda image, v: image.rotate(v),
    "sharpness": lambda image, v: ImageEnhance.Sharpness(image).enhance(v),
    "shear_x": lambda image, v: _affine(image, 1, v, 0, 0, 1, 0),
    "shear_y": lambda image, v: _affine(image, 1, 0, 0, v, 1, 0),
    "solarize": lambda image, v: ImageOps.solarize(image, math.ceil(v)),
    "translate_x": lambda image, v: _affine(image, 1, 0, v * image.size[0], 0, 1, 0),
    "translate_y": lambda image, v: _affine(image, 1, 0, 0, 0, 1, v * image.size[1]),
}
"""The operations as Pillow does them, one image at a time."""


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.processor())


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="an eighth of the recipe's batch, fewer repetitions")
    parser.add_argument("--semilearn", type=Path, help="a Python that has semilearn, to compare with")
    options = parser.parse_args()
    report(lambda: measure(3 if options.quick else 9, options.quick, options.semilearn))


if __name__ == "__main__":
    main()
