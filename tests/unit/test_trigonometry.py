"""Sine and cosine: as exact as those of the C library, and the same bits everywhere."""

import hashlib
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spl.training.trigonometry import cosine, sine

angles = st.floats(-math.pi / 2, math.pi / 2)


@given(angle=angles)
def test_they_are_within_the_last_bit_of_the_c_library_s(angle):
    assert cosine(angle) == pytest.approx(math.cos(angle), rel=0, abs=2.3e-16)
    assert sine(angle) == pytest.approx(math.sin(angle), rel=4.5e-16, abs=0)


@given(values=st.lists(angles, min_size=1, max_size=40))
def test_a_tensor_has_the_bits_of_floats(values):
    for function in (sine, cosine):
        assert function(torch.tensor(values, dtype=torch.float64)).tolist() == [function(value) for value in values]


def test_they_have_these_bits_on_every_processor():
    grid = torch.arange(-15_000, 15_001, dtype=torch.float64) / 10_000
    digest = hashlib.sha256(np.stack([sine(grid).numpy(), cosine(grid).numpy()]).tobytes()).hexdigest()
    assert digest == "b209a8ac6aa08d6ac61676889bf748a13c38c1fe85093f1230edaf88b6c4318c"
