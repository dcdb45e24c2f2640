"""Statistics of paired runs, as the paper uses them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Summary:
    """Of one method over its folds. ``std`` is that of a sample (divides by n - 1); undefined for one run."""

    n: int
    mean: float
    std: float
    max: float
    min: float

    @property
    def range(self) -> float:
        """Largest minus smallest."""
        return self.max - self.min


def summarise(values: Values) -> Summary:
    """Summarise float (n,), n >= 1."""
    std = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    return Summary(len(values), float(values.mean()), std, float(values.max()), float(values.min()))


def wilcoxon_greater(differences: Values) -> float:
    """The exact p-value of the one-sided Wilcoxon signed-rank test that the differences tend to be positive.

    Zero differences are dropped (Wilcoxon's own rule), equal magnitudes share their mean rank, and the p-value is the
    share of the 2^n equally likely sign patterns whose positive ranks sum to at least the observed one. Six gains out
    of six give 1/64, the smallest value that six folds can reach. scipy has no exact p-value with ties beyond a dozen
    pairs, so the patterns are counted here, by their sum of (doubled, hence whole) ranks.

    Args:
        differences: float (n,), paired.

    Returns:
        1 if every difference is zero.
    """
    differences = differences[differences != 0]
    doubled = np.rint(2 * stats.rankdata(np.abs(differences))).astype(int)
    patterns = [1]
    for rank in doubled.tolist():
        longer = patterns + [0] * rank
        patterns = [same + (longer[total - rank] if total >= rank else 0) for total, same in enumerate(longer)]
    observed = int(doubled[differences > 0].sum())
    reaching: int = sum(patterns[observed:])
    return reaching / 2.0 ** len(differences)


@dataclass(frozen=True)
class Gain:
    """What one method gains on another, run for run: positive is better."""

    n: int
    mean: float
    std: float
    wins: int
    p_value: float


def gain(errors: Values, baseline: Values) -> Gain:
    """Compare paired errors, float (n,) each: gain is the baseline's error minus the method's."""
    # Errors are multiples of one test image; without rounding, equal gains would differ in their last bits.
    differences = np.round(baseline - errors, 10)
    summary = summarise(differences)
    return Gain(summary.n, summary.mean, summary.std, int((differences > 0).sum()), wilcoxon_greater(differences))
