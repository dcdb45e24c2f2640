"""The tables of class imbalance."""

import pandas as pd
import pytest
from tidy import over_folds, write_summary

from spl.tables import imbalance

TITLES = {"fixmatch": "FixMatch", "flexmatch": "FlexMatch", "smooth-fixmatch-sq": "Smooth FixMatch-sq"}
MEANS = {"titles": TITLES, "baseline": "fixmatch", "rows": ["mean"], "keep": [0.5]}
PER_FOLD = MEANS | {"rows": ["folds", "max", "min", "range"]}
IMBALANCED = {"fixmatch": [0.11, 0.13, 0.08], "flexmatch": [0.20, 0.21, 0.12]}
BALANCED = {"smooth-fixmatch-sq": [0.1] * 3, "fixmatch": [0.10, 0.12, 0.09], "flexmatch": [0.06, 0.07, 0.08]}
BELOW = [
    "gain wrt FixMatch",
    "p (better)",
    "p (worse)",
    "rise due to imbalance",
    "p of the rise (larger error)",
    "p of the rise (larger error), Holm",
]


@pytest.fixture
def inputs(tmp_path):
    experiments = {"imbalanced": IMBALANCED, "balanced": BALANCED}
    return [write_summary(tmp_path / f"{name}.csv", over_folds(errors)) for name, errors in experiments.items()]


def test_the_drop_is_that_of_the_same_method_on_the_same_fold(inputs):
    printed = imbalance.build(MEANS, inputs).printed.set_index("")
    assert printed.index.tolist() == ["mean", *BELOW]
    assert printed["FixMatch"].tolist() == ["10.67", "", "", "", "0.33 ± 1.15", "0.500, least 0.125", "0.500"]
    assert printed["FlexMatch"].tolist() == [
        "17.67", "−7.00 ± 2.65", "1.000, least 0.125", "0.125, least 0.125", "10.67 ± 5.77", "0.125, least 0.125",
        "0.250",
    ]  # fmt: skip


def test_gains_and_drops_are_corrected_apart(inputs):
    imbalanced = pd.read_csv(inputs[0])
    third = imbalanced[imbalanced["method"] == "flexmatch"].assign(method="smooth-fixmatch-sq", error_last=0.05)
    pd.concat([imbalanced, third]).to_csv(inputs[0], index=False)
    printed = imbalance.build(MEANS, inputs).printed.set_index("")
    corrected = printed.loc[["p (better), Holm", "p (worse), Holm", "p of the rise (larger error), Holm"]]
    assert printed.loc["p (better)"].tolist() == ["", "1.000, least 0.125", "0.125, least 0.125"]
    assert printed.loc["p (worse)"].tolist() == ["", "0.125, least 0.125", "1.000, least 0.125"]
    assert corrected["FlexMatch"].tolist() == ["1.000", "0.250", "0.375"], "two gains, three drops"
    assert corrected["Smooth FixMatch-sq"].tolist() == ["0.250", "1.000", "1.000"]


def test_every_fold_and_the_extremes_stand_above_the_same_comparisons(inputs):
    printed = imbalance.build(PER_FOLD, inputs).printed.set_index("fold")
    assert printed.index.tolist() == ["0", "1", "2", "max", "min", "range", *BELOW]
    assert printed["FlexMatch"].tolist()[:6] == ["20.00", "21.00", "12.00", "21.00", "12.00", "9.00"]
    means = imbalance.build(MEANS, inputs).printed.set_index("")
    assert printed.loc[BELOW].equals(means.loc[BELOW])


def test_a_missing_run_leaves_a_dash_and_is_told_wherever_it_counts(inputs):
    for path, fold in zip(inputs, (0, 2), strict=True):
        runs = pd.read_csv(path)
        runs[(runs["method"] != "flexmatch") | (runs["fold"] != fold)].to_csv(path, index=False)
    printed = imbalance.build(PER_FOLD, inputs).printed.set_index("fold")
    assert printed["FlexMatch"].tolist() == [
        "–", "21.00", "12.00", "21.00 (2)", "12.00 (2)", "9.00 (2)",
        "−6.00 ± 2.83 (2)", "1.000, least 0.250 (2)", "0.250, least 0.250 (2)", "14.00 (1)", "0.500, least 0.500 (1)",
        "1.000 (1)",
    ]  # fmt: skip


def test_every_printed_number_is_in_the_tidy_file(inputs):
    tidy = imbalance.build(PER_FOLD, inputs).tidy.set_index(["method", "quantity"])["value"]
    assert tidy["FlexMatch", "drop_mean"].item() == pytest.approx(0.32 / 3)
    assert tidy["FlexMatch", "drop_p_value"].item() == 1 / 8
    assert tidy["FlexMatch", "drop_p_holm"].item() == 2 / 8
    assert tidy["FlexMatch", "error_last"].tolist() == IMBALANCED["flexmatch"]


def test_imbalances_of_two_strengths_follow_one_another(inputs, tmp_path):
    mild = {"fixmatch": [0.10, 0.12, 0.095], "flexmatch": [0.10, 0.08, 0.09]}
    both = [write_summary(tmp_path / "mild.csv", over_folds(mild)), inputs[1], inputs[0]]
    table = imbalance.build(MEANS | {"keep": [0.8, 0.5]}, both)
    lines = table.printed[""].tolist()
    start = lines.index("50 % kept")
    assert (lines[0], lines[1:start]) == ("80 % kept", lines[start + 1 :])
    assert table.printed["FlexMatch"].tolist()[:2] == ["", "9.00"]
    assert table.printed["FlexMatch"].tolist()[start : start + 2] == ["", "17.67"]
    tidy = table.tidy.set_index(["method", "keep", "quantity"])["value"].sort_index()
    assert tidy["FlexMatch", 0.8, "drop_mean"].item() == pytest.approx(0.06 / 3)
    assert tidy["FlexMatch", 0.5, "drop_mean"].item() == pytest.approx(0.32 / 3)
    assert tidy["FlexMatch", 0.5, "drop_p_holm"].item() == 4 / 8, "four drops are one family"


@pytest.mark.parametrize(("given", "first"), [(MEANS, "error"), (PER_FOLD, "0")])
def test_a_single_fold_has_its_error_and_differences_that_are_named_as_those_of_one_pair(tmp_path, given, first):
    errors = {
        "imbalanced": {"fixmatch": [0.1], "flexmatch": [0.2]},
        "balanced": {"fixmatch": [0.1], "flexmatch": [0.21]},
    }
    one = [write_summary(tmp_path / f"{name}.csv", over_folds(of)) for name, of in errors.items()]
    printed = imbalance.build(given, one).printed.to_numpy().tolist()
    assert [line[-1] for line in printed] == ["20.00", "−10.00", "−1.00"]
    assert [line[0] for line in printed] == [first, "gain wrt FixMatch (one pair)", "rise due to imbalance (one pair)"]
