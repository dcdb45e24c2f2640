"""FreeMatch (Wang et al., ICLR 2023): thresholds that follow the scores, globally and by class, and a fairness loss.

The global threshold is a moving average of the mean score, which begins at 1 / classes (equation 5); the threshold of
a class is the global one times the mean probability of the class divided by that of the most probable class
(equations 6 and 7). The fairness loss (equation 11) is the sum over classes of P log Q: P is the mean probability of
each class divided by the share of pseudo-labels of this class, normalised, both as moving averages over the weak
views; Q is the same of the strong views whose pseudo-labels count in this batch. The decay is 0.999. The batch joins
the averages before its thresholds are taken. The order is that of USB's code (semilearn 0.3.2), and so is the weight
of the fairness loss, 0.01 by default; USB's configuration for CIFAR-10 with 40 labels has 0.001 (``fairness``).

The setting ``threshold`` has no effect. lambda_u is 1. Thresholds and fairness are those of the whole batch, in each
process of a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spl.methods.exact import logarithm
from spl.methods.indicator import reaches
from spl.methods.method import Guidance, Method, MethodState
from spl.methods.moving_average import follow, shares

if TYPE_CHECKING:
    from torch import Tensor, device

    from spl.methods.method import BatchPredictions, Gather
    from spl.study.settings import Settings

EPSILON = 1e-12  # USB's, within the logarithm: a class that no strong view is predicted as has Q = 0


class SelfAdaptive(MethodState):
    """Moving averages of scores, probabilities and pseudo-labels of the weak views, and the fairness loss."""

    def __init__(self, pool: int, classes: int, settings: Settings, where: device | None = None) -> None:
        import torch

        super().__init__(pool, classes, settings, where)
        self.score = torch.full((), 1 / classes, device=where)
        self.probability = torch.full((classes,), 1 / classes, device=where)
        self.labels = torch.full((classes,), 1 / classes, device=where)
        self.gather: Gather = _alone

    def observe(self, batch: BatchPredictions) -> Guidance:
        """Thresholds float (n,) of the predicted classes, by averages that this batch has joined."""
        import torch

        self.gather = batch.gather
        weak = batch.gather(batch.weak)
        score, predicted = weak.max(1)
        decay = self.settings.prediction_ema
        follow(self.score, score.mean(), decay)
        follow(self.probability, weak.mean(0), decay)
        equal = torch.full_like(score, 1 / len(score))
        follow(self.labels, shares(predicted, equal, len(self.labels)), decay)
        thresholds = self.score * (self.probability / self.probability.max())
        return Guidance(thresholds[batch.weak.argmax(1)])

    def further_loss(self, weak: Tensor, learning: Tensor, weight: Tensor) -> Tensor:
        """The weighted fairness loss; 0 where no pseudo-label counts."""
        from torch.nn.functional import softmax

        probability = softmax(learning, 1)
        sums = self._total((probability * weight[:, None]).sum(0))
        counted = self._total(shares(probability.argmax(1), weight, len(self.labels)))
        expected = _normalised(self.probability * _inverse(self.labels))
        predicted = _normalised(sums * _inverse(counted))
        fairness: float = self.settings.fairness
        return fairness * (counted.sum() > 0) * (expected * logarithm(predicted + EPSILON)).sum()

    def tensors(self) -> dict[str, Tensor]:
        """The three moving averages."""
        return {"score": self.score, "probability": self.probability, "labels": self.labels}

    def _total(self, own: Tensor) -> Tensor:
        """The sum over all processes, float (classes,).

        Processes average their gradients: that of its own part counts once for each of them.
        """
        everyone = self.gather(own.detach()[None])
        return everyone.sum(0) + len(everyone) * (own - own.detach())


def _alone(rows: Tensor) -> Tensor:
    """The rows of all processes of a run that has one."""
    return rows


def _inverse(share: Tensor) -> Tensor:
    """1 / share, and 0 for a class that has none."""
    import torch

    return torch.where(share > 0, 1 / share, 0.0)


def _normalised(parts: Tensor) -> Tensor:
    """Divided by their sum, unless that is 0."""
    import torch

    total = parts.sum()
    return parts / torch.where(total > 0, total, 1.0)


METHOD = Method("FreeMatch", reaches, state=SelfAdaptive, reads=("prediction_ema", "fairness"))
