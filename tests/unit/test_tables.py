"""Tables: order, labels and numbers."""

import json

import numpy as np
import pandas as pd
import pytest
from tidy import lines, write_summary

from spl.analysis.arms import arms
from spl.tables import per_fold, summary
from spl.tables.layout import save_table

TITLES = {"fixmatch": "FixMatch", "smooth-fixmatch-sq": "Smooth FixMatch-sq", "supervised": "Fully supervised"}
GIVEN = {"titles": TITLES, "baseline": "fixmatch"}
ERRORS = {
    ("fixmatch", ""): [0.10, 0.12, 0.08, 0.20, 0.06, 0.14],
    ("smooth-fixmatch-sq", "threshold=0.9"): [0.09, 0.10, 0.05, 0.16, 0.01, 0.08],
    ("supervised", ""): [0.02] * 6,
}


@pytest.fixture
def experiment(tmp_path):
    rows = [
        {"method": method, "variant": variant, "fold": fold, "seed": 0, "error_last": error}
        for (method, variant), errors in ERRORS.items()
        for fold, error in reversed(list(enumerate(errors)))
    ]
    return write_summary(tmp_path / "experiment.csv", rows)


def test_arms_keep_the_study_s_order_and_name_a_threshold_that_is_not_the_standard(experiment):
    found = arms(pd.read_csv(experiment), TITLES)
    assert [arm.label for arm in found] == ["FixMatch", "Smooth FixMatch-sq, τ = 0.9", "Fully supervised"]
    assert found[0].values().tolist() == ERRORS["fixmatch", ""]


def test_every_variant_has_a_line_and_is_compared_with_the_baseline_of_the_same_variant(tmp_path):
    rows = [
        {"method": method, "variant": variant, "fold": fold, "seed": 0, "momentum": 0.9, "error_last": error + fold / 9}
        for method, variant, error in (
            ("fixmatch", "momentum=0.8", 0.30), ("fixmatch", "", 0.20), ("fixmatch", "momentum=0.95", 0.40),
            ("smooth-fixmatch-sq", "momentum=0.8", 0.25), ("smooth-fixmatch-sq", "", 0.19),
            ("smooth-fixmatch-sq", "momentum=0.95,mu=3", 0.10),
        )
        for fold in (0, 1)
    ]  # fmt: skip
    tidy = lines(summary.build(GIVEN, [write_summary(tmp_path / "experiment.csv", rows)]).tidy)
    assert len(tidy) == 6
    assert tidy.loc["Smooth FixMatch-sq, momentum = 0.8", "gain_mean"] == pytest.approx(0.05)
    assert tidy.loc["Smooth FixMatch-sq, momentum = 0.9", "gain_mean"] == pytest.approx(0.01)
    assert tidy.loc["Smooth FixMatch-sq, momentum = 0.95", "gain_mean"] == pytest.approx(0.20)


def test_variants_are_called_by_the_setting_that_tells_them_apart_and_grouped_by_it(tmp_path):
    rows = [
        {"method": method, "variant": variant, "fold": fold, "seed": 0, "error_last": 0.3, "network": "wrn-28-2"}
        for method in ("fixmatch", "supervised")
        for variant in ("", "network=wrn-28-8,weight_decay=0.001,processes=2")
        for fold in (0, 1)
    ]
    expected = ["FixMatch, WRN-28-2", "Fully supervised, WRN-28-2", "FixMatch, WRN-28-8", "Fully supervised, WRN-28-8"]
    table = per_fold.build(GIVEN, [write_summary(tmp_path / "experiment.csv", rows)])
    assert table.printed.columns.tolist() == ["fold", *expected]


@pytest.mark.parametrize(
    ("errors", "bold"),
    [((0.10, 0.11, 0.12), [0]), ((0.10001, 0.1, 0.12), [0, 1]), ((0.10001, 0.1, 0.1), []), ((0.2, 0.1, None), [1])],
)
def test_the_lowest_is_bold_with_all_that_print_the_same_unless_all_do(tmp_path, errors, bold):
    rows = [
        {"method": method, "variant": "", "fold": fold, "seed": 0, "error_last": error}
        for method, error in zip(TITLES, errors, strict=True)
        for fold in (0, 1)
    ]
    table = summary.build(GIVEN, [write_summary(tmp_path / "experiment.csv", rows)])
    assert table.bold == {(row, 1) for row in bold}


def labels_of(*runs):
    """What runs of FixMatch on one fold are called that differ in these columns."""
    common = {"method": "fixmatch", "fold": 0, "seed": 0, "error_last": 0.1}
    return [arm.label for arm in arms(pd.DataFrame([common | run for run in runs]), TITLES)]


@pytest.mark.parametrize(
    ("variants", "labels"),
    [
        (["threshold=0.9,processes=2"], ["FixMatch, τ = 0.9"]),
        (["processes=2,mu=3", "processes=4,mu=5"], ["FixMatch, μ = 3", "FixMatch, μ = 5"]),
        (["precision=fp32", "precision=bf16"], ["FixMatch, precision = fp32", "FixMatch, precision = bf16"]),
        (
            ["mu=3,threshold=0.9,threads=1", "mu=3,threshold=0.8,threads=2", "mu=5,threshold=0.8,threads=4"],
            ["FixMatch, μ = 3, τ = 0.9", "FixMatch, μ = 3, τ = 0.8", "FixMatch, μ = 5, τ = 0.8"],
        ),
    ],
)
def test_how_a_training_is_run_names_no_variant_unless_nothing_else_does(variants, labels):
    assert labels_of(*({"variant": variant} for variant in variants)) == labels


@pytest.mark.parametrize(
    ("name", "values", "labels"),
    [
        ("steps", [1200, 2400], ["FixMatch, steps = 1,200", "FixMatch, steps = 2,400"]),
        ("preactivate_all", [False, True], ["FixMatch, preactivate all = no", "FixMatch, preactivate all = yes"]),
        ("weight_decay", [0.0005, 0.00001], ["FixMatch, weight decay = 0.0005", "FixMatch, weight decay = 1e-05"]),
    ],
)
def test_a_changed_value_is_printed_like_an_unchanged_one(name, values, labels):
    variant = f"{name}={json.dumps(values[1])}"
    assert labels_of({"variant": "", name: values[0]}, {"variant": variant, name: values[1]}) == labels


def test_a_variant_is_told_by_a_setting_that_no_calibration_has_given_yet():
    labels = labels_of({"variant": "", "lambda_u": float("nan")}, {"variant": "lambda_u=2.0", "lambda_u": 2.0})
    assert labels == ["FixMatch, λ_u = calibrated", "FixMatch, λ_u = 2"]


def test_runs_that_would_hide_each_other_are_an_error(experiment):
    twice = pd.concat([pd.read_csv(experiment)] * 2)
    with pytest.raises(ValueError, match="cannot share a line"):
        arms(twice, TITLES)


def test_the_summary_holds_mean_deviation_gain_and_p(experiment):
    table = summary.build(GIVEN, [experiment])
    line = lines(table.tidy).loc["Smooth FixMatch-sq, τ = 0.9"]
    assert line["mean"] == pytest.approx(np.mean(ERRORS["smooth-fixmatch-sq", "threshold=0.9"]))
    assert line["gain_mean"] == pytest.approx(0.21 / 6)
    assert line["p_value"] == 1 / 64
    assert (line["wins"], line["n"]) == (6, 6)
    assert (line["pairs"], line["smallest_p"], line["effect_size"], line["shift_level"]) == (6, 1 / 64, 1, 1 - 2 / 64)
    assert (line["p_worse"], line["p_worse_holm"]) == (1, 1)
    assert line["shift_low"] <= line["shift"] <= line["shift_high"]
    printed = table.printed.set_index("").loc["Smooth FixMatch-sq, τ = 0.9"]
    assert printed.tolist() == ["8.17", "5.04", "3.50 ± 1.87", "0.016", "0.031"]
    assert table.printed.iloc[0].tolist() == ["FixMatch", "11.67", "4.97", "", "", ""]


@pytest.mark.parametrize("module", [summary, per_fold])
def test_one_comparison_alone_is_not_corrected_and_a_single_pair_not_tested(experiment, module):
    runs = pd.read_csv(experiment)
    two = runs[runs["method"] != "supervised"]
    two.to_csv(experiment, index=False)
    table = module.build(GIVEN, [experiment])
    assert "p (better)" in table.printed.to_string()
    assert "Holm" not in table.printed.to_string()
    assert "p_holm" not in table.tidy.to_string()
    two[two["fold"] == 0].to_csv(experiment, index=False)
    printed = module.build(GIVEN, [experiment]).printed.to_string()
    assert "1.00" in printed
    assert not {"±", "p (better)", "range"} & set(printed.split())


@pytest.mark.parametrize("module", [summary, per_fold])
def test_with_a_margin_equivalence_is_tested_too(experiment, module):
    """Half a point is less than the quadratic shape gains; ten points are more than any of its gains, six at most."""
    for margin, p_value, printed_p in ((0.005, 1, "1.000"), (0.1, 1 / 64, "0.016")):
        table = module.build(GIVEN | {"margin": margin}, [experiment])
        line = lines(table.tidy).loc["Smooth FixMatch-sq, τ = 0.9"]
        assert line["p_equivalent"] == p_value
        assert line["p_equivalent_holm"] == min(1, 2 * p_value)
        printed = table.printed.set_index(table.printed.columns[0])
        printed = printed if "mean" in printed.columns else printed.T
        assert printed.loc["Smooth FixMatch-sq, τ = 0.9", "p (equivalent)"] == printed_p
    assert "equivalent" not in module.build(GIVEN, [experiment]).tidy.to_string()


def test_the_fold_table_has_a_row_for_each_fold_and_the_extremes_below(experiment):
    printed = per_fold.build(GIVEN, [experiment]).printed
    below = ["max", "min", "range", "gain wrt FixMatch", "p (better)", "p (better), Holm"]
    assert printed["fold"].tolist() == [*"012345", *below]
    errors = ["10.00", "12.00", "8.00", "20.00", "6.00", "14.00"]
    assert printed["FixMatch"].tolist() == [*errors, "20.00", "6.00", "14.00", "", "", ""]


def test_what_was_made_from_fewer_runs_than_the_rest_says_from_how_many(experiment):
    runs = pd.read_csv(experiment)
    runs[(runs["method"] != "fixmatch") | (runs["fold"] != 3)].to_csv(experiment, index=False)
    printed = summary.build(GIVEN, [experiment]).printed.set_index("")
    assert printed["mean"].tolist() == ["10.00 (5)", "8.17", "2.00"]
    assert printed.loc["Fully supervised", ["p (better)", "p (better), Holm"]].tolist() == ["0.031 (5)", "0.062 (5)"]
    column = per_fold.build(GIVEN, [experiment]).printed.set_index("fold")["FixMatch"]
    assert column[["3", "max", "min", "range"]].tolist() == ["–", "14.00 (5)", "6.00 (5)", "8.00 (5)"]


def test_a_reference_follows_with_its_mean_alone(experiment, tmp_path):
    runs = pd.read_csv(experiment)
    reference = runs[runs["method"] == "supervised"].assign(error_last=[0.04, 0.05, *[0.045] * 4])
    runs[runs["method"] != "supervised"].to_csv(experiment, index=False)
    reference.to_csv(tmp_path / "several.csv", index=False)
    reference[:1].to_csv(tmp_path / "one.csv", index=False)
    alone = summary.build(GIVEN, [experiment])
    beside = summary.build(GIVEN, [experiment, tmp_path / "several.csv", tmp_path / "one.csv"])
    assert beside.printed.iloc[:-2].equals(alone.printed)
    assert beside.printed.iloc[-2].tolist() == ["Fully supervised", "4.50", "0.32", "", ""]
    assert beside.printed.iloc[-1].tolist() == ["Fully supervised", "4.00", "–", "", ""]
    own = beside.tidy[beside.tidy["method"] == "Fully supervised"]
    assert own["quantity"].tolist() == [*["error_last"] * 6, "n", "mean", "std", "error_last", "n", "mean", "std"]


def test_both_tables_say_the_same_of_a_gain(experiment):
    means, folds = (lines(module.build(GIVEN, [experiment]).tidy) for module in (summary, per_fold))
    shared = means.columns.intersection(folds.columns)
    assert {"gain_mean", "p_value", "p_holm", "shift_low", "effect_size"} <= set(shared)
    pd.testing.assert_frame_equal(means[shared], folds[shared])


def test_a_table_becomes_csv_markdown_and_latex(experiment, tmp_path):
    save_table(summary.build(GIVEN, [experiment]), "Table 1", "A caption, 5 % of λ_u.", tmp_path / "table1")
    markdown = (tmp_path / "table1.md").read_text()
    assert markdown.startswith("**Table 1.** A caption, 5 % of λ_u.\n\n|")
    assert "| Smooth FixMatch-sq, τ = 0.9 |" in markdown
    latex = (tmp_path / "table1.tex").read_text()
    assert r"\caption{A caption, 5 \% of $\lambda_u$.}" in latex
    assert r"Smooth FixMatch-sq, $\tau$ = 0.9 & 8.17 & 5.04 & 3.50 $\pm$ 1.87 & 0.016 & 0.031 \\" in latex
    assert lines(pd.read_csv(tmp_path / "table1.csv")).loc["Smooth FixMatch-sq, τ = 0.9", "p_value"] == 1 / 64
