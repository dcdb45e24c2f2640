"""Statistics against enumeration and scipy."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from spl.statistics import gain, summarise, wilcoxon_greater

coarse = st.lists(st.integers(-4, 4), min_size=1, max_size=9).map(lambda values: np.array(values) / 500)


def enumerated(differences):
    """Share of all sign patterns whose positive ranks sum to at least what was seen."""
    differences = differences[differences != 0]
    ranks = stats.rankdata(np.abs(differences))
    seen = ranks[differences > 0].sum()
    sums = [
        sum(rank for rank, sign in zip(ranks, signs, strict=True) if sign)
        for signs in product((0, 1), repeat=len(ranks))
    ]
    return np.mean(np.array(sums) >= seen - 1e-9)


@given(coarse)
def test_the_p_value_is_the_share_of_sign_patterns_with_ties_and_zeros(differences):
    assert wilcoxon_greater(differences) == pytest.approx(enumerated(differences))


@pytest.mark.parametrize(("signs", "expected"), [((1, 1, 1, 1, 1, 1), 1 / 64), ((1, 1, 1, 1, -1, 1), 10 / 64)])
def test_six_folds_reach_the_paper_s_values(signs, expected):
    assert wilcoxon_greater(np.array(signs) * np.arange(1.0, 7.0)) == expected


@given(st.integers(1, 45), st.integers(0, 2**32 - 1))
def test_without_ties_the_p_value_is_scipy_s(n, seed):
    differences = np.random.default_rng(seed).normal(0.2, 1, n)
    assert wilcoxon_greater(differences) == pytest.approx(
        stats.wilcoxon(differences, alternative="greater", method="exact").pvalue
    )


@given(coarse)
def test_a_gain_of_one_is_the_loss_of_the_other(errors):
    other = np.roll(errors, 1)
    forth, back = gain(errors, other), gain(other, errors)
    assert forth.mean == pytest.approx(-back.mean)
    assert forth.wins + back.wins + int((errors == other).sum()) == forth.n
    assert forth.p_value + back.p_value >= 1


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=9))
def test_equal_gains_tie_although_errors_are_fractions(images):
    ours, theirs = np.array(images).T
    assert gain(ours / 500, theirs / 500).p_value == pytest.approx(enumerated((theirs - ours).astype(float)))


def test_a_method_with_lower_errors_gains():
    won = gain(np.array([0.05, 0.06, 0.07]), np.array([0.10, 0.08, 0.07]))
    assert (won.n, won.wins) == (3, 2)
    assert won.mean == pytest.approx(0.07 / 3)
    assert won.p_value == 0.25


def test_no_difference_is_no_evidence():
    assert wilcoxon_greater(np.zeros(6)) == 1


def test_a_summary_divides_by_n_minus_1():
    summary = summarise(np.array([1.0, 2.0, 4.0]))
    assert (summary.n, summary.max, summary.min, summary.range) == (3, 4, 1, 3)
    assert summary.std == pytest.approx(np.sqrt(7 / 3))
    assert np.isnan(summarise(np.array([1.0])).std)
