"""Which runs stand behind a number of a table."""

import pandas as pd
import pytest

from spl.errors import InputError
from spl.provenance.cells import rows_behind, runs_behind, select
from spl.tables.layout import long, number_rows, run_rows

TITLES = {"fixmatch": "FixMatch", "smooth-fixmatch": "Smooth FixMatch"}
ERRORS = {("fixmatch", 20): (0.3, 0.2), ("fixmatch", 40): (0.1, 0.2), ("smooth-fixmatch", 20): (0.2, 0.2),
          ("smooth-fixmatch", 40): (0.1, 0.1)}  # fmt: skip


@pytest.fixture
def summary(tmp_path):
    """Two methods, two numbers of labels, two folds."""
    rows = [
        {"run": f"{labels}/fold{fold}/{method}", "method": method, "labels": labels, "fold": fold, "seed": 0,
         "error_last": error, "error_best": error}
        for (method, labels), errors in ERRORS.items() for fold, error in enumerate(errors)
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "summary.csv", index=False)
    return tmp_path / "summary.csv"


@pytest.fixture
def tidy(tmp_path):
    rows = []
    for (method, labels), errors in ERRORS.items():
        of = {"method": TITLES[method], "labels": labels}
        rows += run_rows(of, {(fold, 0): error for fold, error in enumerate(errors)})
        rows += number_rows(of, {"mean": sum(errors) / 2, "gain_mean": 0.0})
    rows += number_rows({"method": "FixMatch", "from": 20, "to": 40}, {"p_value": 0.5})
    long(rows).to_csv(tmp_path / "tidy.csv", index=False)
    return pd.read_csv(tmp_path / "tidy.csv")


def behind(tidy, summary, cell):
    rows = rows_behind(tidy, select(tidy, cell, "table.csv"), "FixMatch")
    return set(runs_behind(rows, [pd.read_csv(summary)], TITLES))


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("FixMatch,20,mean", {"20/fold0/fixmatch", "20/fold1/fixmatch"}),
        ("FixMatch, 20, mean", {"20/fold0/fixmatch", "20/fold1/fixmatch"}),
        ("Smooth FixMatch,40,mean", {"40/fold0/smooth-fixmatch", "40/fold1/smooth-fixmatch"}),
        ("Smooth FixMatch,40,1,0,error_last", {"40/fold1/smooth-fixmatch"}),
        (
            "Smooth FixMatch,20,gain_mean",
            {"20/fold0/smooth-fixmatch", "20/fold1/smooth-fixmatch", "20/fold0/fixmatch", "20/fold1/fixmatch"},
        ),
        ("FixMatch,20,40,p_value", {f"{n}/fold{k}/fixmatch" for n in (20, 40) for k in (0, 1)}),
        ("1,value", {"20/fold0/fixmatch"}),
        ("3,value", {"20/fold0/fixmatch", "20/fold1/fixmatch"}),
    ],
)
def test_a_number_is_traced_to_its_runs(tidy, summary, cell, expected):
    assert behind(tidy, summary, cell) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("FixMatch,mean", "2 numbers; say more of method, labels"),
        (
            "FixMatch,20,median",
            r"no such number; expected what it is of \(FixMatch; Smooth FixMatch\), and one of error_last, mean",
        ),
        ("FixMatch,20", "no such number"),
        ("0,value", "expected a line from 1 to 17"),
    ],
)
def test_what_is_no_number_gets_one_line(tidy, cell, expected):
    with pytest.raises(InputError, match=expected):
        select(tidy, cell, "table.csv")


def test_a_variant_s_label_with_a_comma_is_one_word():
    rows = run_rows({"method": "Smooth FixMatch-sq, τ = 0.9"}, {(0, 0): 0.25})
    rows += number_rows({"method": "Smooth FixMatch-sq, τ = 0.9"}, {"mean": 0.25})
    assert select(long(rows), "Smooth FixMatch-sq, τ = 0.9,mean", "table.csv")["value"] == 0.25
