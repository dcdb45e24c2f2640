"""Published error rates: the file, its check, and what of it belongs to an experiment."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spl.errors import InputError
from spl.paper.literature import COLUMNS, PUBLISHED, SHOWN, comparable_errors, read_published

ROW = {
    "source": "A paper", "where": "Table 1", "checkpoint": "best", "dataset": "cifar-10", "scheme": "balanced",
    "labels": "40", "network": "wrn-28-2", "method": "fixmatch", "folds": "3", "error_mean": "7.47",
    "error_std": "0.28", "note": "",
}  # fmt: skip


@pytest.fixture
def written(tmp_path):
    """A function that writes rows as a file of published error rates."""

    def write(*rows, columns=COLUMNS):
        path = tmp_path / "published.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([columns, *([row[column] for column in columns] for row in rows)])
        return path

    return write


@pytest.mark.parametrize(
    ("source", "checkpoint", "method", "dataset", "labels", "printed"),
    [
        ("Generalized Pseudo-Labeling paper", "checkpoint unknown", "fixmatch", "cifar-10", 40, (7.93, None)),
        ("Generalized Pseudo-Labeling paper", "checkpoint unknown", "fixmatch", "cifar-100", 2500, (28.02, None)),
        ("FixMatch paper", "median of last 20", "fixmatch", "cifar-10", 40, (13.81, 3.37)),
        ("FixMatch paper", "median of last 20", "fixmatch", "cifar-100", 10000, (22.60, 0.12)),
        ("FlexMatch paper", "best", "pseudo-label", "cifar-10", 250, (46.49, 2.20)),
        ("FlexMatch paper", "best", "fixmatch", "cifar-10", 4000, (4.21, 0.08)),
        ("FlexMatch paper", "best", "flexmatch", "cifar-100", 400, (39.94, 1.62)),
        ("FlexMatch paper", "median of last 20", "pseudo-label", "cifar-100", 2500, (58.38, 0.42)),
        ("FlexMatch paper", "median of last 20", "fixmatch", "cifar-10", 40, (7.99, 0.59)),
        ("FlexMatch paper", "median of last 20", "flexmatch", "cifar-100", 10000, (23.04, 0.28)),
        ("FlexMatch paper", "checkpoint unknown", "supervised", "cifar-100", 50000, (19.30, 0.09)),
    ],
)
def test_the_file_holds_what_was_published(source, checkpoint, method, dataset, labels, printed):
    key = (source, checkpoint, method, dataset, labels)
    [row] = [
        row for row in read_published() if (row.source, row.checkpoint, row.method, row.dataset, row.labels) == key
    ]
    assert (row.error_mean, row.error_std) == printed
    assert row.network == {"cifar-10": "wrn-28-2", "cifar-100": "wrn-28-8"}[dataset]


def test_the_file_has_a_place_for_every_number_of_the_paper_and_invents_none():
    own = [row for row in read_published() if row.source == "Smooth Pseudo-Labeling paper"]
    assert {(row.error_mean, row.error_std, row.checkpoint) for row in own} == {(None, None, "last")}
    places = {scheme: [row for row in own if row.scheme == scheme] for scheme in ("balanced", "imbalanced", "random")}
    assert {name: len(rows) for name, rows in places.items()} == {
        "balanced": 5 + 2 * 3,  # Tables 1 and 2
        "imbalanced": 3,  # Table 3
        "random": 13 * 2,  # Table 5
    }
    assert {row.labels for row in places["random"]} == set(range(40, 170, 10))
    assert len(read_published()) - len(own) == 7 * 6 + 2 + 2


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("source", "", "the paper's name"),
        ("checkpoint", "first", "last, best, median of last 20 or checkpoint unknown"),
        ("dataset", "cifar10", "one of cifar-10, "),
        ("scheme", "uneven", "balanced, imbalanced, random or full"),
        ("labels", "0", "the number of labelled images"),
        ("network", "wide", "a network like wrn-28-2"),
        ("method", "FixMatch", "one of adamatch, "),
        ("folds", "3.5", "a whole number of at least 1, the folds that correspond to it like 1-5, or nothing"),
        ("folds", "5-1", "a whole number of at least 1, the folds"),
        ("error_mean", "7,47", "percent, from 0 to 100, or nothing"),
        ("error_mean", "747", "percent, from 0 to 100, or nothing"),
        ("error_mean", "nan", "percent, from 0 to 100, or nothing"),
        ("error_std", "101", "percent beside an error_mean, or nothing"),
    ],
)
def test_a_wrong_cell_is_one_line_that_names_file_line_column_and_expectation(written, column, cell, expected):
    path = written(ROW | {"source": "Another"}, ROW | {column: cell})
    with pytest.raises(InputError) as caught:
        read_published(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:3: {column}: expected {expected}")
    assert message.endswith(f", got '{cell}'")
    assert "\n" not in message


def test_folds_are_a_number_or_the_folds_themselves(written):
    assert [row.folds for row in read_published(written(ROW))] == [3]
    assert [row.folds for row in read_published(written(ROW | {"folds": "1-5"}))] == [(1, 2, 3, 4, 5)]
    assert [row.folds for row in read_published(written(ROW | {"folds": ""}))] == [None]


def test_the_published_means_of_section_4_1_have_the_folds_that_it_compares_them_with():
    compared = {(row.source, row.folds) for row in read_published() if isinstance(row.folds, tuple)}
    assert compared == {("FixMatch paper", (1, 2, 3, 4, 5)), ("FlexMatch paper", (0, 1, 2))}


def test_every_mistake_is_told(written):
    path = written(ROW | {"method": "none"}, ROW, ROW | {"labels": "x", "folds": "y"}, ROW | {"error_mean": ""})
    with pytest.raises(InputError) as caught:
        read_published(path)
    places = [line.removeprefix(f"{path}:").split(" ")[:2] for line in str(caught.value).splitlines()]
    assert places == [["2:", "method:"], ["4:", "labels:"], ["4:", "folds:"], ["5:", "error_std:"]]


def test_the_same_number_twice_is_a_mistake_even_if_its_value_differs(written):
    path = written(ROW, ROW | {"source": "Another"}, ROW | {"error_mean": "9", "note": "again"})
    with pytest.raises(InputError, match=r"csv:4: source: expected other source, .* than in line 2$"):
        read_published(path)


@pytest.mark.parametrize("columns", [COLUMNS[1:], COLUMNS[::-1], (*COLUMNS[:-1], "remark")])
def test_other_columns_are_a_mistake(written, columns):
    path = written(ROW | {"remark": ""}, columns=columns)
    with pytest.raises(InputError, match=r"csv:1: expected the columns source,where,checkpoint,"):
        read_published(path)


def test_a_row_of_another_length_and_a_file_that_is_none_are_mistakes(written):
    path = written(ROW)
    path.write_text(path.read_text() + "a,b\n")
    with pytest.raises(InputError, match=r"csv:3: expected 12 columns$"):
        read_published(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"published.csv: cannot be read: "):
        read_published(path)
    path.unlink()
    with pytest.raises(InputError, match=r"published.csv: cannot be read: No such file"):
        read_published(path)


def test_what_a_spreadsheet_program_saves_is_read(tmp_path):
    path = tmp_path / "published.csv"
    path.write_bytes(b"\xef\xbb\xbf" + PUBLISHED.read_bytes().replace(b"\n", b"\r\n"))
    assert read_published(path) == read_published()


ARMS = st.tuples(*map(st.sampled_from, [["fixmatch", "flexmatch"], [40, 50, 2500], ["wrn-28-2", "wrn-28-8"]]))


@given(
    dataset=st.sampled_from(["cifar-10", "cifar-100", "digits"]),
    scheme=st.sampled_from(["balanced", "imbalanced", "random", "full"]),
    arms=st.sets(ARMS),
)
def test_exactly_the_filled_rows_of_the_same_data_labels_method_and_network_match(dataset, scheme, arms):
    rows = [row.model_copy(update={"error_mean": 1.0 if row.folds else None}) for row in read_published()]
    printed = [row for row in rows if (row.dataset, row.scheme) == (dataset, scheme) and row.error_mean is not None]
    ours = [row for row in printed if (row.method, row.labels, row.network) in arms]
    for found, expected in (
        (comparable_errors(rows, dataset, scheme), printed),
        (comparable_errors(rows, dataset, scheme, arms), ours),
    ):
        assert found == [{column: getattr(row, column) for column in SHOWN} for row in expected]
