"""Verdicts on claims: what the paired differences of an endpoint say, at a level, within a regime."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from math import ceil, inf, isnan, nan
from statistics import NormalDist
from typing import Literal

import numpy as np

from spl.analysis.statistics import (
    DECIMALS,
    Shift,
    Values,
    hodges_lehmann,
    holm_of_several,
    wilcoxon,
    wilcoxon_equivalent,
)

# How a claim is tested: that the differences tend to be positive; that runs switch one way, with differences of -1, 0
# and 1; or that the differences lie within a margin.
ClaimTest = Literal["better", "switches", "equivalent"]

SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"
TOO_FEW_FOLDS = "too few folds"
OUT_OF_REGIME, REGIME_UNKNOWN, NOT_RUN = "out of regime", "regime unknown", "not run"
BETWEEN_LOOKS = "between looks"

POWER = 0.8
NORMAL = NormalDist()
FEWEST = 3  # differences from which a number of folds can be estimated


@dataclass(frozen=True)
class Evidence:
    """What the differences of an endpoint say about a claim; positive differences are in its favour.

    Attributes:
        n: number of differences.
        effect: their location with its interval.
        p_supported: of the test that the claim holds.
        p_contradicted: of the test that the opposite holds; for equivalence, that the effect lies beyond the margin.
        p_supported_holm, p_contradicted_holm: corrected for the claims of a family, if there are several.
        smallest_p: the smallest p-value that n differences can reach.
    """

    n: int
    effect: Shift
    p_supported: float
    p_contradicted: float
    smallest_p: float
    p_supported_holm: float | None = None
    p_contradicted_holm: float | None = None

    @property
    def deciding(self) -> tuple[float, float]:
        """The p-values for and against the claim that are compared with the level: the corrected ones if there are."""
        supported, contradicted = self.p_supported_holm, self.p_contradicted_holm
        return (
            self.p_supported if supported is None else supported,
            self.p_contradicted if contradicted is None else contradicted,
        )


def evidence(differences: Values, test: ClaimTest, margin: float = nan) -> Evidence:
    """Test a claim in both directions.

    ``better`` is the exact signed-rank test. ``switches`` is McNemar's exact test, one-sided: for differences of one
    magnitude the signed-rank test is the sign test of the pairs that differ, which is McNemar's. ``equivalent`` is two
    one-sided tests within ``margin``; the opposite, an effect beyond the margin, has two directions, so the smaller of
    its two p-values is doubled.

    Args:
        differences: float (n,), paired, one for each fold.
        margin: of ``equivalent``, in the unit of the differences.
    """
    n = len(differences)
    if n == 0:
        return Evidence(0, Shift(nan, nan, nan, nan), nan, nan, nan)
    if test == "equivalent":
        supported = wilcoxon_equivalent(differences, margin)
        above = wilcoxon(np.round(differences - margin, DECIMALS)).greater
        below = wilcoxon(np.round(differences + margin, DECIMALS)).less
        contradicted = min(1.0, 2 * min(above, below))
    else:
        supported, contradicted = wilcoxon(differences)
    effect = _share_shift(differences) if test == "switches" else hodges_lehmann(differences)
    return Evidence(n, effect, supported, contradicted, 0.5**n)


def _share_shift(switches: Values, level: float = 0.95) -> Shift:
    """The difference of two paired shares, of pairs that switch in favour and of pairs that switch against.

    Each share has Clopper and Pearson's exact interval, at a level that leaves each half of the error; the difference
    of their opposite ends then holds the true one with a probability of at least ``level`` (Boole's inequality),
    however the two shares depend on each other, also if no pair differs.
    """
    from scipy.stats import binomtest  # its import takes as long as building a table, and few tables need it

    favourable, against = (
        binomtest(int(count), len(switches)).proportion_ci((1 + level) / 2)
        for count in ((switches > 0).sum(), (switches < 0).sum())
    )
    return Shift(float(switches.mean()), favourable.low - against.high, favourable.high - against.low, level)


def corrected_evidence(family: Mapping[str, Evidence], pending: Collection[str] = ()) -> dict[str, Evidence]:
    """The claims of a family with p-values corrected by Holm's method, if there are several; each direction alone.

    A claim that could not be tested does not count, unless it is ``pending``: its test is registered, and will be made.
    Until then it counts with a p-value of 1, so that what is supported or contradicted now remains so.
    """

    def corrected(p_values: dict[str, float]) -> dict[str, float]:
        counted = holm_of_several({name: 1.0 if name in pending and isnan(p) else p for name, p in p_values.items()})
        return {name: nan if isnan(p_values[name]) else p for name, p in counted.items()}

    supported = corrected({name: one.p_supported for name, one in family.items()})
    contradicted = corrected({name: one.p_contradicted for name, one in family.items()})
    return {
        name: replace(one, p_supported_holm=supported.get(name), p_contradicted_holm=contradicted.get(name))
        for name, one in family.items()
    }


def claim_verdict(found: Evidence, level: float | None, in_regime: bool | None) -> str:
    """The verdict on a claim.

    Args:
        found: what its differences say.
        level: that each direction is tested at; None between the looks of a registered study, when nothing is tested.
        in_regime: whether its runs meet the condition under which the paper makes the claim; None if that cannot be
            measured, because runs are missing.
    """
    if found.n == 0:
        return NOT_RUN
    if in_regime is None:
        return REGIME_UNKNOWN
    if not in_regime:
        return OUT_OF_REGIME
    if level is None:
        return BETWEEN_LOOKS
    supported, contradicted = found.deciding
    if supported <= level:
        return SUPPORTED
    if found.smallest_p > level:
        return TOO_FEW_FOLDS
    return CONTRADICTED if contradicted <= level else UNDECIDED


def folds_needed(differences: Values, test: ClaimTest, level: float, part: float = 1, margin: float = nan) -> float:
    """How many folds would decide a claim with a power of 80 %, if the effect were the one seen, or a part of it.

    Noether's approximation (1987): the signed-rank test at a level a has power 1 - b from (z_a + z_b)^2 / (3 (q -
    1/2)^2) pairs on, where q is the probability that the sum of two differences is positive; the sign test from (z_a +
    z_b)^2 / (4 (q - 1/2)^2) pairs that differ on, where q is the share of these in one direction. Both probabilities
    are estimated from the differences seen, moved towards 0 for a part of the effect. An equivalence must pass two
    tests, so each needs a power of 90 %. For large effects the number is a few too high.

    Args:
        differences: float (n,), paired, one for each fold.
        level: of each direction; for a family of m claims, that over m.
        part: of the effect seen.
        margin: of ``equivalent``.

    Returns:
        NaN if fewer than three differences say too little; infinity if no number of folds would do.
    """
    if len(differences) < FEWEST:
        return nan
    if test == "switches":
        return _sign_test_folds(differences, level, part)
    effect = hodges_lehmann(differences).estimate
    expected = differences - (1 - part) * effect
    if test == "better":
        return signed_rank_folds(expected if effect > 0 else -expected, level, POWER)
    if part * abs(effect) < margin:
        return max(signed_rank_folds(side + margin, level, (1 + POWER) / 2) for side in (expected, -expected))
    return signed_rank_folds(np.sign(effect) * expected - margin, level / 2, POWER)


def signed_rank_folds(differences: Values, level: float, power: float) -> float:
    """The number of folds from which positive differences like these are significant with this power.

    Noether's approximation, as in :func:`folds_needed`.
    """
    sums = np.add.outer(differences, differences)[np.triu_indices(len(differences), 1)].round(DECIMALS)
    positive = float((sums > 0).mean() + (sums == 0).mean() / 2)
    return _enough(3 * (positive - 0.5) ** 2 if positive > 0.5 else 0, level, power)


def _sign_test_folds(switches: Values, level: float, part: float) -> float:
    """The same for switches: pairs that differ, over their share."""
    differing, favourable = int((switches != 0).sum()), int((switches > 0).sum())
    if not differing:
        return inf
    excess = part * abs(favourable / differing - 0.5)
    return ceil(_enough(4 * excess**2, level, POWER) * len(switches) / differing) if excess else inf


def _enough(information: float, level: float, power: float) -> float:
    """The number of pairs whose information, a share of that which a test needs for each, reaches the power."""
    if information <= 0:
        return inf
    needed = (NORMAL.inv_cdf(1 - level) + NORMAL.inv_cdf(power)) ** 2 / information
    return float(ceil(round(needed, DECIMALS)))
