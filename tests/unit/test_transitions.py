"""Whether the error falls when labels are added: p-values, conclusions, what is printed."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tidy import over_folds, write_summary

from spl.analysis.arms import arms_by_size
from spl.tables import transitions
from spl.tables.layout import save_table

TITLES = {"fixmatch": "FixMatch", "smooth-fixmatch": "Smooth FixMatch"}
GIVEN = {"titles": TITLES, "level": 0.2, "mean_below": 0.1, "std_below": 0.05}
FALLS, RISES = np.array([0.01, 0.02, 0.03, 0.04]), np.array([-0.01, -0.02, -0.03, 0.04])
FIRST = np.array([0.30, 0.31, 0.32, 0.33])
ERRORS = {
    "fixmatch": {40: FIRST, 50: FIRST - RISES, 60: FIRST - RISES - FALLS, 100: np.array([0.01, 0.05, 0.12, 0.08])},
    "smooth-fixmatch": {40: FIRST, 50: FIRST - FALLS, 60: np.full(4, 0.08), 100: np.full(4, 0.07)},
}


@pytest.fixture
def experiment(tmp_path):
    sizes = reversed(ERRORS["fixmatch"])  # the order of the file means nothing
    of_sizes = [(labels, {method: ERRORS[method][labels] for method in TITLES}) for labels in sizes]
    rows = [row for labels, errors in of_sizes for row in over_folds(errors, labels=labels)]
    return write_summary(tmp_path / "random-labels.csv", rows)


def quantity(table, name):
    """One quantity of a table, by method, size before and size after."""
    rows = table.tidy[table.tidy["quantity"] == name]
    return rows.set_index(["method", "from", "to"])["value"]


def test_the_p_value_of_a_transition_is_that_of_the_error_falling(experiment):
    found = quantity(transitions.build(GIVEN, [experiment]), "p_value")
    for method, sizes in ERRORS.items():
        for before, after in pairwise(sizes):
            fallen = np.round(sizes[before] - sizes[after], 10)
            expected = stats.wilcoxon(fallen, alternative="greater", method="exact").pvalue
            assert found[TITLES[method], before, after] == pytest.approx(expected), (method, before)


def test_all_transitions_of_a_method_together_are_one_row_over_all_its_sizes(experiment):
    table = transitions.build(GIVEN, [experiment])
    assert quantity(table, "pairs")["FixMatch", 40, 100] == 12
    whole = (ERRORS["fixmatch"][40] - ERRORS["fixmatch"][100]).sum()
    assert quantity(table, "gain_mean")["FixMatch", 40, 100] == pytest.approx(whole / 12)


def test_p_values_are_corrected_for_the_transitions_of_both_methods(experiment):
    table = transitions.build(GIVEN, [experiment])
    corrected = quantity(table, "p_holm")
    raw = quantity(table, "p_value")[corrected.index]
    assert len(corrected) == 6
    assert corrected.min() == pytest.approx(6 * raw.min())
    assert (corrected >= raw).all()


def test_transitions_above_the_level_are_counted_and_the_last_one_is_named(experiment):
    table = transitions.build(GIVEN, [experiment])
    names = ["transitions", "transitions_above_level", "last_above_level_from", "last_above_level_to"]
    fixmatch = [quantity(table, name)["FixMatch", 40, 100] for name in names]
    smooth = [quantity(table, name)["Smooth FixMatch", 40, 100] for name in names]
    assert fixmatch == [3, 1, 40, 50]
    assert smooth[:2] == [3, 0]
    assert np.isnan(smooth[2:]).all()


@pytest.mark.parametrize(
    ("mean", "std", "expected"),
    [(0.1, 0.05, [100, 60]), (0.1, 0.01, [None, 60]), (0.075, 0.05, [100, 100]), (0.05, 0.05, [None, None])],
)
def test_errors_are_stable_from_the_size_after_which_mean_and_std_stay_low(experiment, mean, std, expected):
    methods = arms_by_size(pd.read_csv(experiment), TITLES)
    assert [transitions.stable_from(sizes, mean, std) for sizes in methods.values()] == expected


def test_low_errors_that_rise_again_are_not_stable(experiment):
    sizes = arms_by_size(pd.read_csv(experiment), TITLES)["Smooth FixMatch"]
    risen = {40: sizes[60], 50: sizes[40], 60: sizes[100]}
    assert transitions.stable_from(risen, 0.1, 0.05) == 60


def test_a_row_for_each_method_a_column_for_each_transition_and_the_conclusions_below(experiment, tmp_path):
    table = transitions.build(GIVEN, [experiment])
    assert table.printed.columns.tolist() == ["p", "40 → 50", "50 → 60", "60 → 100"]
    assert table.printed.iloc[0].tolist() == ["FixMatch", "0.688", "0.062", "0.062"]
    save_table(table, "Table 6", "A caption.", tmp_path / "table6")
    assert (tmp_path / "table6.md").read_text().endswith(
        "\n\nFixMatch: p high at 1 of 3, last at 40 → 50; all together 0.012; stable from 100 labels. "
        "Smooth FixMatch: p high at 0 of 3; all together \\< 0.001; stable from 60 labels.\n"
    )  # fmt: skip
    latex = (tmp_path / "table6.tex").read_text()
    assert "A caption. FixMatch: p high" in latex
    assert r"40 $\to$ 50" in latex


def test_nothing_is_said_of_p_values_that_so_few_folds_cannot_bring_below_the_level(experiment):
    rows = pd.read_csv(experiment)
    rows[rows["fold"] < 2].to_csv(experiment, index=False)  # the smallest p is 0.25
    table = transitions.build(GIVEN, [experiment])
    assert table.note.startswith("FixMatch: too few folds to tell where p is high; all together ")
    assert quantity(table, "transitions")["FixMatch", 40, 100] == 0
    rows[(rows["fold"] < 2) | (rows["labels"] < 60)].to_csv(experiment, index=False)
    table = transitions.build(GIVEN, [experiment])
    assert table.note.startswith("FixMatch: p high at 1 of 1; too few folds to tell at 2; all together ")
    assert "last at" not in table.note, "a later one may still be the last"
