"""The table of populated diagonal entries."""

import pytest
from tidy import summary

from spl.tables import populated

GIVEN = {"titles": {"fixmatch": "FixMatch", "smooth-fixmatch": "Smooth FixMatch"}}
COUNTS = {
    ("fixmatch", 100): [10, 9, 10], ("fixmatch", 40): [8, 9, 9],
    ("smooth-fixmatch", 100): [10, 10, 10], ("smooth-fixmatch", 40): [10, 10, 9],
}  # fmt: skip


@pytest.fixture
def runs():
    return summary(
        {"method": method, "variant": "", "labels": labels, "fold": fold, "seed": 0, "error_last": 0.1,
         "populated_diagonal": count}
        for (method, labels), counts in COUNTS.items()
        for fold, count in enumerate(counts)
    )  # fmt: skip


def build(runs, folder):
    runs.to_csv(folder / "experiment.csv", index=False)
    return populated.build(GIVEN, [folder / "experiment.csv"])


def test_a_line_for_each_method_and_fold_with_the_mean_below_and_sizes_ascending(runs, tmp_path):
    assert build(runs, tmp_path).printed.to_numpy().tolist() == [
        ["FixMatch, fold 0", "8", "10"], ["FixMatch, fold 1", "9", "9"], ["FixMatch, fold 2", "9", "10"],
        ["FixMatch, mean", "8.67", "9.67"],
        ["Smooth FixMatch, fold 0", "10", "10"], ["Smooth FixMatch, fold 1", "10", "10"],
        ["Smooth FixMatch, fold 2", "9", "10"], ["Smooth FixMatch, mean", "9.67", "10.00"],
    ]  # fmt: skip
    assert build(runs, tmp_path).printed.columns.tolist() == ["labels", "40", "100"]


def test_a_missing_run_leaves_a_dash_and_is_told_at_the_mean(runs, tmp_path):
    smooth_at_100 = (runs["method"] == "smooth-fixmatch") & (runs["labels"] == 100)
    fixmatch_at_40 = (runs["method"] == "fixmatch") & (runs["labels"] == 40)
    kept = runs[~smooth_at_100 & ~(fixmatch_at_40 & (runs["fold"] == 0))]
    printed = build(kept, tmp_path).printed.set_index("labels")
    assert printed.loc[["FixMatch, fold 0", "FixMatch, mean"], "40"].tolist() == ["–", "9.00 (2)"]
    assert printed.loc[["Smooth FixMatch, fold 1", "Smooth FixMatch, mean"], "100"].tolist() == ["–", "–"]


def test_the_means_follow_from_the_rows_of_single_runs(runs, tmp_path):
    tidy = build(runs, tmp_path).tidy
    single = tidy[tidy["quantity"] == "populated_diagonal"]
    for (method, labels), own in single.groupby(["method", "labels"]):
        mean = tidy[(tidy["method"] == method) & (tidy["labels"] == labels) & (tidy["quantity"] == "mean")]
        assert mean["value"].item() == pytest.approx(own["value"].mean())
        assert own["value"].tolist() == COUNTS[{"FixMatch": "fixmatch"}.get(method, "smooth-fixmatch"), labels]
