"""The workbook of the random-label benchmark."""

import time
from zipfile import ZipFile

import openpyxl
import pandas as pd
import pytest

from spl.tables.spreadsheet import write_spreadsheet

GIVEN = {"titles": {"smooth-fixmatch": "Smooth FixMatch", "fixmatch": "FixMatch"}}
RUNS = [
    {"method": method, "variant": "", "fold": fold, "seed": 0, "labels": labels, "error_last": (labels + fold) / 1000,
     "basin": "low" if fold else "high", "collapsed": "3" if fold else "", "partly_collapsed": "0 7" if fold else ""}
    for method in ("smooth-fixmatch", "fixmatch") for labels in (100, 40) for fold in (1, 0)
]  # fmt: skip


def written(folder, runs, name="book.xlsx"):
    pd.DataFrame(runs).to_csv(folder / "random-labels.csv", index=False)
    write_spreadsheet({"given": GIVEN}, [folder / "random-labels.csv"], [folder / name])
    return folder / name


def rows(path, sheet):
    return [list(row) for row in openpyxl.load_workbook(path)[sheet].iter_rows(values_only=True)]


def test_methods_come_in_the_study_s_order_folds_and_sizes_ascend(tmp_path):
    assert rows(written(tmp_path, RUNS), "errors") == [
        ["method", "fold", "seed", "40 labels", "100 labels"],
        ["Smooth FixMatch", 0, 0, 0.04, 0.1],
        ["Smooth FixMatch", 1, 0, 0.041, 0.101],
        ["FixMatch", 0, 0, 0.04, 0.1],
        ["FixMatch", 1, 0, 0.041, 0.101],
    ]


def test_basins_and_collapsed_classes_have_sheets_of_the_same_form(tmp_path):
    path = written(tmp_path, RUNS)
    assert openpyxl.load_workbook(path).sheetnames == [
        "errors", "basins", "collapsed classes", "partly collapsed classes"
    ]  # fmt: skip
    assert rows(path, "basins")[1:3] == [
        ["Smooth FixMatch", 0, 0, "high", "high"],
        ["Smooth FixMatch", 1, 0, "low", "low"],
    ]
    assert rows(path, "collapsed classes")[3:] == [["FixMatch", 0, 0, None, None], ["FixMatch", 1, 0, "3", "3"]]
    assert rows(path, "partly collapsed classes")[4] == ["FixMatch", 1, 0, "0 7", "0 7"]


def test_errors_are_numbers_shown_as_percent(tmp_path):
    sheet = openpyxl.load_workbook(written(tmp_path, RUNS))["errors"]
    assert (sheet["D2"].data_type, sheet["D2"].number_format) == ("n", "0.00%")
    assert sheet["B2"].number_format == "General"
    assert sheet.freeze_panes == "D2"


def test_a_run_that_is_missing_leaves_its_cell_empty(tmp_path):
    assert rows(written(tmp_path, RUNS[1:]), "errors")[2] == ["Smooth FixMatch", 1, 0, 0.041, None]


def test_the_bytes_depend_on_the_runs_alone(tmp_path, monkeypatch):
    first = written(tmp_path, RUNS, "first.xlsx")
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 86400)
    time.sleep(1.1)  # the clock that a workbook's date comes from has whole seconds
    assert written(tmp_path, RUNS, "second.xlsx").read_bytes() == first.read_bytes()
    with ZipFile(first) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.read("docProps/core.xml").count(b"1980-01-01T00:00:00Z") == 2


def test_runs_that_would_hide_each_other_are_an_error(tmp_path):
    with pytest.raises(ValueError, match="duplicate"):
        written(tmp_path, [*RUNS, RUNS[0]])
