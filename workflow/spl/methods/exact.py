"""Exponential and logarithm with the same bits on all processors that have a level of instructions.

torch hands its own, of whole tensors, to MKL's vector library, which is not the same on all processors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

LOG_2 = 0.6931471805599453
# 2 atanh(z) = 2 z (1 + z^2 / 3 + ...): for |z| <= 0.172 the first term that is left out is below 2^-62.
ATANH = [1 / (2 * k + 1) for k in range(12)]


def exponential(exponent: Tensor) -> Tensor:
    """e^x for x <= 0, float of any shape: the ratio of the two probabilities of softmax(x, 0).

    The training step takes softmaxes anyway, with torch's own kernels.
    """
    import torch

    pair = torch.softmax(torch.stack([exponent, torch.zeros_like(exponent)], -1), -1)
    ratio: Tensor = pair[..., 0] / pair[..., 1]
    return ratio


def logarithm(x: Tensor) -> Tensor:
    """The natural logarithm of positive numbers, float of any shape, with its gradient 1 / x.

    Its value is computed in doubles from sums, products and quotients alone, with x = m 2^e and m in [0.5, 1).
    """
    import torch

    mantissa, exponent = torch.frexp(x.detach().double())
    small = mantissa < 0.5**0.5
    mantissa = torch.where(small, 2 * mantissa, mantissa)
    z = (mantissa - 1) / (mantissa + 1)
    square, series = z * z, torch.zeros_like(z)
    for coefficient in reversed(ATANH):
        series = series * square + coefficient
    value = (exponent - small.int()).double() * LOG_2 + 2 * z * series
    logarithms: Tensor = value.to(x.dtype) + (x / x.detach() - 1)  # the second term is 0, and carries the gradient
    return logarithms
