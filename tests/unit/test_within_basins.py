"""The table of gains within basins."""

import pandas as pd
import pytest
from tidy import summary

from spl.tables import within_basins

GIVEN = {"titles": {"fixmatch": "FixMatch", "smooth-fixmatch": "Smooth FixMatch"}, "baseline": "fixmatch"}
ERRORS = {"fixmatch": [0.06, 0.08, 0.18, 0.20, 0.10], "smooth-fixmatch": [0.05, 0.05, 0.14, 0.08, 0.16]}
BASINS = {"fixmatch": "hhllh", "smooth-fixmatch": "hhlhl"}


def build(folder, folds=range(5)):
    rows = [
        {"method": method, "variant": "", "fold": fold, "seed": 0, "error_last": ERRORS[method][fold],
         "basin": {"h": "high", "l": "low"}[BASINS[method][fold]]}
        for method in ERRORS for fold in folds
    ]  # fmt: skip
    summary(rows).to_csv(folder / "runs.csv", index=False)
    return within_basins.build(GIVEN, [folder / "runs.csv"])


def test_pairs_are_grouped_by_both_basins_and_each_gain_says_over_how_many(tmp_path):
    printed = build(tmp_path).printed.set_index("")
    assert printed.loc["Smooth FixMatch"].to_dict() == {
        "pairs": "5 of 5", "both high": "2.00 ± 1.41, n = 2", "both low": "4.00, n = 1",
        "low → high": "12.00, n = 1", "high → low": "−6.00, n = 1",
        "error, high": "6.00 ± 1.73, n = 3", "error, low": "15.00 ± 1.41, n = 2", "low − high": "9.00",
    }  # fmt: skip
    assert printed.loc["FixMatch", ["pairs", "both high"]].tolist() == ["", ""]
    assert printed.loc["FixMatch", "low − high"] == "11.00"


def test_a_group_without_pairs_is_counted_and_a_basin_without_runs_has_no_distance(tmp_path):
    table = build(tmp_path, folds=[0, 1])
    printed = table.printed.set_index("")
    line = printed.loc["Smooth FixMatch", ["both low", "low → high", "error, low", "low − high"]]
    assert line.tolist() == ["–"] * 4
    tidy = table.tidy[table.tidy["method"] == "Smooth FixMatch"].set_index(["basins", "quantity"])["value"]
    assert tidy["both low", "pairs"].item() == 0
    assert ("both low", "gain_mean") not in tidy.index


def test_a_gain_leads_to_the_runs_of_its_own_pairs(tmp_path):
    table = build(tmp_path)
    [line] = table.tidy.index[(table.tidy["basins"] == "low → high") & (table.tidy["quantity"] == "gain_mean")]
    runs = pd.read_csv(tmp_path / "runs.csv").set_index("run").loc[list(table.runs[line])]
    assert runs["fold"].tolist() == [3, 3]
    assert table.tidy.loc[line, "value"] == pytest.approx(0.12)
