"""Statistics against enumeration and scipy."""

from itertools import combinations, product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from spl.analysis.statistics import (
    CORRECTED,
    corrected,
    gain,
    hodges_lehmann,
    holm,
    mcnemar,
    rank_biserial,
    summarise,
    wilcoxon,
    wilcoxon_equivalent,
)

coarse = st.lists(st.integers(-4, 4), min_size=1, max_size=9).map(lambda values: np.array(values) / 500)
several = coarse.filter(lambda differences: len(differences) > 1)
family = st.lists(st.integers(0, 20), min_size=1, max_size=6).map(lambda values: np.array(values) / 20)


def enumerated(differences):
    """Share of all sign patterns whose positive ranks sum to at least what was seen."""
    differences = differences[differences != 0]
    ranks = stats.rankdata(np.abs(differences))
    seen = ranks[differences > 0].sum()
    sums = [np.dot(ranks, signs) for signs in product((0, 1), repeat=len(ranks))]
    return np.mean(np.array(sums) >= seen - 1e-9)


@given(coarse)
def test_both_p_values_are_shares_of_sign_patterns_with_ties_and_zeros(differences):
    assert wilcoxon(differences) == pytest.approx((enumerated(differences), enumerated(-differences)))


@given(coarse)
def test_the_outcome_itself_counts_both_ways(differences):
    """So the p-value of the other direction is not 1 - p."""
    some = differences[differences != 0]
    ranks = stats.rankdata(np.abs(some))
    sums = [np.dot(ranks, signs) for signs in product((0, 1), repeat=len(ranks))]
    greater, less = wilcoxon(differences)
    assert greater + less == pytest.approx(1 + np.mean(np.isclose(sums, ranks[some > 0].sum())))


@pytest.mark.parametrize(("signs", "expected"), [((1, 1, 1, 1, 1, 1), 1 / 64), ((1, 1, 1, 1, -1, 1), 10 / 64)])
def test_six_folds_reach_the_paper_s_values(signs, expected):
    assert wilcoxon(np.array(signs) * np.arange(1.0, 7.0)).greater == expected


@given(st.integers(1, 45), st.integers(0, 2**32 - 1))
def test_without_ties_the_p_values_are_scipy_s(n, seed):
    differences = np.random.default_rng(seed).normal(0.2, 1, n)
    for alternative, p_value in wilcoxon(differences)._asdict().items():
        expected = stats.wilcoxon(differences, alternative=alternative, method="exact").pvalue
        assert p_value == pytest.approx(expected)


@given(coarse, st.integers(1, 6))
def test_equivalence_is_the_larger_of_two_tests_against_the_margin(differences, images):
    margin = images / 500
    above, below = (differences + margin).round(9), (margin - differences).round(9)
    assert wilcoxon_equivalent(differences, margin) == pytest.approx(max(enumerated(above), enumerated(below)))
    assert wilcoxon_equivalent(-differences, margin) == wilcoxon_equivalent(differences, margin)


@pytest.mark.parametrize(
    ("differences", "p_value"),
    [
        ([0.0] * 6, 1 / 64), ([0.004, -0.004] * 3, 1 / 64), ([0.001] * 5 + [0.006], 2 / 64),
        ([0.005] * 6, 1), ([0.01] * 6, 1),
    ],
)  # fmt: skip
def test_six_folds_within_the_margin_are_equivalent_at_1_in_64(differences, p_value):
    assert wilcoxon_equivalent(np.array(differences), 0.005) == p_value


@given(coarse)
def test_a_gain_of_one_is_the_loss_of_the_other(errors):
    other = np.roll(errors, 1)
    forth, back = gain(errors, other), gain(other, errors)
    assert forth.mean == pytest.approx(-back.mean)
    assert forth.wins + back.wins + int((errors == other).sum()) == forth.n
    assert (forth.p_value, forth.p_worse) == (back.p_worse, back.p_value)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=9))
def test_equal_gains_tie_although_errors_are_fractions(images):
    ours, theirs = np.array(images).T
    assert gain(ours / 500, theirs / 500).p_value == pytest.approx(enumerated((theirs - ours).astype(float)))


def test_a_method_with_lower_errors_gains():
    won = gain(np.array([0.05, 0.06, 0.07]), np.array([0.10, 0.08, 0.07]))
    assert (won.n, won.wins) == (3, 2)
    assert won.mean == pytest.approx(0.07 / 3)
    assert won.p_value == 0.25


def test_a_summary_divides_by_n_minus_1_and_of_nothing_says_so():
    summary = summarise(np.array([1.0, 2.0, 4.0]))
    assert (summary.n, summary.max, summary.min, summary.range) == (3, 4, 1, 3)
    assert summary.std == pytest.approx(np.sqrt(7 / 3))
    assert np.isnan(summarise(np.array([1.0])).std)
    nothing = summarise(np.array([]))
    assert nothing.n == 0
    assert np.isnan([nothing.mean, nothing.std, nothing.max, nothing.min, nothing.range]).all()


def every_sign(magnitudes):
    """The differences that are equally likely when the shift is 0, float (2^n, n)."""
    return np.array(list(product((-1.0, 1.0), repeat=len(magnitudes)))) * magnitudes


def share_of_intervals_that_hold_0(magnitudes):
    shifts = [hodges_lehmann(differences) for differences in every_sign(magnitudes)]
    return np.mean([one.low <= 0 <= one.high for one in shifts]), shifts[0].level


@pytest.mark.parametrize(
    ("n", "level"), [(2, 0.5), (3, 0.75), (4, 0.875), (5, 0.9375), (6, 1 - 2 / 64), (7, 1 - 6 / 128), (8, 1 - 10 / 256)]
)
def test_without_ties_the_interval_holds_the_shift_exactly_as_often_as_its_level_says(n, level):
    assert share_of_intervals_that_hold_0(np.sqrt(np.arange(2.0, n + 2))) == (level, level)


@given(st.lists(st.integers(0, 4), min_size=2, max_size=7))
def test_with_ties_and_zeros_it_holds_it_at_least_as_often(magnitudes):
    held, level = share_of_intervals_that_hold_0(np.array(magnitudes))
    assert held >= level


@given(several, st.sampled_from([0.5, 0.8, 0.95]))
def test_the_level_is_the_smallest_from_the_wanted_one_on_or_the_highest_of_all(differences, wanted):
    n = len(differences)
    reachable = [1 - 2 * enumerated_at_most(n, k) for k in range(n * (n + 1) // 2)]
    shift = hodges_lehmann(differences, wanted)
    assert shift.level == min((level for level in reachable if level >= wanted), default=max(reachable))
    if shift.level < wanted:
        assert (shift.low, shift.high) == (differences.min(), differences.max())


def test_a_single_difference_has_no_interval():
    shift = hodges_lehmann(np.array([0.02]))
    assert shift.estimate == 0.02
    assert np.isnan([shift.low, shift.high, shift.level]).all()


def enumerated_at_most(n, k):
    sums = [sum(ranks) for size in range(n + 1) for ranks in combinations(range(1, n + 1), size)]
    return np.mean(np.array(sums) <= k)


@given(several)
def test_the_estimate_lies_in_its_interval_and_is_the_median_of_the_pairs_averages(differences):
    shift = hodges_lehmann(differences)
    averages = [(one + other) / 2 for i, one in enumerate(differences) for other in differences[i:]]
    assert shift.estimate == pytest.approx(np.median(averages))
    assert shift.low <= shift.estimate <= shift.high


@given(several, st.integers(-50, 50))
def test_the_shift_moves_with_the_differences_and_turns_with_their_sign(differences, images):
    before, after = hodges_lehmann(differences), hodges_lehmann(differences + images / 500)
    turned = hodges_lehmann(-differences)
    for name in ("estimate", "low", "high"):
        assert getattr(after, name) == pytest.approx(getattr(before, name) + images / 500)
    assert [turned.estimate, turned.low, turned.high] == pytest.approx([-before.estimate, -before.high, -before.low])
    assert before.level == after.level == turned.level


@given(st.integers(3, 30), st.integers(0, 2**32 - 1))
def test_the_interval_excludes_what_the_two_sided_test_rejects(n, seed):
    differences = np.random.default_rng(seed).normal(0.3, 1, n)
    shift = hodges_lehmann(differences)
    p_value = stats.wilcoxon(differences, method="exact").pvalue
    assert (p_value <= 1 - shift.level + 1e-12) == (not shift.low <= 0 <= shift.high)


@given(coarse)
def test_the_effect_size_is_the_balance_of_the_ranks(differences):
    some = differences[differences != 0]
    ranks = stats.rankdata(np.abs(some))
    expected = ranks[some > 0].sum() - ranks[some < 0].sum() if len(some) else 0
    assert rank_biserial(differences) == pytest.approx(expected / max(ranks.sum(), 1))
    assert rank_biserial(-differences) == pytest.approx(-rank_biserial(differences))


@given(st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_without_ties_the_effect_size_follows_from_scipy_s_statistic(n, seed):
    differences = np.random.default_rng(seed).normal(0.2, 1, n)
    positive = stats.wilcoxon(differences, alternative="greater", method="exact").statistic
    assert rank_biserial(differences) == pytest.approx(4 * positive / (n * (n + 1)) - 1)


@given(family)
def test_holm_closes_the_family_under_bonferroni(p_values):
    """A hypothesis falls at a level when Bonferroni rejects every part of the family that it belongs to."""
    parts = [list(part) for size in range(1, 1 + len(p_values)) for part in combinations(range(len(p_values)), size)]
    rejected_at = [len(part) * min(p_values[part]) for part in parts]
    for index, p_value in enumerate(holm(p_values)):
        needed = max(at for part, at in zip(parts, rejected_at, strict=True) if index in part)
        assert p_value == pytest.approx(min(needed, 1))


@given(st.lists(st.lists(st.integers(-9, 9), min_size=1, max_size=6), min_size=2, max_size=5))
def test_comparisons_without_pairs_have_no_p_value_and_do_not_count_in_the_correction(gains):
    family = dict(enumerate(gain(np.zeros(len(one)), np.array(one) / 100, margin=0.02) for one in gains))
    alone = corrected(family)
    beside = corrected({"empty": gain(np.array([]), np.array([]), margin=0.02)} | family)
    for name, holm_name in CORRECTED.items():
        assert np.isnan([getattr(beside["empty"], name), getattr(beside["empty"], holm_name)]).all()
        assert [getattr(beside[key], holm_name) for key in family] == [getattr(alone[key], holm_name) for key in family]
        expected = holm(np.array([getattr(one, name) for one in family.values()]))
        assert [getattr(alone[key], holm_name) for key in family] == expected.tolist()


def test_comparisons_that_are_made_together_keep_their_names_and_a_single_one_its_p_value():
    better, worse = gain(np.zeros(6), np.arange(1.0, 7)), gain(np.arange(1.0, 7), np.zeros(6))
    family = corrected({"worse": worse, "better": better})
    assert [family["worse"].p_holm, family["better"].p_holm] == [1, 2 / 64]
    assert [family["worse"].p_worse_holm, family["better"].p_worse_holm] == [2 / 64, 1]
    assert family["better"].p_equivalent is family["better"].p_equivalent_holm is None, "without a margin"
    assert corrected({"better": better}) == {"better": better}


@given(st.integers(0, 12), st.integers(0, 12))
def test_mcnemar_counts_the_outcomes_that_are_at_most_as_balanced(one_way, other_way):
    n = one_way + other_way
    outcomes = sum(comb(n, heads) for heads in range(n + 1) if abs(2 * heads - n) >= abs(one_way - other_way))
    assert mcnemar(one_way, other_way) == pytest.approx(outcomes / 2**n)


@pytest.mark.parametrize("n", [1, 3, 6])
def test_no_p_value_is_below_that_of_all_wins(n):
    won = gain(np.zeros(n), np.arange(1.0, n + 1) / 100)
    assert won.p_value == won.smallest_p == 1 / 2**n
    assert (won.wins, won.effect_size) == (n, 1)


def test_a_thousand_pairs_are_tested_too():
    """Table 6 pools the transitions of all folds: with 200 folds and seven sizes these are 1,200 pairs."""
    differences = np.random.default_rng(0).normal(0.05, 1, 1030).round(3)
    normal = stats.wilcoxon(differences, alternative="greater", method="approx").pvalue
    assert wilcoxon(differences).greater == pytest.approx(normal, rel=0.01)
    shift = hodges_lehmann(differences[:300])
    assert shift.low < shift.estimate < shift.high
    assert 0.95 <= shift.level < 0.951
