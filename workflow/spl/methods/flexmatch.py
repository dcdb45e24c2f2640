"""FlexMatch: FixMatch with a threshold for each class, lower for classes that are predicted less often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spl.methods.indicator import reaches
from spl.methods.method import Guidance, Method, MethodState
from spl.methods.pool_memory import NEVER, last_of_each

if TYPE_CHECKING:
    from torch import Tensor, device

    from spl.methods.method import BatchPredictions
    from spl.study.settings import Settings


class ClassThresholds(MethodState):
    """Thresholds from the latest confident prediction for each image of the unlabelled pool (FlexMatch, section 3.1).

    The threshold of the settings, tau, is that of the class that is learnt best.
    """

    def __init__(self, pool: int, classes: int, settings: Settings, where: device | None = None) -> None:
        import torch

        super().__init__(pool, classes, settings, where)
        self.latest = torch.full((pool,), NEVER, device=where)
        self.labels = torch.arange(NEVER, classes, device=where)
        self.counts = pool * (self.labels == NEVER)

    def observe(self, batch: BatchPredictions) -> Guidance:
        """Thresholds float (n,) of the predicted classes from the counts before this step, which then joins them."""
        score, predicted = batch.weak.max(1)
        thresholds = self.of(predicted)
        self.remember(batch.gather(batch.positions), batch.gather(score), batch.gather(predicted))
        return Guidance(thresholds)

    def tensors(self) -> dict[str, Tensor]:
        """The latest confident prediction for each image, int64 (pool,), and how often each class is among them."""
        return {"latest": self.latest, "counts": self.counts}

    def of(self, predicted: Tensor) -> Tensor:
        """The threshold of each predicted class: tau M(beta), M(b) = b / (2 - b), beta = count / largest count.

        Images never predicted with confidence count as a class of their own in the largest count (warm-up).

        Args:
            predicted: int64 (n,).

        Returns:
            float (n,), in 0 .. tau.
        """
        beta = self.counts[1:] / self.counts.max()
        return (self.settings.threshold * beta / (2 - beta))[predicted]

    def remember(self, positions: Tensor, score: Tensor, predicted: Tensor) -> None:
        """Store the predictions whose score reaches tau; of an image drawn twice in a batch, the last one.

        Args:
            positions: int64 (n,), places in the pool.
            score, predicted: float and int64 (n,).
        """
        import torch

        last = last_of_each(positions, score >= self.settings.threshold)
        before = self.latest[positions]
        after = torch.where(last > NEVER, predicted[last], before)
        self.latest[positions] = after
        order = torch.arange(len(positions), device=positions.device)
        once = last_of_each(positions, order >= 0) == order  # an image drawn twice counts once
        changes = (after[:, None] == self.labels).int() - (before[:, None] == self.labels).int()
        self.counts += (changes * once[:, None]).sum(0)  # torch's bincount makes a GPU wait


METHOD = Method("FlexMatch", reaches, state=ClassThresholds)
