"""Verdicts on the paper's claims, how many folds would decide them, and the catalogue."""

from dataclasses import asdict
from functools import cache
from math import comb, inf, isnan
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from spl.analysis.claims import (
    BETWEEN_LOOKS,
    CONTRADICTED,
    NOT_RUN,
    OUT_OF_REGIME,
    REGIME_UNKNOWN,
    SUPPORTED,
    TOO_FEW_FOLDS,
    UNDECIDED,
    claim_verdict,
    corrected_evidence,
    evidence,
    folds_needed,
)
from spl.analysis.endpoints import ENDPOINTS
from spl.methods.registry import METHODS
from spl.paper.claims import CLAIMS
from spl.study.reading import read_study

CONFIG = Path(__file__).parents[2] / "config"
MARGIN = 0.005

errors = st.lists(st.integers(-50, 50), max_size=14).map(lambda values: np.array(values, float) / 500)
switches = st.lists(st.integers(-1, 1), max_size=14).map(lambda values: np.array(values, float))
levels = st.sampled_from([0.005, 0.05, 0.3])


def verdict(differences, test="better", level=0.05, in_regime=True):
    return claim_verdict(evidence(differences, test, MARGIN), level, in_regime)


@given(errors | switches, st.sampled_from(["better", "switches"]), levels)
def test_swapping_the_arms_swaps_supported_and_contradicted(differences, test, level):
    swapped = {SUPPORTED: CONTRADICTED, CONTRADICTED: SUPPORTED}
    found = verdict(differences, test, level)
    assert verdict(-differences, test, level) == swapped.get(found, found)


@given(errors, st.sampled_from(["better", "switches", "equivalent"]), levels)
def test_too_few_folds_are_those_of_which_no_outcome_could_decide(differences, test, level):
    assume(len(differences))
    unanimous = verdict(np.ones(len(differences)) * (0 if test == "equivalent" else 1), test, level)
    assert unanimous == (SUPPORTED if 0.5 ** len(differences) <= level else TOO_FEW_FOLDS)
    assert (verdict(differences, test, level) == TOO_FEW_FOLDS) == (unanimous == TOO_FEW_FOLDS)


@given(errors, levels)
def test_equality_knows_no_direction(differences, level):
    assert verdict(differences, "equivalent", level) == verdict(-differences, "equivalent", level)


def test_equality_is_supported_within_the_margin_contradicted_beyond_it_and_undecided_between():
    small, large = np.full(8, 0.002), np.full(8, 0.02)
    assert verdict(small, "equivalent") == SUPPORTED
    assert verdict(large, "equivalent") == CONTRADICTED
    assert verdict(large * np.tile([1, -1], 4), "equivalent") == UNDECIDED, "no difference is not equality"
    assert verdict(small, "better") == SUPPORTED, "an effect can be significant and within the margin"


@given(errors, levels, st.integers(0, 13))
def test_a_fold_against_the_claim_never_makes_it_supported(differences, level, changed):
    assume(len(differences))
    worse = differences.copy()
    worse[changed % len(worse)] = -np.abs(worse).max() - 0.01
    if verdict(differences, level=level) != SUPPORTED:
        assert verdict(worse, level=level) != SUPPORTED


@given(errors | switches, levels)
def test_noise_of_equal_size_both_ways_supports_nothing(differences, level):
    """As many folds for a claim as against it, by the same differences."""
    assert verdict(np.append(differences, -differences), "better", level) in (UNDECIDED, TOO_FEW_FOLDS, NOT_RUN)


@given(errors, st.sampled_from(["better", "switches", "equivalent"]), st.none() | levels)
def test_out_of_regime_wins_over_all_but_not_run(differences, test, level):
    expected = OUT_OF_REGIME if len(differences) else NOT_RUN
    assert verdict(differences, test, level, in_regime=False) == expected
    expected = REGIME_UNKNOWN if len(differences) else NOT_RUN
    assert verdict(differences, test, level, in_regime=None) == expected, "the gate was not measured"


@given(errors)
def test_between_looks_there_is_no_verdict(differences):
    assert verdict(differences, level=None) == (BETWEEN_LOOKS if len(differences) else NOT_RUN)


@given(switches)
def test_switches_are_tested_as_by_a_sign_test_of_the_pairs_that_differ(differences):
    found = evidence(differences, "switches")
    favourable, differing = int((differences > 0).sum()), int((differences != 0).sum())
    if not differing:
        assert isnan(found.p_supported) == (len(differences) == 0)
        return
    test = stats.binomtest(favourable, differing, alternative="greater")
    assert found.p_supported == pytest.approx(test.pvalue)
    assert found.effect.estimate == pytest.approx(differences.mean())
    assert found.effect.low <= found.effect.estimate <= found.effect.high


@pytest.mark.parametrize("n", [1, 3, 6, 20])
@given(shares=st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda parts: sum(parts) > 0.01))
def test_the_interval_of_a_difference_of_shares_holds_it_with_its_probability(n, shares):
    """The sum over all outcomes whose interval holds the true difference, of pairs that switch either way or not."""
    favourable, against, neither = np.array(shares) / sum(shares)
    kept = 0.0
    for wins in range(n + 1):
        for losses in range(n + 1 - wins):
            effect = share_interval(wins, losses, n)
            if effect.low <= favourable - against <= effect.high:
                ways = comb(n, wins) * comb(n - wins, losses)
                kept += ways * favourable**wins * against**losses * neither ** (n - wins - losses)
    assert kept >= 0.95 - 1e-6


@cache
def share_interval(wins, losses, n):
    return evidence(np.repeat([1.0, -1.0, 0.0], [wins, losses, n - wins - losses]), "switches").effect


@given(errors, st.sampled_from(["better", "equivalent"]))
def test_no_p_value_is_below_the_smallest(differences, test):
    assume(len(differences))
    found = evidence(differences, test, MARGIN)
    assert min(found.p_supported, found.p_contradicted) >= found.smallest_p


def test_a_family_is_corrected_in_each_direction_and_without_claims_that_are_not_run():
    names = ("first", "second", "missing")
    values = (np.arange(1.0, 7.0), -np.arange(1.0, 7.0), np.array([]))
    family = corrected_evidence({name: evidence(of, "better") for name, of in zip(names, values, strict=True)})
    assert family["first"].deciding == (2 / 64, 1)
    assert family["second"].deciding == (1, 2 / 64)
    assert np.isnan(family["missing"].deciding).all()
    pending = corrected_evidence({name: evidence(of, "better") for name, of in zip(names, values, strict=True)}, names)
    assert pending["first"].deciding == (3 / 64, 1), "the missing one is registered, and will be tested"
    assert np.isnan(pending["missing"].deciding).all()
    [alone] = corrected_evidence({"alone": evidence(values[0], "better")}).values()
    assert alone.deciding == (1 / 64, 1)


def power(draw, folds, test, level, repetitions=500):
    """How often so many folds decide, by simulation."""
    random = np.random.default_rng(0)
    found = (evidence(draw(random, folds).round(6), test, MARGIN) for _ in range(repetitions))
    return np.mean([min(one.p_supported, one.p_contradicted) <= level for one in found])


@pytest.mark.parametrize("level", [0.05, 0.01])
@pytest.mark.parametrize("effect", [0.6, -0.8])
def test_the_folds_needed_for_a_better_error_have_about_this_power(effect, level):
    def draw(random, n):
        return random.normal(effect, 1, n)

    folds = int(folds_needed(draw(np.random.default_rng(1), 2000), "better", level))
    assert 0.75 < power(draw, folds, "better", level) < 0.93, "for a large effect it names a few too many"


def test_the_folds_needed_for_switches_have_about_this_power():
    shares = [0.05, 0.65, 0.3]

    def draw(random, n):
        return random.choice([-1.0, 0.0, 1.0], n, p=shares)

    folds = int(folds_needed(draw(np.random.default_rng(1), 2000), "switches", 0.05))
    assert 0.65 < power(draw, folds, "switches", 0.05) < 0.9, "the exact test of few pairs is below its level"


def test_the_folds_needed_for_equality_have_about_this_power():
    def draw(random, n):
        return random.normal(0.001, 0.006, n)

    folds = int(folds_needed(draw(np.random.default_rng(1), 2000), "equivalent", 0.05, margin=MARGIN))
    assert 0.75 < power(draw, folds, "equivalent", 0.05) < 0.97, "each of the two tests alone has 90 %"


@given(errors, st.sampled_from(["better", "switches", "equivalent"]), levels)
def test_half_an_effect_needs_no_fewer_folds_and_each_at_least_those_that_can_reach_the_level(differences, test, level):
    assume(len(differences) > 2)
    kind = np.sign(differences) if test == "switches" else differences
    whole, half = (folds_needed(kind, test, level, part, MARGIN) for part in (1, 0.5))
    assert 0.5**whole <= level
    if test != "equivalent":
        assert half >= whole


def test_few_or_equal_folds_say_nothing_about_how_many_are_needed():
    assert isnan(folds_needed(np.array([1.0, 2.0]), "better", 0.05))
    assert folds_needed(np.zeros(6), "better", 0.05) == inf
    assert folds_needed(np.zeros(6), "switches", 0.05) == inf
    assert folds_needed(np.array([1.0, -1.0, 0.0, 0.0]), "switches", 0.05) == inf


def test_each_claim_is_about_experiments_methods_and_endpoints_that_exist():
    studies = [read_study(path) for path in sorted(CONFIG.glob("*.yaml")) if path.name != "equivalent.yaml"]
    for name, claim in CLAIMS.items():
        assert claim.endpoint in ENDPOINTS, name
        assert {claim.method, claim.against} - {""} <= METHODS.keys(), name
        planned = [
            [study.experiments[experiment] for experiment in claim.experiments]
            for study in studies
            if set(claim.experiments) <= study.experiments.keys()
        ]
        assert planned, name
        assert any(
            all({claim.method, claim.against} - {""} <= experiment.methods.keys() for experiment in of_study)
            and claim.variant < len(of_study[0].variants)
            for of_study in planned
        ), name


def test_one_claim_is_primary_and_equality_has_a_test_of_its_own():
    assert [name for name, claim in CLAIMS.items() if claim.primary] == ["scarce-labels"]
    assert next(iter(CLAIMS)) == "scarce-labels"
    primary = CLAIMS["scarce-labels"]
    assert [claim.family for claim in CLAIMS.values()].count(primary.family) == 1, "it is not corrected for others"
    equal = [name for name, claim in CLAIMS.items() if "equally good" in claim.text]
    assert [name for name, claim in CLAIMS.items() if claim.test == "equivalent"] == equal
    assert len({tuple(asdict(claim).items()) for claim in CLAIMS.values()}) == len(CLAIMS)
