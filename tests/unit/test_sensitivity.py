"""The tables of how far the error moves over the values of a setting."""

import pandas as pd
import pytest
from tidy import lines, write_summary

from spl.tables import sensitivity

GIVEN = {
    "titles": {"fixmatch": "FixMatch", "smooth-fixmatch": "Smooth FixMatch"},
    "baseline": "fixmatch",
    "setting": "momentum",
    "default": 0.9,
}
# By method and momentum, over folds.
ERRORS = {
    "fixmatch": {0.8: [0.20, 0.16], 0.9: [0.10, 0.10], 0.99: [0.60, 0.11]},
    "smooth-fixmatch": {0.8: [0.12, 0.09], 0.9: [0.08, 0.10], 0.99: [0.58, 0.10]},
}


@pytest.fixture
def path(tmp_path):
    rows = [
        {"method": method, "fold": fold, "seed": 0, "momentum": value, "error_last": error}
        for method, of_method in ERRORS.items()
        for value, errors in of_method.items()
        for fold, error in enumerate(errors)
    ]
    return write_summary(tmp_path / "runs.csv", rows)


def test_the_range_is_over_all_values_and_the_rise_below_the_default(path):
    printed = sensitivity.build(GIVEN, [path]).printed.set_index("")
    assert printed.loc["FixMatch"].to_dict() == {
        "range": "28.00 ± 31.11", "rise below 0.9": "8.00 ± 2.83", "gain of the range": "",
        "p of the range (better)": "", "gain of the rise": "", "p of the rise (better)": "",
    }  # fmt: skip
    assert printed.loc["Smooth FixMatch"].to_dict() == {
        "range": "25.50 ± 34.65", "rise below 0.9": "1.50 ± 3.54", "gain of the range": "2.50 ± 3.54",
        "p of the range (better)": "0.500, least 0.250", "gain of the rise": "6.50 ± 0.71",
        "p of the rise (better)": "0.250, least 0.250",
    }  # fmt: skip


def test_a_single_fold_is_printed_without_a_test(path):
    runs = pd.read_csv(path)
    runs[runs["fold"] == 0].to_csv(path, index=False)
    printed = sensitivity.build(GIVEN, [path]).printed.set_index("")
    assert printed.loc["Smooth FixMatch"].to_dict() == {
        "range": "50.00", "gain of the range (one pair)": "0.00", "rise below 0.9": "4.00",
        "gain of the rise (one pair)": "6.00",
    }  # fmt: skip


def test_a_fold_with_a_missing_run_does_not_count(path):
    runs = pd.read_csv(path)
    runs.loc[(runs["method"] == "fixmatch") & (runs["momentum"] == 0.99) & (runs["fold"] == 0), "error_last"] = None
    runs.to_csv(path, index=False)
    printed = sensitivity.build(GIVEN, [path]).printed.set_index("")
    assert printed.loc["FixMatch", "range"] == "6.00 (1)"
    assert printed.loc["Smooth FixMatch", "gain of the range"] == "5.00 (1)"


def test_without_a_baseline_or_a_default_nothing_is_compared_and_there_is_no_rise(path):
    given = {name: GIVEN[name] for name in ("titles", "setting")}
    table = sensitivity.build(given, [path])
    assert table.printed.columns.tolist() == ["", "range"]
    assert lines(table.tidy).loc["FixMatch", "mean"] == pytest.approx(0.28)


def test_the_numbers_lead_to_the_runs_of_their_folds(path):
    table = sensitivity.build(GIVEN, [path])
    runs = pd.read_csv(path).set_index("run")
    for line, number in table.tidy.iterrows():
        behind = runs.loc[list(table.runs[line])]
        if number["quantity"] in ("range", "rise"):
            assert set(behind["fold"]) == {number["fold"]}
            assert len(behind) == 3
        elif number["quantity"] == "gain_mean":
            assert len(behind) == 12


def test_two_runs_of_one_value_and_fold_are_an_error(path):
    pd.concat([pd.read_csv(path)] * 2).to_csv(path, index=False)
    with pytest.raises(ValueError, match="duplicate"):
        sensitivity.build(GIVEN, [path])
