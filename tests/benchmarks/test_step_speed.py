"""The benchmark answers; what it answers is for people to judge."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spl.errors import InputError
from spl.training import augment, instructions
from spl.training.instructions import LEVELS
from step import BF16_FLAGS, RECIPE, _pillow_view, _semilearn_step


def test_both_sides_of_the_augmentation_s_benchmark_do_the_same_work():
    draw = np.random.default_rng(1)
    images = torch.from_numpy(draw.integers(256, size=(60, 3, 32, 32), dtype=np.uint8))
    drawn = augment.draw_strong(60, draw, variant="torchssl")
    weak = augment.draw_weak(60, draw, flip=True, padding=4)
    grey = torch.full((3,), 125, dtype=torch.uint8)
    view = augment.strong_view(drawn, 32, 32, 0.5)
    strong = augment.cutout(augment.randaugment(images, view), view, grey)
    ours = augment.normalise(augment.flip_and_crop(strong, augment.weak_view(weak, 32, 32)), grey.float(), grey.float())
    for row, image in enumerate(images):
        theirs = _pillow_view(Image.fromarray(image.numpy().transpose(1, 2, 0)), row, drawn, weak)
        assert (ours[row] - torch.from_numpy(theirs)).abs().mean() < 0.05


def test_the_quick_benchmark_states_ratios_parameters_and_machine():
    spl = Path(sys.executable).parent / "spl"
    done = subprocess.run([spl, "bench", "--quick", "--json"], capture_output=True, text=True, check=True)
    measured = json.loads(done.stdout)
    assert measured["parameters"]["wrn-28-2"] == 1_469_642
    assert measured["parameters"]["wrn-28-2, bias in the stem alone"] == 1_467_626
    assert set(measured["step_over_bare"]) == {"wrn-10-1, B = 8", "wrn-28-2, B = 8"}
    assert all(ratio > 0 for ratio in (*measured["step_over_bare"].values(), measured["augment_over_pillow"]))
    bf16 = measured["bf16_over_fp32"]
    computes_in_bf16 = BF16_FLAGS & instructions.flags()
    assert bf16["wrn-28-2, B = 8"] > 0 if computes_in_bf16 else bf16 == "this processor does not compute in bf16"
    pinned = measured["pinned_over_native"]
    assert set(pinned) == {"wrn-10-1, B = 8"}
    assert all({"sse4"} <= set(ratios) <= set(LEVELS) and min(ratios.values()) > 0 for ratios in pinned.values())
    assert measured["machine"]["threads"] == 1


@pytest.mark.parametrize(("python", "reason"), [(Path(sys.executable), "it ended"), (Path("none"), "No such file")])
def test_a_python_without_semilearn_is_named(python, reason):
    with pytest.raises(InputError, match=f"--semilearn {python}: {reason}"), _semilearn_step(python, RECIPE) as step:
        step()
