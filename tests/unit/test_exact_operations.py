"""Operations whose results could depend on the maker of a processor: none reaches a result.

torch hands some functions of whole tensors to MKL's vector library, which is not exact and not the same on all
processors. Which ones, its own header says.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from first_steps import table
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from spl.data.digits import read_digits
from spl.data.splits import draw_split
from spl.data.store import grey_levels
from spl.methods.registry import METHODS
from spl.methods.smoothness import smoothness_factor
from spl.study.settings import Settings
from spl.training.instructions import LEVELS
from spl.training.loop import train

HEADER = Path(torch.__file__).parent / "include/ATen/cpu/vml.h"
GOLDEN = Path(__file__).parents[1] / "golden/first_steps.json"
# A power of 1/2 is a square root; exp2 and the like are made of those in the header.
ALSO = {"pow", "exp2", "sigmoid", "logit", "erfcx", "special_ndtri"}


def in_mkl_s_vector_library():
    text = re.sub(r"//.*", "", HEADER.read_text())
    return set(re.findall(r"^IMPLEMENT_VML_MKL\((\w+),", text, re.MULTILINE))


class Operations(TorchDispatchMode):
    """Every operation of torch, with the kind of number that it is applied to."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kinds = {arg.dtype for arg in args if isinstance(arg, torch.Tensor)}
        self.seen |= {(operation.overloadpacket.__name__.rstrip("_"), kind) for kind in kinds}
        return operation(*args, **(kwargs or {}))


def test_the_header_names_the_square_root_and_the_exponential():
    assert {"sqrt", "exp", "log", "sin", "cos", "tanh"} <= in_mkl_s_vector_library()


@pytest.mark.parametrize("method", METHODS)
def test_no_step_and_no_evaluation_calls_mkl_s_vector_library_for_floats(method):
    """In doubles the powers of the smoothness factor and of UDA may: an error of their last bit reaches no float."""
    numbers = {key: value for key, value in METHODS[method].defaults.items() if value != "calibrated"}
    settings = Settings(network="wrn-10-1", steps=2, batch=4, mu=2, evaluate_every=1, lambda_max=1.0, lambda_phi=0.1)
    settings = settings.model_copy(update={**numbers, "lambda_u": 1.0, "threshold": 0.12, "flip": False})
    digits = read_digits()
    arguments = digits, grey_levels(digits.train_images), draw_split(digits.train_classes, "balanced", 0, 2)
    with Operations() as operations:
        train(*arguments, method, settings, 0, lambda evaluation: None)
    assert ("convolution_backward", torch.float32) in operations.seen
    suspects = {(name, kind) for name, kind in operations.seen if name in in_mkl_s_vector_library() | ALSO}
    powers = {"smooth-fixmatch-sq", "smooth-fixmatch-sqrt", "uda", "smooth-uda"}
    assert suspects == ({("pow", torch.float64)} if method in powers else set())


@given(score=st.lists(st.floats(0, 1, width=32), min_size=1), threshold=st.floats(0, 0.99))
def test_squares_and_square_roots_of_the_factor_are_rounded_correctly(score, threshold):
    scores = torch.tensor(score)
    linear = smoothness_factor(scores, threshold).numpy()
    assert smoothness_factor(scores, threshold, 0.5).numpy().tobytes() == np.sqrt(linear).tobytes()
    assert smoothness_factor(scores, threshold, 2).numpy().tobytes() == np.square(linear).tobytes()


CODE = """
import sys
from spl.training import instructions
instructions.limit(sys.argv[1])
import numpy as np, torch
from spl.methods.smoothness import smoothness_factor
instructions.check(sys.argv[1])
scores = torch.from_numpy(np.random.default_rng(0).random(2**20, dtype=np.float32))
print(int((smoothness_factor(scores, 0.0, 0.5).numpy() != np.sqrt(scores.numpy())).sum()))
"""


@pytest.mark.parametrize("level", LEVELS)
def test_at_every_level_a_million_square_roots_are_the_ieee_ones(level):
    done = subprocess.run([sys.executable, "-c", CODE, level], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 0, "of 2^20 differ"


@pytest.mark.parametrize("level", LEVELS)
def test_the_first_steps_of_every_method_have_the_bits_of_the_table(level):
    assert table([level])[level] == json.loads(GOLDEN.read_text())[level]
