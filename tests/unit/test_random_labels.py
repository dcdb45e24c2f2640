"""The table of random labels."""

import pandas as pd
import pytest
from tidy import over_folds
from tidy import summary as summary_of

from spl.tables import random_labels, summary

GIVEN = {"titles": {"fixmatch": "FixMatch", "smooth-fixmatch": "Smooth FixMatch"}, "baseline": "fixmatch"}


@pytest.fixture
def runs():
    errors = {"fixmatch": [8, 9, 14], "smooth-fixmatch": [7, 9.5, 11]}
    runs = summary_of([row for labels in (100, 40, 50) for row in over_folds(errors, labels=labels)])
    return runs.assign(error_last=runs["error_last"] / runs["labels"])


def build(runs, folder):
    runs.to_csv(folder / "experiment.csv", index=False)
    return random_labels.build(GIVEN, [folder / "experiment.csv"])


def test_every_size_is_compared_as_if_it_were_an_experiment_of_its_own_but_for_the_correction(runs, tmp_path):
    tidy = build(runs, tmp_path).tidy
    for labels, alone in runs.groupby("labels"):
        alone.to_csv(tmp_path / "alone.csv", index=False)
        expected = summary.build(GIVEN, [tmp_path / "alone.csv"]).tidy
        here = (tidy["labels"] == labels) & ~tidy["quantity"].str.endswith("_holm")
        found = tidy[here].drop(columns="labels").reset_index(drop=True)
        pd.testing.assert_frame_equal(found, expected)


def test_the_number_of_labels_ascends_and_a_missing_run_is_told(runs, tmp_path):
    missing = (runs["labels"] == 50) & (runs["fold"] == 2) & (runs["method"] == "smooth-fixmatch")
    printed = build(runs[~missing], tmp_path).printed
    assert printed.columns.tolist() == ["labels", "40", "50", "100"]
    assert printed["labels"].tolist() == [
        "FixMatch", "Smooth FixMatch", "Smooth FixMatch: gain wrt FixMatch", "Smooth FixMatch: p (better)",
        "Smooth FixMatch: p (better), Holm",
    ]  # fmt: skip
    assert printed["100"].tolist() == ["10.33 ± 3.21", "9.17 ± 2.02", "1.17 ± 1.76", "0.250, least 0.125", "0.750"]
    assert printed["50"].tolist() == [
        "20.67 ± 6.43",
        "16.50 ± 3.54 (2)",
        "0.50 ± 2.12 (2)",
        "0.500, least 0.250 (2)",
        "0.750 (2)",
    ]
