"""What a confusion matrix says about a run."""

from itertools import chain

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matrices import predictions_of

from spl.analysis.collapse import collapse_intervals, collapsed_classes, column_shares, populated_diagonal, recalls
from spl.analysis.summary import summarise_run

BASINS = {"collapsed": 0.01, "partly_collapsed": 0.5, "recall": 0.25, "unstable": 0.05}
GOOD = np.diag([50] * 4)


def moved(matrix, images, of, to):
    """The same matrix with test images of one class predicted as another."""
    changed = matrix.copy()
    changed[of, of] -= images
    changed[of, to] += images
    return changed


@pytest.mark.parametrize(
    ("images", "wholly", "partly"),
    [(0, [], []), (26, [], []), (37, [], []), (38, [], [2]), (49, [], [2]), (50, [2], [])],
)
def test_a_class_collapses_when_its_column_empties(images, wholly, partly):
    assert collapsed_classes(moved(GOOD, images, 2, 0), BASINS) == (wholly, partly)


@pytest.mark.parametrize(
    ("of_ship", "others", "column", "recall", "basin"),
    [
        (24, 0, 0.48, 0.48, "high"),  # predicted rarely, but rightly
        (17, 7, 0.48, 0.34, "high"),
        (12, 12, 0.48, 0.24, "low"),
        (12, 13, 0.50, 0.24, "high"),  # not found, but predicted for others
        (0, 50, 1.00, 0.00, "high"),  # trades its images with another class
        (0, 0, 0.00, 0.00, "low"),
    ],
)
def test_a_small_column_is_a_collapse_if_the_class_is_not_found(of_ship, others, column, recall, basin):
    matrix = moved(moved(GOOD, 50 - of_ship, 2, 0), others, 0, 2)
    summary = summarise_run(metrics([0.1]), predictions_of([matrix]), BASINS)
    assert (column_shares(matrix)[2], recalls(matrix)[2]) == (column, recall)
    assert (summary["smallest_column"], summary["basin"]) == (column, basin)
    assert summary["smallest_recall"] == min(recall, 1 - others / 50)


@given(arrays(np.int64, (4, 4), elements=st.integers(0, 50)).map(lambda matrix: matrix + np.eye(4, dtype=np.int64)))
def test_a_recall_is_never_above_the_column_so_its_limit_is_the_lower_one(matrix):
    assert (recalls(matrix) <= column_shares(matrix)).all()
    void = BASINS | {"recall": BASINS["partly_collapsed"]}
    small = np.flatnonzero(column_shares(matrix) < 0.5).tolist()
    assert sorted(chain(*collapsed_classes(matrix, void))) == small
    assert set(chain(*collapsed_classes(matrix, BASINS))) <= set(small)


@pytest.mark.parametrize(("images", "populated"), [(0, 4), (25, 4), (26, 3), (50, 3)])
def test_a_class_populates_the_diagonal_when_half_of_its_images_are_found(images, populated):
    assert populated_diagonal(moved(GOOD, images, 2, 0), BASINS) == populated


def test_a_class_that_takes_the_place_of_another_populates_nothing():
    swapped = GOOD[[1, 0, 2, 3]]
    assert collapsed_classes(swapped, BASINS) == ([], [])
    assert summarise_run(metrics([0.0, 0.5]), predictions_of([GOOD, swapped]), BASINS)["populated_diagonal"] == 2


def test_rows_are_true_and_columns_predicted():
    assert column_shares(moved(GOOD, 50, 2, 0)).tolist() == [2, 1, 0, 1]


def metrics(errors):
    steps = 10 * np.arange(1, len(errors) + 1)
    return pd.DataFrame({"step": steps, "test_error": errors, "coverage": 0.5, "purity": 0.9})


def test_one_collapsed_class_puts_a_run_in_the_low_basin():
    matrices = [GOOD, moved(GOOD, 50, 2, 0)]
    low = summarise_run(metrics([0.0, 0.25]), predictions_of(matrices), BASINS)
    high = summarise_run(metrics([0.25, 0.0]), predictions_of(matrices[::-1]), BASINS)
    assert (low["basin"], low["collapsed"]) == ("low", "2")
    assert (high["basin"], high["collapsed"]) == ("high", "")


def test_the_last_error_counts_and_best_and_median_are_kept():
    errors = [0.9, 0.1, *np.linspace(0.5, 0.3, 20)]
    summary = summarise_run(metrics(errors), predictions_of([GOOD] * 22), BASINS)
    assert summary["error_last"] == 0.3
    assert (summary["error_best"], summary["best_step"], summary["last_step"]) == (0.1, 20, 220)
    equal = summarise_run(metrics([0.2, 0.1, 0.1]), predictions_of([GOOD] * 3), BASINS)
    assert equal["best_step"] == 20, "the first of equals"
    assert summary["error_median"] == pytest.approx(0.4)
    assert summary["unstable"]
    assert not summarise_run(metrics([0.34, 0.3]), predictions_of([GOOD] * 2), BASINS)["unstable"]


def history(down):
    """Confusion matrices in which the marked classes are predicted as another one."""
    return [empty_columns(row) for row in down]


def empty_columns(row):
    matrix = np.zeros((len(row), len(row)), dtype=np.int64)
    matrix[np.arange(len(row)), [label if not gone else row.index(False) for label, gone in enumerate(row)]] = 50
    return matrix


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.just(False)), min_size=1, max_size=12))
def test_the_intervals_cover_exactly_the_evaluations_at_which_a_class_was_collapsed(down):
    steps = 10 * np.arange(1, len(down) + 1)
    shares = np.array([column_shares(matrix) for matrix in history(down)])
    intervals = collapse_intervals(shares, steps, 0.01)
    inside = [
        tuple(
            any(label == one and start <= step < (end or np.inf) for one, start, end in intervals) for label in range(3)
        )
        for step in steps
    ]
    assert inside == down
    ends = {(label, end) for label, _, end in intervals}
    assert not any((label, start) in ends for label, start, _ in intervals), "intervals that touch are one"


def test_a_run_tells_when_its_classes_collapsed_and_which_recovered():
    down = [(False, False, True, False), (True, False, False, False), (False, False, True, False)]
    summary = summarise_run(metrics([0.5, 0.4, 0.3]), predictions_of(history(down)), BASINS)
    assert summary["collapses"] == "0:20-30 2:30-", "a class that is not learnt yet has not collapsed"
    assert (summary["recovered"], summary["collapsed"]) == ("0", "2")


LATE = history([(True, False), (True, False), (False, False)])
GUESSED = [[[0, 50], [50, 0]], *LATE]  # predicted at first, but for no image of its own
ALL_IMAGES = [
    [[50, 0, 0]] * 3,
    [[0, 50, 0], [0, 50, 0], [0, 0, 50]],
    np.diag([50] * 3),
]  # at first, the only prediction


@pytest.mark.parametrize("matrices", [LATE, GUESSED, ALL_IMAGES])
def test_a_class_that_is_learnt_late_has_neither_collapsed_nor_recovered(matrices):
    errors = np.linspace(0.7, 0.3, len(matrices))
    summary = summarise_run(metrics(errors), predictions_of(matrices), BASINS)
    assert (summary["collapses"], summary["recovered"]) == ("", "")


@pytest.mark.parametrize("evaluations", [15, 20, 30])
def test_the_median_says_over_how_many_evaluations_it_is(evaluations):
    errors = np.linspace(0.5, 0.1, evaluations)
    summary = summarise_run(metrics(errors), predictions_of([GOOD] * evaluations), BASINS)
    assert summary["median_over"] == min(evaluations, 20)
    assert summary["error_median"] == pytest.approx(np.median(errors[-20:]))
