"""Group-sequential looks: when a registered comparison may be tested, and at which level."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from spl.analysis.looks import Looks


@given(st.lists(st.integers(1, 100), min_size=1, max_size=5, unique=True).map(sorted), st.integers(0, 101))
def test_there_is_a_level_at_looks_alone(folds, n):
    levels = [0.05 / len(folds) / (number + 1) for number in range(len(folds))]
    assert Looks(folds, levels).level(n) == (levels[folds.index(n)] if n in folds else None)


def rejected(looks):
    """How often the exact signed-rank test rejects a true null hypothesis at one of these looks.

    If it is true, all signs of the differences are equally likely, whatever their sizes.
    """
    found = {}
    patterns = list(product((-1, 1), repeat=looks.folds[-1]))
    for signs in patterns:
        for n in looks.folds:
            if signs[:n] not in found:
                differences = [sign * size for size, sign in enumerate(signs[:n], start=1)]
                found[signs[:n]] = wilcoxon(differences, alternative="greater", method="exact").pvalue
    at_any = (any(found[signs[:n]] <= looks.level(n) for n in looks.folds) for signs in patterns)
    return sum(at_any) / len(patterns)


@pytest.mark.parametrize("levels", [(0.035, 0.01, 0.005), (0.005, 0.01, 0.035), (0.0, 0.0, 0.05)])
def test_the_looks_together_keep_the_sum_of_their_levels(levels):
    assert 0 < rejected(Looks((5, 8, 10), levels)) <= sum(levels)


def test_without_a_share_of_the_level_for_each_look_they_would_not():
    assert rejected(Looks((5, 8, 10), (0.05, 0.05, 0.05))) > 0.05
