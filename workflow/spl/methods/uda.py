"""UDA (Xie et al., NeurIPS 2020): the strong view learns the sharpened prediction for the weak view.

The target is softmax(logits / T) of the weak view with T = 0.4, where its score reaches 0.8 (the paper's sharpening
and confidence-based masking; TorchSSL and USB have the same values for CIFAR-10), and the loss is the cross-entropy,
whose gradient is that of the paper's Kullback-Leibler divergence. The unsharpened score is compared with the
threshold. lambda_u is 1.

Without training signal annealing, which would leave out labelled images of high score: TorchSSL and USB have switched
it off in their configurations for CIFAR-10. semilearn 0.3.2 itself does not sharpen, although it has a temperature:
with ``temperature: 1`` this method is the same as that one; sharpened as here is TorchSSL's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spl.methods.indicator import reaches
from spl.methods.method import Guidance, Method, MethodState

if TYPE_CHECKING:
    from torch import Tensor

    from spl.methods.method import BatchPredictions


class Sharpening(MethodState):
    """Carries nothing from step to step: sharpened predictions as targets, and the threshold of the settings."""

    def observe(self, batch: BatchPredictions) -> Guidance:
        """The threshold, and targets float (n, classes)."""
        return Guidance(self.settings.threshold, targets=sharpened(batch.weak, self.settings.temperature))


def sharpened(probabilities: Tensor, temperature: float) -> Tensor:
    """Powers p^(1 / T), normalised: softmax(logits / T), from probabilities float (n, classes).

    In doubles, whose last bit, which differs between processors, does not reach the floats.
    """
    powers = probabilities.double() ** (1 / temperature)
    targets: Tensor = (powers / powers.sum(1, keepdim=True)).to(probabilities.dtype)
    return targets


METHOD = Method("UDA", reaches, state=Sharpening, reads=("temperature",), defaults={"threshold": 0.8})
