"""FlexMatch: FixMatch with a threshold for each class, lower for classes that are predicted less often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spl.methods.indicator import reaches
from spl.methods.method import Method, MethodState

if TYPE_CHECKING:
    from torch import Tensor, device

    from spl.methods.method import Gather
    from spl.study.settings import Settings

NEVER = -1


class ClassThresholds(MethodState):
    """Thresholds from the latest confident prediction for each image of the unlabelled pool (FlexMatch, section 3.1).

    The threshold of the settings, tau, is that of the class that is learnt best.
    """

    def __init__(self, pool: int, classes: int, settings: Settings, where: device | None = None) -> None:
        import torch

        super().__init__(pool, classes, settings, where)
        self.latest = torch.full((pool,), NEVER, device=where)
        self.known = torch.arange(NEVER, classes, device=where)

    def observe(self, probabilities: Tensor, positions: Tensor, gather: Gather) -> tuple[Tensor]:
        """Thresholds float (n,) of the predicted classes from the counts before this step, which then joins them."""
        score, predicted = probabilities.max(1)
        thresholds = self.of(predicted)
        self.remember(gather(positions), gather(score), gather(predicted))
        return (thresholds,)

    def tensors(self) -> dict[str, Tensor]:
        """The latest confident prediction for each image, int64 (pool,)."""
        return {"latest": self.latest}

    def of(self, predicted: Tensor) -> Tensor:
        """The threshold of each predicted class: tau M(beta), M(b) = b / (2 - b), beta = count / largest count.

        Images never predicted with confidence count as a class of their own in the largest count (warm-up).

        Args:
            predicted: int64 (n,).

        Returns:
            float (n,), in 0 .. tau.
        """
        counts = (self.latest[:, None] == self.known).sum(0)  # torch's bincount makes a GPU wait
        beta = counts[1:] / counts.max()
        return (self.settings.threshold * beta / (2 - beta))[predicted]

    def remember(self, positions: Tensor, score: Tensor, predicted: Tensor) -> None:
        """Store the predictions whose score reaches tau; of an image drawn twice in a batch, the last one.

        Args:
            positions: int64 (n,), places in the pool.
            score, predicted: float and int64 (n,).
        """
        import torch

        order = torch.arange(len(positions), device=positions.device)
        confident = torch.where(score >= self.settings.threshold, order, NEVER)
        last = torch.full_like(self.latest, NEVER).scatter_reduce_(0, positions, confident, "amax")[positions]
        self.latest[positions] = torch.where(last > NEVER, predicted[last], self.latest[positions])


METHOD = Method("FlexMatch", reaches, state=ClassThresholds)
