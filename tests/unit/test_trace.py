"""The runs behind each number of a table, as the table records them."""

import json

import numpy as np
import pandas as pd
import pytest

from spl.audit.why import _number
from spl.errors import InputError
from spl.tables import random_labels, summary, transitions
from spl.tables.layout import Cell, Numbers, save_table
from spl.tables.trace import Trace

TITLES = {"fixmatch": "FixMatch", "smooth-fixmatch": "Smooth FixMatch"}
GIVEN = {"titles": TITLES, "baseline": "fixmatch", "level": 0.2, "mean_below": 0.1, "std_below": 0.1}
SQ = "Smooth FixMatch-sq, τ = 0.9"


def path_of(method, labels, fold):
    return f"{labels}/fold{fold}/{method}"


def traced(folder, table):
    save_table(table, "", "", folder / "table")
    return Trace(folder / "table")


def built(folder, module, folds=2, labels=(20, 40), missing=()):
    """A table of two methods on each number of labels and fold, but for the runs that are missing."""
    rows = [
        {"run": path_of(method, size, fold), "method": method, "variant": "", "labels": size, "fold": fold, "seed": 0}
        for method in TITLES for size in labels for fold in range(folds)
    ]  # fmt: skip
    errors = np.random.default_rng(0).integers(500, 4000, len(rows)) / 10_000
    frame = pd.DataFrame(rows).assign(error_last=errors)
    frame.loc[frame["run"].isin(missing), "error_last"] = np.nan
    frame.to_csv(folder / "summary.csv", index=False)
    return module.build(GIVEN, [folder / "summary.csv"])


def runs(*methods, labels=(20,), folds=(0, 1)):
    return {path_of(method, size, fold) for method in methods for size in labels for fold in folds}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("FixMatch,20,mean", runs("fixmatch")),
        ("FixMatch, 20, mean", runs("fixmatch")),
        ("Smooth FixMatch,40,mean", runs("smooth-fixmatch", labels=[40])),
        ("Smooth FixMatch,40,1,0,error_last", runs("smooth-fixmatch", labels=[40], folds=[1])),
        ("Smooth FixMatch,20,gain_mean", runs(*TITLES)),
        ("Smooth FixMatch,20,p_holm", runs(*TITLES)),
        ("smooth-fixmatch,20,mean", runs("smooth-fixmatch")),
        ("FIXMATCH,40,Mean", runs("fixmatch", labels=[40])),
        ("1,value", runs("fixmatch", folds=[0])),
        ("3,value", runs("fixmatch")),
    ],
)
def test_a_number_is_traced_to_its_runs(tmp_path, address, expected):
    trace = traced(tmp_path, built(tmp_path, random_labels))
    assert set(trace.runs(trace.line(address))) == expected


def test_a_comparison_is_computed_from_pairs_alone(tmp_path):
    trace = traced(tmp_path, built(tmp_path, random_labels, folds=3, missing=[path_of("fixmatch", 20, 1)]))
    assert set(trace.runs(trace.line("Smooth FixMatch,20,gain_mean"))) == runs(*TITLES, folds=[0, 2])
    assert set(trace.runs(trace.line("Smooth FixMatch,20,mean"))) == runs("smooth-fixmatch", folds=[0, 1, 2])


def test_a_transition_is_computed_from_the_runs_before_and_after(tmp_path):
    trace = traced(tmp_path, built(tmp_path, transitions, labels=(20, 30, 40)))
    assert set(trace.runs(trace.line("FixMatch,20,30,p_value"))) == runs("fixmatch", labels=[20, 30])
    assert set(trace.runs(trace.line("FixMatch,20,40,p_value"))) == runs("fixmatch", labels=[20, 30, 40])
    assert trace.cells[0][1:] == [trace.line("FixMatch,20,30,p_value"), trace.line("FixMatch,30,40,p_value")]


def test_a_printed_cell_names_the_number_that_it_shows(tmp_path):
    table = built(tmp_path, random_labels)
    trace = traced(tmp_path, table)
    for row, cells in zip(table.printed.to_numpy(), trace.cells, strict=True):
        assert cells[0] is None, "the first column names the rows"
        for text, line in zip(row[1:], cells[1:], strict=True):
            number = trace.tidy.loc[line]
            as_printed = "{:.3f}" if number["quantity"].startswith("p_") else "{:.2%}"
            assert text.startswith(as_printed.format(number["value"])[:4].rstrip("%").replace("-", "−"))


def test_a_cell_without_a_number_names_none(tmp_path):
    trace = traced(tmp_path, built(tmp_path, summary, labels=[20]))
    assert [[line is None for line in row] for row in trace.cells] == [
        [True, False, False, True, True],  # the baseline gains nothing on itself
        [True, False, False, False, False],
    ]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("FixMatch,mean", "2 numbers; say more of method, labels"),
        (
            "FixMatch,20,median",
            r"no such number; expected what it is of \(FixMatch; Smooth FixMatch\), and one of error_",
        ),
        ("FixMatch,20", "no such number"),
        ("FixMatch,50,mean", "no such number"),
        ("mean", "no such number"),
        ("²,value", "no such number"),
        ("0,value", "expected a line from 1 to"),
        ("999,value", "expected a line from 1 to"),
    ],
)
def test_an_address_without_a_number_is_refused_in_one_line(tmp_path, address, expected):
    trace = traced(tmp_path, built(tmp_path, random_labels))
    with pytest.raises(InputError, match=expected):
        trace.line(address)


def numbers(*methods):
    """A table in which two folds with two seeds each stand behind a mean of each method."""
    table = Numbers()
    printed = []
    index = pd.MultiIndex.from_product([(0, 1), (0, 1)], names=["fold", "seed"])
    for method in methods:
        single = pd.DataFrame({"run": [f"{method}/{number}" for number in range(4)], "error_last": 0.1}, index)
        table.of_runs({"method": method}, single)
        mean = table.computed({"method": method}, {"mean": 0.1}, single["run"])["mean"]
        printed.append({"": method, "mean": Cell("10.00", mean)})
    return table.table(pd.DataFrame(printed))


def test_every_line_has_an_address_that_means_it(tmp_path):
    for table in (numbers("Smooth FixMatch-sq", SQ), built(tmp_path, transitions)):
        trace = traced(tmp_path, table)
        assert [trace.line(trace.address(line)) for line in range(len(trace.tidy))] == list(range(len(trace.tidy)))


def test_a_variant_s_label_with_a_comma_is_one_name(tmp_path):
    trace = traced(tmp_path, numbers("Smooth FixMatch-sq", SQ))
    assert trace.runs(trace.line(f"{SQ},mean")) == [f"{SQ}/{number}" for number in range(4)]
    assert trace.runs(trace.line("Smooth FixMatch-sq,mean")) == [f"Smooth FixMatch-sq/{number}" for number in range(4)]


def test_an_address_may_leave_out_what_does_not_distinguish(tmp_path):
    trace = traced(tmp_path, built(tmp_path, random_labels, labels=[20]))
    assert trace.line("FixMatch,mean") == trace.line("FixMatch,20,mean")


def test_several_numbers_of_one_name_are_addressed_by_their_lines(tmp_path):
    trace = traced(tmp_path, built(tmp_path, transitions))
    pooled = trace.tidy.index[trace.tidy["quantity"] == "p_value"]
    assert [trace.address(line) for line in pooled[:2]] == [f"{line + 1},value" for line in pooled[:2]], (
        "with two sizes, the single transition and all together are of the same sizes"
    )


def test_the_record_of_thousands_of_runs_is_small(tmp_path):
    table = built(tmp_path, random_labels, folds=200, labels=range(40, 110, 10))
    save_table(table, "", "", tmp_path / "table")
    content = (tmp_path / "table.runs.json").read_text()
    assert len(json.loads(content)["runs"]) == 2_800
    assert len(content) < 250_000


def test_a_number_is_addressed_by_what_the_first_column_holds(tmp_path):
    numbers = Numbers()
    line = numbers.computed({"claim": "twins", "verdict": "undecided"}, {"verdict_at_level": 0.05}, ["a", "b"])
    numbers.computed({"claim": "twins", "fold": 1}, {"difference": 0.1}, ["a"])
    trace = traced(tmp_path, numbers.table(pd.DataFrame({"claim": [Cell("Twins", line["verdict_at_level"])]})))
    assert trace.runs(trace.line("twins,undecided,verdict_at_level")) == ["a", "b"]
    assert trace.runs(trace.line("twins,verdict_at_level")) == ["a", "b"], "without what is in between"
    with pytest.raises(InputError, match=r"no such number; expected what it is of \(twins\)"):
        trace.line("flips,n")


FORGED = {
    "a number beyond the groups": {"numbers": [10**6] * 200},
    "a group that is none": {"groups": [7] * 200},
    "a run beyond the runs": {"groups": [[10**6]] * 200},
    "runs by name": {"runs": {"a": "b"}},
    "nothing": {"groups": None},
    "a list": [],
    "a nest": None,
}


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_record_of_runs_ends_in_one_line(tmp_path, what):
    traced(tmp_path, built(tmp_path, random_labels))
    record = tmp_path / "table.runs.json"
    forged = FORGED[what]
    content = json.loads(record.read_text()) | forged if isinstance(forged, dict) else forged
    record.write_text("[" * 10**5 if content is None else json.dumps(content))
    with pytest.raises(
        InputError, match=r"table.runs.json: expected the runs behind table.csv, as a job writes"
    ) as one:
        _number(tmp_path / "table", "FixMatch,20,mean", "table.csv:FixMatch,20,mean")
    assert "\n" not in str(one.value)


@pytest.mark.parametrize("rows", ["{}\n", "quantity,value\n{}\n"], ids=["in its first row", "in another row"])
def test_a_table_of_a_million_columns_is_refused_before_it_is_parsed(tmp_path, rows):
    traced(tmp_path, built(tmp_path, random_labels))
    (tmp_path / "table.csv").write_text(rows.format("," * 10**6))
    with pytest.raises(InputError, match="expected at most 1,000 columns"):
        _number(tmp_path / "table", "FixMatch,20,mean", "table.csv:FixMatch,20,mean")


@pytest.mark.parametrize("address", ["Nothing,mean", "FixMatch,mean"])
def test_a_name_in_a_table_is_no_line_of_a_refusal(tmp_path, address):
    traced(tmp_path, built(tmp_path, random_labels))
    table = tmp_path / "table.csv"
    forged = pd.read_csv(table).replace(
        {"method": {"Smooth FixMatch": "x\n36 fresh\nseal intact\x1b[2J" + "a" * 10**6}}
    )
    forged["quantity"] = forged["quantity"].replace("error_last", "y\nseal intact")
    forged.to_csv(table, index=False)
    with pytest.raises(InputError, match="numbers; say more of|no such number; expected what it is of") as refused:
        _number(tmp_path / "table", address, f"table.csv:{address}")
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 3000
