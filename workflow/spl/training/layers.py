"""Layers that torch lacks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce

from spl.training.processes import processes


class GlobalBatchNorm(nn.BatchNorm2d):
    """Batch norm over the batches of all processes on CPUs, where torch's SyncBatchNorm does not run."""

    def forward(self, x: Tensor) -> Tensor:
        """Float (n, channels, h, w) to the same."""
        if not self.training:
            return super().forward(x)
        count = x.numel() // x.shape[1] * processes()
        mean = _sum_of_all(x.float().sum((0, 2, 3))) / count
        centred = x - mean[:, None, None]
        variance = _sum_of_all(centred.square().sum((0, 2, 3))) / count
        running_mean, running_variance = self.buffers()
        with torch.no_grad():
            running_mean.lerp_(mean, self.momentum or 0.0)
            running_variance.lerp_(variance * (count / (count - 1)), self.momentum or 0.0)
        scale = self.weight * (variance + self.eps).rsqrt()
        normalised: Tensor = centred * scale[:, None, None] + self.bias[:, None, None]
        return normalised


def _sum_of_all(values: Tensor) -> Tensor:
    """The sum over all processes, through which gradients flow."""
    summed: Tensor = all_reduce(values)  # type: ignore[no-untyped-call]  # torch leaves it without type hints
    return summed
