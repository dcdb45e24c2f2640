"""AdaMatch in USB's form (Berthelot et al., ICLR 2022; semilearn 0.3.2): aligned predictions, and a relative threshold.

The threshold is tau times the mean score of the labelled images in the batch, with tau = 0.9 (the paper's; USB's
configurations have 0.95). Probabilities of the weak views are aligned with the mean prediction for labelled images;
score and pseudo-label are those of the aligned ones. Both mean predictions are moving averages with decay 0.999,
which the batch joins first.

What the paper's AdaMatch has beyond USB's, and this one lacks, since it is a step of another kind than FixMatch's:
random interpolation of the logits of labelled images with and without the unlabelled ones in their batch; labelled
images in a strong view; soft pseudo-labels; and lambda_u that grows along a cosine over the first half of the steps
(a study may set ``ramp: 0.5``, which grows linearly).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spl.methods.alignment import Alignment
from spl.methods.indicator import reaches
from spl.methods.method import Guidance, Method
from spl.methods.moving_average import follow

if TYPE_CHECKING:
    from torch import Tensor

    from spl.methods.method import BatchPredictions


class RelativeThreshold(Alignment):
    """Alignment with the mean prediction for labelled images, and the threshold relative to their scores."""

    def observe(self, batch: BatchPredictions) -> Guidance:
        """The relative threshold, a scalar, and the aligned probabilities float (n, classes)."""
        labelled = batch.gather(batch.labelled)
        follow(self.expected, labelled.mean(0), self.settings.prediction_ema)
        threshold = labelled.amax(1).mean() * self.settings.threshold
        return Guidance(threshold, probabilities=self.align(batch))

    def tensors(self) -> dict[str, Tensor]:
        """The mean predictions for labelled and unlabelled images."""
        return {**super().tensors(), "expected": self.expected}


METHOD = Method(
    "AdaMatch (USB's form)",
    reaches,
    state=RelativeThreshold,
    reads=("prediction_ema",),
    defaults={"threshold": 0.9},
)
