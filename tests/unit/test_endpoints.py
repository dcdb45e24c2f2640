"""Endpoints of claims: what is compared on each fold, and which runs are behind it."""

import pytest
from tidy import over_folds, summary

from spl.analysis.endpoints import ENDPOINTS, Material, endpoint_differences

DEFAULTS = {"threshold": 0.95, "momentum": 0.9}
OURS, THEIRS = "smooth-fixmatch", "fixmatch"


def differences(endpoint, *rows, ours=OURS, theirs=THEIRS, variant=0):
    """The differences by fold in favour of a claim about two methods, from the rows of its experiments."""
    material = Material([summary(of_experiment) for of_experiment in rows], [], DEFAULTS, 0.1)
    found = endpoint_differences(ENDPOINTS[endpoint], material, ours, theirs, variant)
    return dict(zip(found.index, found["difference"], strict=True)), dict(zip(found.index, found["runs"], strict=True))


def compared(endpoint, ours, theirs, column="error_last"):
    rows = over_folds({OURS: ours, THEIRS: theirs})
    values = [*ours, *theirs]
    return differences(endpoint, [row | {column: value} for row, value in zip(rows, values, strict=True)])[0]


def test_a_lower_error_and_a_larger_column_favour_the_claim():
    assert compared("error", [0.1, 0.2], [0.15, 0.1]) == {0: 0.05, 1: -0.1}
    assert compared("smallest column", [0.9, 0.2], [0.5, 0.3], "smallest_column") == {0: 0.4, 1: -0.1}


def test_runs_that_are_not_done_are_left_out_with_their_partners():
    found, runs = differences("error", over_folds({OURS: [0.1, None], THEIRS: [0.2, 0.3]}))
    assert found == {0: 0.1}
    assert runs == {0: ("run0", "run2")}


def test_seeds_of_a_fold_are_averaged_and_the_variant_of_the_study_counts():
    rows = [
        {"method": method, "variant": variant, "fold": 0, "seed": seed, "error_last": error}
        for method, errors in {OURS: [0.1, 0.3], THEIRS: [0.2, 0.2]}.items()
        for variant, more in {"": 0.0, "network=wrn-10-2": 0.5 if method == THEIRS else 0.0}.items()
        for seed, error in enumerate(value + more for value in errors)
    ]
    assert differences("error", rows)[0] == {0: 0}
    assert differences("error", rows, variant=1)[0] == {0: 0.5}
    assert differences("error", rows, variant=2)[0] == {}


def test_a_switch_to_the_low_basin_counts_one():
    assert compared("low basin", ["high", "low", "low"], ["low", "low", "high"], "basin") == {0: 1, 1: 0, 2: -1}


def test_ahead_of_fixmatch_compares_two_methods_with_the_third():
    rows = over_folds({THEIRS: [0.2, 0.2], OURS: [0.1, 0.3], "flexmatch": [0.2, 0.1]})
    assert differences("ahead", rows, theirs="flexmatch")[0] == {0: 1, 1: -1}


def grid(setting, errors):
    """Rows over the values of a setting, by method and value."""
    return [
        row | {setting: value, "variant": f"{setting}={value}"}
        for method, of_method in errors.items()
        for value, error in of_method.items()
        for row in over_folds({method: [error]})
    ]


def test_ranges_rises_and_best_values_are_taken_over_a_setting():
    rows = grid("threshold", {OURS: {0.9: 0.1, 0.95: 0.2}, THEIRS: {0.9: 0.5, 0.95: 0.1}})
    assert differences("threshold range", rows)[0] == {0: 0.3}
    assert differences("best threshold", rows)[0] == {0: 0.05}
    rows = grid("momentum", {OURS: {0.8: 0.2, 0.9: 0.1, 0.99: 0.4}, THEIRS: {0.8: 0.5, 0.9: 0.1, 0.99: 0.9}})
    assert differences("momentum rise", rows)[0] == {0: 0.3}
    above = grid("momentum", {THEIRS: {0.8: 0.95, 0.9: 0.1, 0.99: 0.9}})
    assert differences("momentum rise above", above, ours=THEIRS, theirs="")[0] == {0: 0.8}
    incomplete = [row | {"error_last": None} if row["momentum"] == 0.99 else row for row in rows]
    assert differences("momentum rise", incomplete)[0] == {}


def test_a_drop_is_the_error_with_the_imbalance_minus_that_without():
    imbalanced, balanced = over_folds({OURS: [0.2], THEIRS: [0.6]}), over_folds({OURS: [0.1], THEIRS: [0.3]})
    assert differences("drop", imbalanced, balanced)[0] == {0: 0.2}


def seeds(method, errors):
    return [row | {"seed": seed} for seed, error in enumerate(errors) for row in over_folds({method: [error]})]


def test_seeds_are_compared_by_their_spread_and_the_worst_with_the_best():
    rows = seeds(OURS, [0.1, 0.2, 0.3]) + seeds(THEIRS, [0.2, 0.4, 0.6])
    assert differences("seed spread", rows)[0] == {0: pytest.approx(0.1)}
    assert differences("worst seed", rows)[0] == {0: pytest.approx(-0.1)}
    assert differences("seed spread", seeds(OURS, [0.1]) + seeds(THEIRS, [0.2]))[0] == {}, "one seed has no spread"


def sizes(errors, column="error_last"):
    """Rows of 20, 40 and 60 labels, by method."""
    return [
        row | {"labels": 20 * number, column: value}
        for method, values in errors.items()
        for number, value in enumerate(values, 1)
        for row in over_folds({method: [0.5]})
    ]


@pytest.mark.parametrize(
    ("errors", "needed"), [([0.3, 0.05, 0.09], 40), ([0.05, 0.2, 0.09], 60), ([0.3, 0.2, 0.1], 80), ([0.0] * 3, 20)]
)
def test_the_labels_needed_are_those_from_which_the_error_stays_low(errors, needed):
    assert differences("labels needed", sizes({OURS: [0.0] * 3, THEIRS: errors}))[0] == {0: needed - 20}


def test_random_labels_are_compared_over_all_sizes_and_at_the_fewest():
    rows = sizes({OURS: [0.3, 0.2, 0.1], THEIRS: [0.3, 0.4, 0.5]})
    assert differences("mean error", rows)[0] == {0: 0.2}
    assert differences("worse transitions", rows)[0] == {0: 2}
    populated = sizes({OURS: [9, 8, 8], THEIRS: [7, 8, 8]}, "populated_diagonal")
    assert differences("populated at fewest", populated)[0] == {0: 2}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_runs_that_are_all_to_be_done_have_no_difference(endpoint):
    results = ["error_last", "error_best", "smallest_column", "populated_diagonal", "basin"]
    planned = {"labels": 20, "threshold": 0.9, "momentum": 0.9, "initial_noise": 0.0} | dict.fromkeys(results)
    rows = [row | planned for row in over_folds({OURS: [0, 0], THEIRS: [0, 0]})]
    assert differences(endpoint, rows, rows) == ({}, {})
