"""Distribution alignment: probabilities are scaled so that the classes are predicted as often as expected.

ReMixMatch introduced it; SoftMatch and AdaMatch use it in the form of USB (``DistAlignEMAHook`` of semilearn 0.3.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spl.methods.method import MethodState
from spl.methods.moving_average import follow

if TYPE_CHECKING:
    from torch import Tensor, device

    from spl.methods.method import BatchPredictions
    from spl.study.settings import Settings

EPSILON = 1e-6  # USB's, in numerator and denominator


class Alignment(MethodState):
    """The mean prediction for unlabelled images, as a moving average, and the distribution that it is aligned with.

    Both are float (classes,). The expected distribution is uniform; a subclass may move it.
    """

    def __init__(self, pool: int, classes: int, settings: Settings, where: device | None = None) -> None:
        import torch

        super().__init__(pool, classes, settings, where)
        self.frequency = torch.zeros(classes, device=where)  # before the first batch, as no mean prediction can be
        self.expected = torch.full((classes,), 1 / classes, device=where)

    def align(self, batch: BatchPredictions) -> Tensor:
        """Aligned probabilities of the weak views, float (n, classes), by averages that this batch has joined.

        The average begins at the mean of the first batch.
        """
        import torch

        newest = batch.gather(batch.weak).mean(0)
        begun = self.frequency.sum() > 0
        follow(self.frequency, newest, self.settings.prediction_ema)
        self.frequency.copy_(torch.where(begun, self.frequency, newest))
        scaled = batch.weak * (self.expected + EPSILON) / (self.frequency + EPSILON)
        aligned: Tensor = scaled / scaled.sum(1, keepdim=True)
        return aligned

    def tensors(self) -> dict[str, Tensor]:
        """The mean prediction for unlabelled images."""
        return {"frequency": self.frequency}
