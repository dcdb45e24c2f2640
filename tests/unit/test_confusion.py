"""What a confusion matrix says about a run."""

import numpy as np
import pandas as pd
import pytest

from spl.confusion import collapsed_classes, column_shares, summarise_run

BASINS = {"collapsed": 0.01, "partly_collapsed": 0.5, "unstable": 0.05}
GOOD = np.diag([50] * 4)


def moved(matrix, images, of, to):
    """The same matrix with test images of one class predicted as another."""
    changed = matrix.copy()
    changed[of, of] -= images
    changed[of, to] += images
    return changed


@pytest.mark.parametrize(
    ("images", "wholly", "partly"), [(0, [], []), (24, [], []), (26, [], [2]), (49, [], [2]), (50, [2], [])]
)
def test_a_class_collapses_when_its_column_empties(images, wholly, partly):
    assert collapsed_classes(moved(GOOD, images, 2, 0), BASINS) == (wholly, partly)


def test_rows_are_true_and_columns_predicted():
    assert column_shares(moved(GOOD, 50, 2, 0)).tolist() == [2, 1, 0, 1]


def metrics(errors):
    steps = 10 * np.arange(1, len(errors) + 1)
    return pd.DataFrame({"step": steps, "test_error": errors, "coverage": 0.5, "purity": 0.9})


def test_one_collapsed_class_puts_a_run_in_the_low_basin():
    matrices = np.stack([GOOD, moved(GOOD, 50, 2, 0)])
    low = summarise_run(metrics([0.0, 0.25]), matrices, BASINS)
    high = summarise_run(metrics([0.25, 0.0]), matrices[::-1], BASINS)
    assert (low["basin"], low["collapsed"]) == ("low", "2")
    assert (high["basin"], high["collapsed"]) == ("high", "")


def test_the_last_error_counts_and_best_and_median_are_kept():
    errors = [0.9, 0.1, *np.linspace(0.5, 0.3, 20)]
    summary = summarise_run(metrics(errors), np.stack([GOOD] * 22), BASINS)
    assert summary["error_last"] == 0.3
    assert (summary["error_best"], summary["best_step"]) == (0.1, 20)
    assert summary["error_median"] == pytest.approx(0.4)
    assert summary["unstable"]
    assert not summarise_run(metrics([0.34, 0.3]), np.stack([GOOD] * 2), BASINS)["unstable"]
