"""How many folds a comparison needs, from the differences of a pilot: ``from spl.analysis import power``.

``power.power_of_methods("pilot.csv", gain=0.01)``, for a gain of one point, has the power of the exact one-sided
signed-rank test with any number of folds up to :data:`MOST`, and the numbers of folds that are needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isinf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spl.analysis.arms import Arm, baseline_of, paired
from spl.analysis.claims import FEWEST, signed_rank_folds
from spl.analysis.compare import arms_with_baseline
from spl.analysis.error_files import ErrorsOfRuns, read_errors
from spl.analysis.looks import LEVEL
from spl.analysis.statistics import DECIMALS, Values, hodges_lehmann, rank_sums
from spl.errors import InputError

# The powers that folds are counted for
TARGETS = (0.8, 0.9)
# The paper's number of folds
SIX = 6
# Folds up to which power is simulated
MOST = 100
# Simulated studies, whose power has a standard error of at most half a point
STUDIES = 10_000
# Differences are multiples of 1 / SCALE.
SCALE = 10**DECIMALS


@dataclass(frozen=True)
class Power:
    """What numbers of folds show of one method's gain.

    Attributes:
        setting, label, baseline: the data set, the method, and the method that it is compared with.
        gain: the assumed gain, a share; negative if the method is worse than the baseline.
        pilot: number of folds of the pilot.
        level: of the test, the family's share of :data:`spl.analysis.looks.LEVEL`.
        by_folds: float (MOST,), the power with 1, 2, ... folds.
        needed: the number of folds from which on the power is at least each of :data:`TARGETS`; None beyond MOST.
        noether: the number of folds by the approximation that the table of claims uses; infinity if none would do.
        detectable: the smallest gain, a share, that six folds show with a power of 80 %; infinity if so few can show
            none.
    """

    setting: str
    label: str
    baseline: str
    gain: float
    pilot: int
    level: float
    by_folds: Values
    needed: dict[float, int | None]
    noether: dict[float, float]
    detectable: float


def power_of_methods(
    errors: str | Path | ErrorsOfRuns,
    gain: float | None = None,
    baseline: str | None = None,
    seed: int = 0,
    best: bool = False,
) -> list[Power]:
    """The power of comparing each method with the baseline, on each data set of a file.

    The differences of a fold are averaged over its seeds. Differences of future folds are the assumed gain plus or
    minus a deviation, drawn from the pilot's deviations from its Hodges-Lehmann estimate: the test and the
    estimate assume that deviations are symmetric, and a pilot of few folds, all on one side, would promise too much. If
    the method is worse than the baseline, the test that it is worse counts. With several comparisons, the level of each
    is 0.05 over their number, which Holm's correction never goes below.

    Args:
        errors: a file or folder of errors, or what :func:`spl.analysis.error_files.read_errors` read from it.
        gain: the assumed gain of every method, a positive share; that of the pilot if None.
        baseline: a method of the file; the first one if None.
        seed: of the simulation; the same seed gives the same numbers.
        best: whether to read the best error of each run in place of the last.

    Raises:
        InputError: the file cannot be read or paired, or has fewer than three folds.
    """
    found = errors if isinstance(errors, ErrorsOfRuns) else read_errors(Path(errors), best)
    pilots = [
        (setting, arm.label, reference, _differences(arm, baseline_of(arm, of_setting, reference)))
        for setting, (reference, of_setting) in arms_with_baseline(found, baseline).items()
        for arm in of_setting
        if arm.method != reference
    ]
    for _, label, _, differences in pilots:
        if len(differences) < FEWEST:
            raise InputError(
                f"{found.source}: expected a pilot with at least {FEWEST} folds of {label}, got {len(differences)}"
            )
    level = LEVEL / len(pilots)
    return [
        _power(setting, label, reference, differences, level, gain, seed)
        for setting, label, reference, differences in pilots
    ]


def _differences(arm: Arm, baseline: Arm) -> Values:
    """Baseline's error minus the method's, float (folds,), averaged over the seeds of a fold."""
    pairs = paired(arm, baseline)
    gains = pairs["error_last_baseline"] - pairs["error_last"]
    return gains.groupby(level="fold").mean().round(DECIMALS).to_numpy(float)


def _power(
    setting: str, label: str, baseline: str, differences: Values, level: float, gain: float | None, seed: int
) -> Power:
    """The power of one comparison, whose pilot has these differences."""
    shift = hodges_lehmann(differences).estimate
    assumed = shift if gain is None else gain
    deviations = np.concatenate([differences - shift, shift - differences])
    expected = np.round(deviations + abs(assumed), DECIMALS)
    by_folds = signed_rank_power(expected, level, seed)
    return Power(
        setting,
        label,
        baseline,
        assumed,
        len(differences),
        level,
        by_folds,
        needed={target: _needed(by_folds, target) for target in TARGETS},
        noether={target: signed_rank_folds(expected, level, target) for target in TARGETS},
        detectable=detectable_gain(deviations, level, SIX, seed),
    )


def _needed(by_folds: Values, target: float) -> int | None:
    """The number of folds from which on the power stays above the target; one more fold may well lower it."""
    folds = int(np.flatnonzero(by_folds < target)[-1]) + 2
    return folds if folds <= len(by_folds) else None


def signed_rank_power(differences: Values, level: float, seed: int, most: int = MOST) -> Values:
    """The power of the exact test that differences tend to be positive, with 1, 2, ... folds.

    Differences are drawn with replacement, for :data:`STUDIES` studies, each of which has one fold more than before.
    A sum of two differences that is 0 counts half, as equal ranks do; the sum of positive ranks is compared with its
    distribution without ties.

    Args:
        differences: float (n,), to draw from.
        level: of the one-sided test.
        seed: of the draws.
        most: number of folds of the largest study.

    Returns:
        float (most,); 0 for numbers of folds whose smallest p-value is above the level.
    """
    drawn = _drawn(differences, most, seed)
    twice = np.zeros(STUDIES, dtype=np.int64)  # the sum of positive ranks of each study, doubled
    power = np.zeros(most)
    for n in range(1, most + 1):
        sums = drawn[:n] + drawn[n - 1]
        twice += (sums > 0).sum(0) + (sums >= 0).sum(0)
        power[n - 1] = (twice >= 2 * critical_sum(n, level)).mean()
    return power


def detectable_gain(differences: Values, level: float, folds: int, seed: int) -> float:
    """The smallest gain that a number of folds shows with a power of 80 %, a share; infinity if they can show none.

    A study is significant if the k-th largest average of two of its differences, k being the critical sum of ranks, is
    positive; the gain shifts all averages alike. Arguments as :func:`signed_rank_power`, but for differences around 0.
    """
    critical = critical_sum(folds, level)
    if isinf(critical):
        return inf
    drawn = _drawn(differences, folds, seed)
    first, second = np.triu_indices(folds)
    averages = np.sort(drawn[first] + drawn[second], axis=0) / 2
    return float(0 - np.quantile(averages[-int(critical)], 1 - TARGETS[0]) / SCALE)


def critical_sum(n: int, level: float) -> float:
    """The smallest sum of positive ranks of n untied differences that is significant; infinity if none is."""
    tails = rank_sums(list(range(1, n + 1)))[::-1].cumsum()[::-1]
    significant = np.flatnonzero(tails <= level)
    return float(significant[0]) if len(significant) else inf


def _drawn(differences: Values, folds: int, seed: int) -> NDArray[np.int64]:
    """Differences of simulated studies, (folds, studies), as whole numbers, whose sums are exact."""
    whole = np.rint(differences * SCALE).astype(np.int64)
    return np.random.default_rng(seed).choice(whole, (folds, STUDIES))
