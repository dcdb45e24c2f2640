"""Group-sequential looks: the numbers of folds at which a registered comparison is tested, each at its own level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.05  # of a test in one direction, where no registration sets another


@dataclass(frozen=True)
class Looks:
    """The looks at a comparison while its folds are added.

    By the union bound (Boole's inequality), tests at these levels reject a true null hypothesis at any look with a
    probability of at most the sum of the levels, however the looks depend on each other.

    Attributes:
        folds: numbers of folds, increasing.
        levels: of the test in each direction, one for each look.
    """

    folds: Sequence[int]
    levels: Sequence[float]

    def level(self, n: int) -> float | None:
        """The level of the look at n folds; None between looks, where no test may be made or shown."""
        return dict(zip(self.folds, self.levels, strict=True)).get(n)
