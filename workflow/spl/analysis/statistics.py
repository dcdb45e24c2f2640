"""Statistics of paired runs, as the paper uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Values = NDArray[np.float64]
Key = TypeVar("Key")
# Errors and shares are multiples of one test image; rounded to this many decimals, equal differences are equal numbers.
DECIMALS = 10


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
    """Summarise float (n,); of nothing, all but n is NaN."""
    if len(values) == 0:
        return Summary(0, *[float("nan")] * 4)
    std = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    return Summary(len(values), float(values.mean()), std, float(values.max()), float(values.min()))


class SignedRank(NamedTuple):
    """The exact one-sided p-values that differences tend to be positive (greater), and negative (less).

    They add up to more than 1, by the probability of the outcome itself, which counts in both.
    """

    greater: float
    less: float


def wilcoxon(differences: Values) -> SignedRank:
    """Wilcoxon's signed-rank test, exact, with one-sided p-values both ways.

    Zero differences are dropped (Wilcoxon's own rule), equal magnitudes share their mean rank, and the p-values are the
    shares of the 2^n equally likely sign patterns whose positive ranks sum to at least, and to at most, the observed
    sum. Six gains out of six give 1/64, the smallest value that six folds can reach. scipy has no exact p-value with
    ties beyond a dozen pairs, so the distribution of the sum of (doubled, hence whole) ranks is computed here. It takes
    seconds for a thousand pairs.

    Args:
        differences: float (n,), paired.

    Returns:
        1 both ways if every difference is zero.
    """
    differences = differences[differences != 0]
    doubled = np.rint(2 * _ranks(np.abs(differences))).astype(int)
    observed = int(doubled[differences > 0].sum())
    probabilities = rank_sums(sorted(doubled.tolist()))
    return SignedRank(float(probabilities[observed:].sum()), float(probabilities[: observed + 1].sum()))


def wilcoxon_equivalent(differences: Values, margin: float) -> float:
    """The exact p-value of the test that the differences lie between -margin and +margin.

    Two one-sided tests (Schuirmann 1987), each by :func:`wilcoxon`: that the differences lie above -margin, and that
    they lie below +margin. Both must be significant, so the larger p-value is that of equivalence, without correction.
    Six differences within the margin give 1/64.

    Args:
        differences: float (n,), paired.
        margin: the largest difference, either way, that counts as no effect; in the unit of the differences.

    Returns:
        1 if every difference lies on one of the two limits.
    """
    # Without rounding, differences equally far from a limit would differ in their last bits.
    above, below = (np.round(differences - limit, DECIMALS) for limit in (-margin, margin))
    return max(wilcoxon(above).greater, wilcoxon(below).less)


def _ranks(values: Values) -> Values:
    """The rank of each value, from 1; equal values share their mean rank."""
    ranks: Values = np.asarray(pd.Series(values).rank(), dtype=np.float64)
    return ranks


def rank_sums(ranks: list[int]) -> Values:
    """The probabilities that the positive ranks sum to 0, 1, ..., sum of ``ranks``, all sign patterns equally likely.

    All are multiples of 2^-n: with up to 52 ranks, no value and no sum of them is rounded.
    """
    probabilities = np.zeros(sum(ranks) + 1)
    probabilities[0] = 1
    size = 1
    for rank in ranks:
        probabilities[rank : size + rank] += probabilities[:size].copy()
        size += rank
        probabilities[:size] /= 2
    return probabilities


@dataclass(frozen=True)
class Shift:
    """Where paired differences lie, with an interval that holds it with probability ``level``, a share.

    The interval and its level are NaN for a single difference, which has none.
    """

    estimate: float
    low: float
    high: float
    level: float


def hodges_lehmann(differences: Values, level: float = 0.95) -> Shift:
    """The estimate and the confidence interval of the shift that belong to the Wilcoxon signed-rank test.

    The estimate is the median of the averages of all pairs of differences, each difference paired with itself too
    (Walsh averages). The interval runs from the k-th smallest to the k-th largest of them. Its level is exact,
    1 - 2 P(W < k) for the signed-rank sum W of n untied differences, hence one of a few values: the smallest that
    reaches ``level`` is taken, and if none does, the range of all averages. Six differences have 96.875 %, five
    93.75 %, three 75 %. Equal magnitudes and zeros are kept; with them the interval holds the shift at least as often
    as its level says.

    Args:
        differences: float (n,), paired, n >= 1; drawn from a distribution that is symmetric about the shift.
        level: a share, the smallest level wanted.
    """
    n = len(differences)
    if n == 1:
        return Shift(float(differences[0]), *[float("nan")] * 3)
    walsh = np.sort(np.add.outer(differences, differences)[np.triu_indices(n)] / 2)
    levels = 1 - 2 * np.cumsum(rank_sums(list(range(1, n + 1))))  # by k - 1, falling
    k = max(int((levels >= level).sum()), 1)
    return Shift(float(np.median(walsh)), float(walsh[k - 1]), float(walsh[-k]), float(levels[k - 1]))


def rank_biserial(differences: Values) -> float:
    """The matched-pairs rank-biserial correlation, the effect size of the signed-rank test (Kerby 2014).

    The sum of the positive ranks minus that of the negative ones, over their total: 1 if every difference is positive,
    -1 if every one is negative. Zeros are dropped and ties share their rank, as in :func:`wilcoxon`.

    Args:
        differences: float (n,), paired.

    Returns:
        0 if every difference is zero.
    """
    differences = differences[differences != 0]
    ranks = _ranks(np.abs(differences))
    return float((np.sign(differences) * ranks).sum() / ranks.sum()) if len(ranks) else 0.0


def holm(p_values: Values) -> Values:
    """Correct a family of p-values for their number (Holm 1979): reject those whose result is at most the level.

    The smallest of m is multiplied by m, the next by m - 1, ...; none may be below one before it, or above 1. The
    probability that any true hypothesis of the family is rejected then stays below the level, whatever the p-values'
    dependence.

    Args:
        p_values: float (m,).

    Returns:
        float (m,), in the given order.
    """
    order = np.argsort(p_values)
    remaining = np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(remaining * p_values[order]), 1)
    return corrected


def holm_of_several(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Correct a named family by :func:`holm`; nothing for a single hypothesis, which needs no correction.

    A hypothesis that could not be tested has the p-value NaN, keeps it, and does not count.
    """
    if len(p_values) < 2:
        return {}
    tested = {key: p_value for key, p_value in p_values.items() if not np.isnan(p_value)}
    corrected = holm(np.array(list(tested.values())))
    return dict.fromkeys(p_values, float("nan")) | dict(zip(tested, corrected.tolist(), strict=True))


def mcnemar(one_way: int, other_way: int) -> float:
    """The exact two-sided p-value of McNemar's test that pairs which differ do so both ways equally often.

    It is 1 if no pair differs.
    """
    different = one_way + other_way
    from scipy.stats import binomtest  # its import takes as long as building a table, and few tables need it

    return float(binomtest(one_way, different).pvalue) if different else 1.0


@dataclass(frozen=True)
class Gain(Summary):
    """What one method gains on another, run for run: positive is better.

    Attributes:
        n, mean, std, max, min: of the gains of all pairs, in the unit of the endpoint: shares for errors.
        wins: number of pairs in which the method is better.
        p_value: of the one-sided Wilcoxon test that it tends to be.
        p_worse: of the one-sided Wilcoxon test that it tends to be worse.
        shift: Hodges-Lehmann estimate of the gain with its interval.
        effect_size: matched-pairs rank-biserial correlation, from -1 to 1.
        p_equivalent: of :func:`wilcoxon_equivalent`, if the comparison has a margin.
        p_holm, p_worse_holm, p_equivalent_holm: each p-value corrected for the family of comparisons to which this one
            belongs, if it is one of several.
        runs: paths of the runs of all pairs, the baseline's included.
    """

    wins: int
    p_value: float
    p_worse: float
    shift: Shift
    effect_size: float
    p_equivalent: float | None = None
    p_holm: float | None = None
    p_worse_holm: float | None = None
    p_equivalent_holm: float | None = None
    runs: tuple[str, ...] = ()

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that so many pairs can reach: that of n wins."""
        return 0.5**self.n


def gain(errors: Values, baseline: Values, margin: float | None = None) -> Gain:
    """Compare paired errors, float (n,) each: gain is the baseline's error minus the method's.

    Args:
        errors, baseline: errors, or any other endpoint for which lower is better.
        margin: the largest gain, either way, that counts as no effect; without it, equivalence is not tested.

    Returns:
        NaN for all that does not exist without pairs.
    """
    differences = np.round(baseline - errors, DECIMALS)
    summary = vars(summarise(differences))
    if not len(differences):
        nan = float("nan")
        untested = None if margin is None else nan
        return Gain(**summary, wins=0, p_value=nan, p_worse=nan, shift=Shift(nan, nan, nan, nan), effect_size=nan,
                    p_equivalent=untested)  # fmt: skip
    better, worse = wilcoxon(differences)
    return Gain(
        **summary,
        wins=int((differences > 0).sum()),
        p_value=better,
        p_worse=worse,
        shift=hodges_lehmann(differences),
        effect_size=rank_biserial(differences),
        p_equivalent=None if margin is None else wilcoxon_equivalent(differences, margin),
    )


# The p-values of a comparison, with the name of the corrected one.
CORRECTED = {"p_value": "p_holm", "p_worse": "p_worse_holm", "p_equivalent": "p_equivalent_holm"}


def corrected(family: Mapping[Key, Gain]) -> dict[Key, Gain]:
    """The comparisons that are made together, with p-values corrected by :func:`holm` if they are several.

    The tests of one direction are a family of their own, and so are those of equivalence.
    """
    changes: dict[Key, dict[str, Any]] = {key: {} for key in family}
    for name, holm_name in CORRECTED.items():
        p_values = {key: p for key, comparison in family.items() if (p := getattr(comparison, name)) is not None}
        for key, p in holm_of_several(p_values).items():
            changes[key][holm_name] = p
    return {key: replace(comparison, **changes[key]) for key, comparison in family.items()}
