"""Which number of a tidy table each printed cell shows."""

import pandas as pd
import pytest

from spl.page.printed import number_shown
from spl.provenance.cells import address, select
from spl.tables.layout import long, number_rows, run_rows

SQ = "Smooth FixMatch-sq, τ = 0.9"


def read(tmp_path, *rows):
    long([row for several in rows for row in several]).to_csv(tmp_path / "tidy.csv", index=False)
    return pd.read_csv(tmp_path / "tidy.csv")


def shown(tidy, *cell):
    """What the number of a cell is of, in words."""
    line = number_shown(tidy, *cell)
    return None if line is None else address(tidy, line)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (("", "FixMatch", "mean"), "FixMatch,mean"),
        (("", SQ, "gain wrt FixMatch"), f"{SQ},gain_mean"),
        (("", SQ, "p-value, Holm"), f"{SQ},p_holm"),
        (("fold", "1", "FixMatch"), "FixMatch,1,0,error_last"),
        (("fold", "1, seed 2", SQ), f"{SQ},1,2,error_last"),
        (("fold", "max", SQ), f"{SQ},gain_max"),
        (("fold", "max", "FixMatch"), "FixMatch,max"),
        (("", "FixMatch", "published: somebody, last"), None),
        (("fold", "7", "FixMatch"), None),
    ],
)
def test_a_table_of_methods(tmp_path, cell, expected):
    tidy = read(
        tmp_path,
        run_rows({"method": "FixMatch"}, {(0, 0): 0.1, (1, 0): 0.2}),
        number_rows({"method": "FixMatch"}, {"mean": 0.15, "gain_max": 0.0, "max": 0.2}),
        run_rows({"method": SQ}, {(1, 2): 0.3}),
        number_rows({"method": SQ}, {"gain_mean": -0.1, "gain_max": -0.1, "p_value": 1, "p_holm": 1}),
    )
    assert shown(tidy, *cell) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (("labels", "FixMatch", "1,000"), "FixMatch,1000,mean"),
        (("labels", "FixMatch: p-value", "20"), "FixMatch,20,p_value"),
        (("labels", "FixMatch, fold 1", "20"), "FixMatch,20,1,0,error_last"),
        (("labels", "FixMatch, mean", "20"), "FixMatch,20,mean"),
        (("", "FixMatch", "high → low"), None),
    ],
)
def test_a_table_of_sizes(tmp_path, cell, expected):
    of = [{"method": "FixMatch", "labels": labels} for labels in (20, 1000)]
    tidy = read(
        tmp_path,
        *(run_rows(one, {(0, 0): 0.1, (1, 0): 0.2}) + number_rows(one, {"mean": 0.15}) for one in of),
        number_rows(of[0], {"p_value": 0.5}),
    )
    assert shown(tidy, *cell) == expected


def test_a_table_of_changes(tmp_path):
    changes = [(20, 30), (30, 40), (20, 40)]
    of = [{"method": "FixMatch", "from": before, "to": after} for before, after in changes]
    several = read(tmp_path, *(number_rows(one, {"p_value": 0.5}) for one in of))
    assert shown(several, "p-value in %", "FixMatch", "30 → 40") == "FixMatch,30,40,p_value"
    one = read(tmp_path, number_rows(of[0], {"p_value": 0.5}), number_rows(of[0], {"p_value": 0.5}))
    assert shown(one, "p-value in %", "FixMatch", "20 → 30") == "1,value", "all changes together are this one, too"


def test_a_table_of_a_setting(tmp_path):
    tidy = read(
        tmp_path, *(number_rows({"method": "FixMatch", "threshold": tau}, {"mean": tau}) for tau in (0.9, 0.95))
    )
    assert shown(tidy, "τ", "FixMatch", "0.95") == "FixMatch,0.95,mean"


def test_every_line_has_an_address_that_means_it(tmp_path):
    runs = {(fold, seed): 0.1 for fold in (0, 1) for seed in (0, 1)}
    tidy = read(tmp_path, run_rows({"method": SQ}, runs), number_rows({"method": SQ}, {"mean": 0.1}))
    for line in range(len(tidy)):
        assert select(tidy, address(tidy, line), "").name == line
