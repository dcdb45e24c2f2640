"""Sine and cosine from sums and products alone: the same bits on every processor and in every C library.

Those of the C library and of torch's vector library differ between versions and processors in their last bit.
"""

from __future__ import annotations

import math
from typing import TypeVar

from torch import Tensor

Angle = TypeVar("Angle", float, Tensor)

# The first term that is left out is below 2^-70 for every angle up to pi / 2.
SINE = [(-1) ** k / math.factorial(2 * k + 1) for k in range(13)]
COSINE = [(-1) ** k / math.factorial(2 * k) for k in range(13)]


def sine(angle: Angle) -> Angle:
    """The sine of an angle in radians, from -pi / 2 to pi / 2: a float or float64 of any shape."""
    return angle * _series(SINE, angle * angle)


def cosine(angle: Angle) -> Angle:
    """The cosine of an angle in radians, as :func:`sine`."""
    return _series(COSINE, angle * angle)


def _series(coefficients: list[float], x: Angle) -> Angle:
    """The polynomial with these coefficients, from the constant one up (Horner's scheme)."""
    total = x * 0.0
    for coefficient in reversed(coefficients):
        total = total * x + coefficient
    return total
