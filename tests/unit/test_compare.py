"""Errors of any code base, compared by the paper's protocol: against scipy, Table 7, and under what must not matter."""

import csv
import json
import os
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from fabricated import fabricate
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from project import ROOT
from scipy import stats
from typer.testing import CliRunner

from spl.analysis.compare import compare_methods
from spl.analysis.error_files import read_errors
from spl.analysis.power import power_of_methods
from spl.cli.statistics import app
from spl.errors import InputError
from spl.tables import per_fold
from spl.tables.comparison import comparison_table

FIXMATCH, SMOOTH = [5.2, 1.2, 9.2, 4.2, 4.4, 8.6], [6.0, 1.3, 4.2, 4.5, 4.1, 8.5]
few = settings(max_examples=25)  # each example reads files
errors_of_two = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=8)


def write(folder, text, name="errors.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows(more="", **methods):
    """Lines of a file for errors in percent by method."""
    return [f"{method},{fold},{error}{more}" for method, errors in methods.items() for fold, error in enumerate(errors)]


def file_of(lines, header="method,fold,error_percent"):
    return "\n".join([header, *lines]) + "\n"


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder for what hypothesis writes."""
    return tmp_path_factory.mktemp("errors")


def gains_of(path, **options):
    [comparison] = compare_methods(path, **options)
    return comparison.gains


def spl(*arguments):
    """What the command prints; an error of it is raised."""
    done = CliRunner().invoke(app, list(map(str, arguments)))
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


def test_both_tests_are_scipy_s_and_the_interval_is_that_of_the_walsh_averages(tmp_path):
    gain = gains_of(write(tmp_path, file_of(rows(FixMatch=FIXMATCH, Smooth=SMOOTH))), margin=0.005)["Smooth"]
    differences = np.round(np.subtract(FIXMATCH, SMOOTH) / 100, 10)
    for alternative, p in {"greater": gain.p_value, "less": gain.p_worse}.items():
        assert p == pytest.approx(stats.wilcoxon(differences, alternative=alternative, method="exact").pvalue)
    walsh = np.sort([(one + other) / 2 for i, one in enumerate(differences) for other in differences[: i + 1]])
    assert gain.shift.estimate == pytest.approx(np.median(walsh))
    assert (gain.shift.low, gain.shift.high) == (walsh[0], walsh[-1])  # the range is the interval of 31/32
    assert gain.shift.level == 1 - 2 / 64
    beyond = [
        stats.wilcoxon(differences + side, alternative=way).pvalue
        for side, way in ((0.005, "greater"), (-0.005, "less"))
    ]
    assert gain.p_equivalent == pytest.approx(max(beyond))
    assert gain.smallest_p == 1 / 64


@few
@given(errors_of_two, st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(place, errors, random):
    baseline, other = zip(*errors, strict=True)
    lines = rows(a=[n / 10 for n in baseline], b=[n / 10 for n in other])
    shuffled = random.sample(lines, len(lines))
    gains = [gains_of(write(place, file_of(order)), baseline="a", margin=0.01)["b"] for order in (lines, shuffled)]
    assert _numbers(gains[0]) == _numbers(gains[1])


@few
@given(errors_of_two, st.integers(1, 300))
def test_a_shift_of_all_errors_does_not_matter(place, errors, shift):
    found = []
    for more in (0, shift):
        baseline, other = ([(n + more) / 10 for n in column] for column in zip(*errors, strict=True))
        found.append(_numbers(gains_of(write(place, file_of(rows(a=baseline, b=other))))["b"]))
    assert found[0] == found[1]


@few
@given(errors_of_two)
def test_swapped_methods_flip_the_direction(place, errors):
    baseline, other = ([n / 10 for n in column] for column in zip(*errors, strict=True))
    path = write(place, file_of(rows(a=baseline, b=other)))
    [forth], [back] = (gains_of(path, baseline=name, margin=0.01).values() for name in "ab")
    assert (forth.p_value, forth.p_worse) == (back.p_worse, back.p_value)
    assert forth.p_equivalent == back.p_equivalent
    assert (forth.mean, forth.effect_size) == pytest.approx((-back.mean, -back.effect_size))
    shifts = [(gain.shift.estimate, gain.shift.low, gain.shift.high) for gain in (forth, back)]
    assert shifts[0] == pytest.approx((-shifts[1][0], -shifts[1][2], -shifts[1][1]))


@few
@given(errors_of_two)
def test_percent_and_shares_are_the_same_errors(place, errors):
    baseline, other = zip(*errors, strict=True)
    percent = file_of(rows(a=[n / 10 for n in baseline], b=[n / 10 for n in other]))
    shares = file_of(rows(a=[n / 1000 for n in baseline], b=[n / 1000 for n in other]), "method,fold,error")
    found = [_numbers(gains_of(write(place, text))["b"]) for text in (percent, shares)]
    assert found[0] == found[1]


def _numbers(gain):
    return {name: value for name, value in vars(gain).items() if name != "runs"}


def test_p_values_are_corrected_for_all_comparisons_on_all_data_sets(tmp_path):
    better = [error - 1 - number / 10 for number, error in enumerate(FIXMATCH)]
    lines = [line for name in ("a", "b") for line in rows(f",{name}", FixMatch=FIXMATCH, x=better, y=FIXMATCH)]
    compared = compare_methods(write(tmp_path, file_of(lines, "method,fold,error_percent,dataset")))
    assert [one.setting for one in compared] == ["a", "b"]
    assert [one.gains["x"].p_holm for one in compared] == [4 / 64, 4 / 64]
    assert [one.gains["y"].p_holm for one in compared] == [1, 1]


def test_seeds_make_pairs_of_their_own(tmp_path):
    lines = rows(",0", a=FIXMATCH, b=SMOOTH) + rows(",1", a=FIXMATCH, b=SMOOTH)
    assert gains_of(write(tmp_path, file_of(lines, "method,fold,error_percent,seed")))["b"].n == 12


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Results of a study of the paper's first experiment on six folds, Table 7 among them; their folder."""
    folder = tmp_path_factory.mktemp("study")
    tiny = yaml.safe_load((ROOT / "tests/studies/tiny.yaml").read_text())
    few = {**tiny["experiments"]["scarce-labels"], "folds": list(range(6))}
    few["methods"] = {"fixmatch": {}, "flexmatch": {}, "smooth-fixmatch": {"lambda_u": 1.0}}
    tiny["training"]["evaluate_late_every"] = 1  # so that the best error of some run is not its last
    tiny |= {"fold_seeds": list(range(6)), "experiments": {"scarce-labels": few}}
    (folder / "study.yaml").write_text(yaml.safe_dump(tiny, sort_keys=False))
    fabricate(folder / "study.yaml", folder, "tables/table7")
    return folder / "results/tiny"


def test_the_csv_of_table_7_gives_the_cells_of_table_7(study):
    lines = (study / "tables/table7.md").read_text().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    header, _, *body = cells
    printed = pd.DataFrame(body, columns=header).set_index("fold")
    [comparison] = compare_methods(study / "tables/table7.csv")
    again = comparison_table(comparison).printed.set_index("")
    assert list(again.columns) == list(printed.columns) == ["FixMatch", "FlexMatch", "Smooth FixMatch, λ_u = 1"]
    shared = [name for name in printed.index if not name.isdigit()]
    assert {"max", "min", "range", "gain wrt FixMatch", "p (better)", "p (better), Holm"} <= set(shared)
    pd.testing.assert_frame_equal(again.loc[shared], printed.loc[shared], check_names=False)


def test_the_csv_of_table_7_gives_its_numbers(study):
    found = json.loads(spl("compare", study / "tables/table7.csv", "--format", "json"))
    tidy = pd.read_csv(study / "tables/table7.csv")
    computed = tidy[tidy["fold"].isna()]
    [comparison] = found["comparisons"]
    for method, quantity, value in zip(computed["method"], computed["quantity"], computed["value"], strict=True):
        assert comparison["methods"][method][quantity] == pytest.approx(value, rel=1e-9), (method, quantity)


def test_the_summary_of_an_experiment_gives_the_numbers_of_its_table(study):
    of_table, of_summary = (gains_of(study / path) for path in ("tables/table7.csv", "analysis/scarce-labels.csv"))
    assert list(of_summary) == ["flexmatch", "smooth-fixmatch, λ_u = 1"]
    assert [_numbers(gain) for gain in of_summary.values()] == [_numbers(gain) for gain in of_table.values()]
    best = gains_of(study / "analysis/scarce-labels.csv", best=True)
    assert [gain.mean for gain in best.values()] != [gain.mean for gain in of_summary.values()]


def test_variants_are_compared_with_the_baseline_in_the_same_variant(tmp_path):
    lines = [
        f"r{method}{threshold}{fold},d,40,{method},threshold={threshold},{fold},0,{threshold},{error},{error}"
        for method, errors in (("a", (0.3, 0.4)), ("b", (0.2, 0.1)))
        for threshold in (0.9, 0.95)
        for fold, error in enumerate(np.array(errors) * threshold)
    ]
    header = "run,dataset,labels,method,variant,fold,seed,threshold,error_last,error_best"
    gains = gains_of(write(tmp_path, file_of(lines, header)))
    assert {label: gain.mean for label, gain in gains.items()} == pytest.approx(
        {"b, τ = 0.9": 0.2 * 0.9, "b, τ = 0.95": 0.2 * 0.95}
    )


GOOD = rows(a=[5, 6, 7], b=[4, 5, 5])
WRONG = {
    "an empty file": ("", "errors.csv: expected a first line with the columns method, fold and error, got an empty"),
    "no runs": (file_of([]), "errors.csv: expected a line for each run, got none"),
    "a missing column": (
        file_of(GOOD, "method,split,error"),
        "errors.csv, line 1: expected the columns method, fold, and error (a share) or error_percent, separated by "
        "commas; missing: fold",
    ),
    "semicolons": (file_of(GOOD).replace(",", ";"), "separated by commas; missing: method, fold, error"),
    "a column twice": (file_of(GOOD, "method,fold,fold"), "line 1: expected each column once, got fold twice"),
    "shares and percent": (
        "method,fold,error,error_percent\na,0,0.05,5\n",
        "errors.csv, line 1: expected one of the columns error and error_percent, got both",
    ),
    "percent in the column of shares": (
        file_of(GOOD, "method,fold,error"),
        "errors.csv, line 2, column error: expected a share from 0 to 1, got '5'; errors in percent belong in a column "
        "error_percent",
    ),
    "more than everything": (
        file_of([*GOOD, "b,3,101"]), "line 8, column error_percent: expected percent from 0 to 100, got '101'"
    ),
    "no number": (file_of([*GOOD, "b,3,5.2 %"]), "line 8, column error_percent: expected percent"),
    "a decimal comma": (file_of([*GOOD, 'b,3,"5,2"']), "line 8, column error_percent: expected percent"),
    "an underscore": (file_of([*GOOD, "b,3,5_2"]), "line 8, column error_percent: expected percent"),
    "a missing error": (file_of([*GOOD, "b,3,"]), "line 8, column error_percent: expected percent"),
    "not a number": (file_of([*GOOD, "b,3,nan"]), "column error_percent: expected percent from 0 to 100, got 'nan'"),
    "infinity": (file_of([*GOOD, "b,3,inf"]), "column error_percent: expected percent from 0 to 100, got 'inf'"),
    "a negative error": (file_of([*GOOD, "b,3,-1"]), "line 8, column error_percent: expected percent from 0 to 100"),
    "a run without a fold": (file_of([*GOOD, "b,,5"]), "line 8: expected a value in the column fold"),
    "a run without a method": (file_of([*GOOD, ",1,5"]), "line 8: expected a value in the column method"),
    "too few cells": (file_of([*GOOD, "b,3"]), "errors.csv, line 8: expected 3 columns as in line 1, got 2"),
    "too many cells": (file_of([*GOOD, "b,3,5,1"]), "errors.csv, line 8: expected 3 columns as in line 1, got 4"),
    "a run twice": (
        file_of([*GOOD, "b,1.0,5"]),
        "errors.csv, line 8: expected one run of b with fold 1 and seed 0, got a second one after line 6; seeds and "
        "data sets are told apart by columns seed and dataset",
    ),
    "an unpaired fold of a method": (
        file_of([*GOOD, "b,3,5"]),
        "errors.csv: expected a on the same folds and seeds as b, to pair runs; a lacks fold 3",
    ),
    "many unpaired folds of the baseline": (
        file_of([*GOOD, *(f"a,{fold},5" for fold in range(3, 10))]),
        "b lacks fold 3, fold 4, fold 5, fold 6, fold 7 and 2 more",
    ),
    "one method": (file_of(GOOD[:3]), "errors.csv: expected at least two methods, got a alone"),
    "an open quotation": (file_of([*GOOD, 'b,3,"5']), "errors.csv, line 8: expected CSV, separated by commas"),
    "another encoding": (file_of(["é,0,5"]).encode("latin-1"), "errors.csv: expected a CSV file in UTF-8"),
    "UTF-16": (file_of(GOOD).encode("utf-16"), "errors.csv: expected a CSV file in UTF-8"),
    "a summary with a variant of another form": (
        "run,dataset,labels,method,variant,fold,seed,error_last,error_best\nr,d,40,a,threshold,0,0,0.1,0.1\n",
        "errors.csv, line 2, column variant: expected SETTING=VALUE of settings that have columns, separated by commas",
    ),
    "a summary of runs that are not done": (
        "run,dataset,labels,method,variant,fold,seed,error_last,error_best\nr,d,40,a,,0,0,,\n",
        "errors.csv, line 2, column error_last: expected a share from 0 to 1, got ''",
    ),
    "digits of another script": (file_of([*GOOD, "b,3,\u0665"]), "line 8, column error_percent: expected percent"),
    "more runs than an exact test can take": (
        file_of([f"{method},{fold},5" for method in "ab" for fold in range(1001)]),
        "errors.csv: expected at most 1,000 runs of each method, got 1,001 of a",
    ),
    "a table without errors of runs": (
        "method,fold,quantity,value\na,,mean,0.1\n", "errors.csv: expected a table with the errors of runs"
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_file_gives_one_line_with_file_place_and_expectation(tmp_path, mistake):
    text, message = WRONG[mistake]
    path = write(tmp_path, text)
    with pytest.raises(InputError) as refused:
        compare_methods(path)
    assert message in str(refused.value)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_what_is_asked_for_and_not_there_gives_one_line(tmp_path):
    path = write(tmp_path, file_of(GOOD))
    with pytest.raises(InputError, match="expected runs of the baseline c, got those of a, b"):
        compare_methods(path, baseline="c")
    with pytest.raises(InputError, match="--best: expected a summary of runs or a folder of logs"):
        compare_methods(path, best=True)
    with pytest.raises(InputError, match="not found; expected a CSV file, or a folder of logs"):
        compare_methods(tmp_path / "none.csv")
    with pytest.raises(InputError, match="--margin 0: expected points of error, more than 0 and less than 100"):
        spl("compare", path, "--margin", 0)


def test_a_byte_order_mark_spaces_capitals_and_empty_lines_are_fine(tmp_path):
    text = "\ufeff Method , FOLD,error_percent\r\n\r\na, 0 ,5\r\n b ,0,4\r\n,,\r\n"
    found = read_errors(write(tmp_path, text)).settings[""]
    assert found[["method", "fold", "error_last"]].to_numpy().tolist() == [["a", 0, 0.05], ["b", 0, 0.04]]


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.touch() or os.truncate(path, 30 * 2**30)])
def test_what_is_no_file_or_would_fill_memory_is_not_read(tmp_path, make):
    make(tmp_path / "errors.csv")
    log = tmp_path / "logs/fixmatch_cifar10_40_0/log.txt"
    log.parent.mkdir(parents=True)
    make(log)
    for source in (tmp_path / "errors.csv", tmp_path / "logs"):
        with pytest.raises(InputError, match=r"cannot be read|expected folders of TorchSSL"):
            read_errors(source)


@pytest.mark.parametrize("value", ["1" * 5000, "[" * 100_000])
def test_a_value_of_a_variant_that_python_cannot_read_stays_a_text(tmp_path, value):
    header = "run,dataset,labels,method,variant,fold,seed,momentum,error_last,error_best"
    lines = [f"r{n}{method},d,40,{method},momentum={value},{n},0,m,0.1,0.1" for method in "ab" for n in (0, 1)]
    assert len(compare_methods(write(tmp_path, file_of(lines, header)))) == 1


HOSTILE = ["<script>&*_`|$x$", "[bold]red[/bold] \\textbf{%}", "=cmd|' /C calc'!A0", "\x1b[31mred\nb", ":smile:"]


@pytest.mark.parametrize("form", ["table", "markdown", "latex", "json"])
def test_names_stay_text_in_every_form(tmp_path, form):
    path = tmp_path / "errors.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["method", "fold", "error"], *([name, fold, 0.1] for name in HOSTILE for fold in range(3))]
        )
    shown = spl("compare", path, "--format", form)
    assert "\x1b[31m" not in shown
    visible = [name.replace("\x1b", "\\x1b").replace("\n", "\\n") for name in HOSTILE]
    if form == "json":
        assert list(json.loads(shown)["comparisons"][0]["methods"]) == visible
    elif form == "table":
        assert all(name in shown for name in visible)
    elif form == "markdown":
        assert r"\<script>&" not in shown.replace(r"\&", "")
        assert r"\<script>\&\*\_\`\|\$x\$" in shown
        assert {line.replace(r"\|", "").count("|") for line in shown.splitlines() if line.startswith("|")} == {6 + 1}
    else:
        assert r"\textbackslash{}textbf\{\%\}" in shown
        assert r"\textless{}script\textgreater{}\&*\_`\textbar{}\$x\$" in shown


def test_the_table_of_a_single_fold_has_no_test_and_still_prints(tmp_path):
    shown = spl("compare", write(tmp_path, file_of(rows(a=[5], b=[4]))))
    assert "gain wrt a" in shown
    assert "p (better)" not in shown


def test_the_same_file_gives_the_same_bytes(tmp_path):
    path = write(tmp_path, file_of(GOOD))
    copy = shutil.copy(path, tmp_path / "copy.csv")
    first, second = (spl("compare", one, "--format", "json").replace("copy", "errors") for one in (path, copy))
    assert first == second


def test_the_worked_example_of_the_page_prints_what_the_page_says(tmp_path, monkeypatch, capsys):
    page = (ROOT / "docs/statistics.md").read_text()
    monkeypatch.chdir(tmp_path)
    blocks = {token.info: token.content for token in MarkdownIt().parse(page) if token.type == "fence"}
    (tmp_path / "errors.csv").write_text(blocks["csv"])
    [command] = re.findall(r"^    spl (compare errors\.csv.+)$", page, flags=re.MULTILINE)
    shown = spl(*command.split())
    assert shown[shown.index("|") :] in page
    smooth, flexmatch = ([one.by_folds[5] for one in power_of_methods("errors.csv", 0.01)][place] for place in (1, 0))
    said = " ".join(page.replace(" %", "%").split())
    assert f"power of {smooth:.0%} for Smooth FixMatch, " in said
    assert f", and of {flexmatch:.0%} for FlexMatch, " in said
    exec(compile(blocks["python"], "statistics.md", "exec"), {})
    assert capsys.readouterr().out.startswith("0.00633")


def test_the_printed_table_is_that_of_per_fold(study):
    """Of all rows that Table 7 has, none is printed otherwise, whatever the margin."""
    parameter = {"titles": {"fixmatch": "FixMatch", "flexmatch": "FlexMatch", "smooth-fixmatch": "Smooth FixMatch"}}
    table = per_fold.build(parameter | {"baseline": "fixmatch", "margin": 0.01}, [study / "analysis/scarce-labels.csv"])
    expected = table.printed.set_index("fold")
    [comparison] = compare_methods(study / "tables/table7.csv", margin=0.01)
    again = comparison_table(comparison).printed.set_index("")
    shared = [name for name in expected.index if not name.isdigit()]
    assert "p (equivalent), Holm" in shared
    pd.testing.assert_frame_equal(again.loc[shared], expected.loc[shared], check_names=False)
