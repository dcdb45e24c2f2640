"""Studies whose runs are partly missing: what is made of runs that are done stays, the rest says that it is open."""

import importlib
import json
import re
from functools import cache
from types import SimpleNamespace
from zlib import crc32

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import write_predictions

from spl.data.splits import Split, write_split
from spl.paper.catalogue import CATALOGUE
from spl.paper.sections import every_experiment
from spl.tables import hyperparameters
from spl.tables.layout import save_table
from spl.tables.spreadsheet import SHEETS, write_spreadsheet

TITLES = {"fixmatch": "FixMatch", "flexmatch": "FlexMatch", "smooth-fixmatch": "Smooth FixMatch"}
METHOD_OF = {title: method for method, title in TITLES.items()}
BASINS = {"collapsed": 0.01, "partly_collapsed": 0.5, "recall": 0.25, "unstable": 0.05}
COMPARED = {"titles": TITLES, "baseline": "fixmatch"}
OUTCOMES = [
    "error_last", "error_best", "error_median", "median_over", "best_step", "last_step", "collapsed",
    "partly_collapsed", "collapses", "recovered", "smallest_column", "smallest_recall", "populated_diagonal",
    "basin", "unstable", "coverage", "purity",
]  # fmt: skip


def experiment(scheme="random", **varied):
    """A summary with a run for each combination of what varies; it does not matter here what came out."""
    keys = {"method": TITLES, "labels": [40], "momentum": [0.9], "fold": range(3), "seed": [0]} | varied
    planned = pd.MultiIndex.from_product(keys.values(), names=keys).to_frame(index=False)
    planned["variant"] = planned["momentum"].map(lambda momentum: "" if momentum == 0.9 else f"momentum={momentum}")
    planned["split"] = f"digits/{scheme}-" + planned["labels"].astype(str) + "/fold" + planned["fold"].astype(str)
    of_run = planned[["split", "method", "variant"]].assign(seed="seed" + planned["seed"].astype(str))
    planned["run"] = ["/".join(filter(None, parts)) for parts in of_run.to_numpy()]
    planned = planned.assign(dataset="digits", split_seed=planned["fold"], network="wrn-10-1", threshold=0.95)
    planned["lambda_u"] = np.where(planned["method"] == "smooth-fixmatch", 2.5, 1)
    last, low = np.array([(crc32(run.encode()) % 200 / 1000, crc32(run.encode()) % 3 == 0) for run in planned["run"]]).T
    return planned.assign(
        error_last=last, error_best=last / 2, error_median=last, median_over=20, best_step=np.where(low, 100, 190),
        last_step=200, coverage=0.5, purity=0.9,
        collapsed=np.where(low, "1", ""), partly_collapsed="", collapses=np.where(low, "1:100- 2:100-200", ""),
        recovered=np.where(low, "2", ""), smallest_column=0.8 * (1 - low), smallest_recall=last,
        populated_diagonal=np.where(low, 8, 10),
        basin=np.where(low, "low", "high"), unstable=last > 0.1,
    )  # fmt: skip


def case(*experiments, **parameter):
    return SimpleNamespace(experiments=experiments, parameter=COMPARED | parameter)


SIZES = experiment(labels=[40, 50, 60])
SEEDS = experiment(fold=[1], seed=[1, 2, 3])
MOMENTA = experiment(momentum=[0.8, 0.9, 0.95], fold=[0, 1])
FOLDS = experiment()
STABILITY = {"level": 0.2, "mean_below": 0.085, "std_below": 0.08}
CLASSES = {"classes": ["cat", "dog", "ship"], "basins": BASINS}
TABLES = {
    "summary": case(FOLDS, experiment(method=["supervised"]), titles=TITLES | {"supervised": "Fully supervised"}),
    "per_fold": case(FOLDS),
    "imbalance": case(experiment("imbalanced"), FOLDS, rows=["folds", "mean", "range"], keep=[0.5]),
    "initial_condition": case(SEEDS, FOLDS),
    "random_labels": case(SIZES),
    "transitions": case(SIZES, **STABILITY),
    "populated": case(SIZES),
    "grid": case(MOMENTA, setting="momentum"),
    "aggregate": case(FOLDS, MOMENTA, settings=["network", "threshold", "momentum", "lambda_u"]),
    "basin_switches": case(FOLDS),
    "within_basins": case(FOLDS),
    "weakest_classes": case(FOLDS),
    "instability": case(FOLDS),
    "sensitivity": case(MOMENTA, setting="momentum", default=0.9),
    "collapses": case(MOMENTA, **CLASSES),
}
FIGURES = {
    "against": case(MOMENTA, setting="momentum", label="momentum"),
    "fig5": case(SIZES, experiment(method=["supervised"]), setting="labels", label="labels",
                 titles=TITLES | {"supervised": "Fully supervised"}),
    "fig4": case(SIZES),
    "basins": case(FOLDS, **CLASSES),
    "collapse": case(FOLDS, evaluations=2, **CLASSES),
    "confusion": case(FOLDS, **CLASSES),
}  # fmt: skip
READ_RUNS = {"collapse", "confusion"}
NO_SUMMARY = {"fig1", "fig6", "curves"}
"""Formulas, and curves of the runs that are there."""


# They read the metrics or predictions of the runs themselves; tests of their own cover unfinished studies.
OF_METRICS = {"pseudo_labels", "twins", "training_measures", "claims", "regime"}


def test_every_table_and_figure_of_the_paper_is_covered_here():
    exhibits = (CATALOGUE | every_experiment.COLLAPSE | every_experiment.COMPARED).values()
    modules = {exhibit.module.split(".")[-1] for exhibit in exhibits}
    assert modules == {*TABLES, *FIGURES, *NO_SUMMARY, *OF_METRICS, "calibration", "hyperparameters", "spreadsheet"}


def blanked(planned, missing):
    """The summary of an experiment of which these runs are not done."""
    done = ~planned["run"].isin(missing)
    calibrated = done | (planned["method"] != "smooth-fixmatch")
    of_done = planned[OUTCOMES].astype(object).where(done)
    return planned.assign(**of_done, lambda_u=planned["lambda_u"].where(calibrated))


@st.composite
def missing_runs(draw, given):
    """Any runs of a case, but one of each of its experiments."""
    runs = {run for one in given.experiments for run in one["run"]}
    some = draw(st.sets(st.sampled_from(sorted(runs))))
    kept = {draw(st.sampled_from(one["run"].tolist())) for one in given.experiments}
    return (some if draw(st.booleans()) else runs - some) - kept


def of_splits():
    return SIZES[["split", "labels"]].drop_duplicates().sort_values("split").itertuples(index=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Labelled sets, and what the runs left behind."""
    found = tmp_path_factory.mktemp("study")
    for split, labels in of_splits():
        path = found / "splits" / f"{split}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        counts = [labels - 20, 10, 10]
        write_split(Split("random", int(split[-1]), list(range(labels)), [], None, counts, [99] * 3), path)
    for run in FOLDS["run"]:
        path = found / "results" / "runs" / run
        path.mkdir(parents=True)
        pd.DataFrame({"step": [100, 200], "test_error": [0.5, 0.4]}).to_csv(path / "metrics.csv", index=False)
        lost = [[13, 1, 1], [7, 1, 7], [1, 1, 13]]
        write_predictions(path / "predictions.safetensors", [np.full((3, 3), 5), lost])
    return found


def inputs_of(name, given, missing, folder):
    """The files that an exhibit gets: summaries, and what the runs left behind that are done."""
    paths = []
    for number, planned in enumerate(given.experiments):
        paths.append(folder / "results" / "partial" / f"{number}.csv")
        paths[-1].parent.mkdir(exist_ok=True)
        blanked(planned, missing).to_csv(paths[-1], index=False)
    if name == "fig4":
        return sorted(folder.rglob("fold*.json")) + paths
    if name not in READ_RUNS:
        return paths
    left = [path for path in sorted(folder.rglob("runs/**/*.*")) if path.is_file()]
    return paths + [path for path in left if path.parent.relative_to(folder / "results/runs").as_posix() not in missing]


def built(name, missing, folder):
    module = importlib.import_module(f"spl.tables.{name}")
    return module.build(TABLES[name].parameter, inputs_of(name, TABLES[name], missing, folder))


@cache
def complete_table(name, folder):
    return built(name, set(), folder)


def drawn(name, missing, folder):
    module = importlib.import_module(f"spl.figures.{name}")
    return module.draw(FIGURES[name].parameter, inputs_of(name, FIGURES[name], missing, folder))


def in_place(printed):
    """Cells by row and column, as text."""
    return {(row[0], name): cell for row in printed.to_numpy() for name, cell in zip(printed, row, strict=True)}


@pytest.mark.parametrize("name", TABLES)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_table_keeps_its_layout_whatever_is_missing(name, folder, data):
    missing = data.draw(missing_runs(TABLES[name]))
    complete, partial = complete_table(name, folder), built(name, missing, folder)
    assert partial.printed.columns.tolist() == complete.printed.columns.tolist()
    assert partial.printed.iloc[:, 0].tolist() == complete.printed.iloc[:, 0].tolist()
    assert not re.search("nan|None|inf", partial.printed.to_csv() + partial.note)
    assert "" not in partial.tidy.columns
    save_table(partial, "Table", "A caption.", folder / name)
    assert not re.search(r"\(\d+\)|not run|open|so far", complete.printed.to_csv() + complete.note), "no hint of it"


def own(title, quantity):
    """The methods behind a quantity of one of them."""
    compared = re.search(r"gain|\bp\b|low basin|→", quantity)
    return {"method": [METHOD_OF[title], *(["fixmatch"] if compared else [])]}


def sized(row, column, separator):
    title, _, quantity = row.partition(separator)
    return own(title, quantity) | {"labels": [int(one) for one in column.split(" → ")]}


FIRST = {"experiment": [0]}
BEHIND = {
    "summary": lambda row, column: {"method": ["supervised"]} if row == "Fully supervised" else own(row, column),
    "per_fold": lambda row, column: (
        {"method": [METHOD_OF[column]], "fold": [int(row)]} if row.isdigit() else own(column, row)
    ),
    "grid": lambda row, column: {"method": [METHOD_OF[row]], "momentum": [float(column)]},
    "random_labels": lambda row, column: sized(row, column, ": "),
    "transitions": lambda row, column: sized(row, column, ": "),
    "populated": lambda row, column: sized(row, column, ", ") | ({"fold": [int(row[-1])]} if row[-1].isdigit() else {}),
    "basin_switches": own,
    "weakest_classes": own,
    "instability": own,
    "aggregate": lambda row, column: own(row, "" if column in ("last − best", "largest") else "gain"),
    "imbalance": lambda row, column: (
        own(column, "") | {"experiment": [0, 1]} if "rise" in row else BEHIND["per_fold"](row, column) | FIRST
    ),
    "initial_condition": lambda row, column: own(row, "") | {"experiment": [int("folds" in column)]},
}
"""The runs that a cell is made from, by its row and column: the columns of the summary that tell them from others."""


@pytest.mark.parametrize("name", BEHIND)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_cell_is_as_it_will_be_or_tells_of_how_many_runs_it_is(name, folder, data):
    missing = data.draw(missing_runs(TABLES[name]))
    numbered = [one.assign(experiment=number) for number, one in enumerate(TABLES[name].experiments)]
    runs = pd.concat(numbered).drop_duplicates("run")
    tables = complete_table(name, folder), built(name, missing, folder)
    complete, partial = (in_place(table.printed) for table in tables)
    first, *_ = partial
    for (row, column), cell in partial.items():
        if column == first[1] or complete[row, column] == "" or re.search("Holm|best FixMatch −", row + column):
            continue  # Holm's correction depends on every comparison, the best and the worst are of two numbers of runs
        behind = BEHIND[name](row, column)
        of_cell = runs[runs[list(behind)].isin(behind).all(axis=1)]
        of_cell = of_cell.assign(done=~of_cell["run"].isin(missing))
        pairs = of_cell.groupby(["fold", "seed", "momentum"])["done"].agg(["all", "size"])
        pairs = pairs.loc[pairs["size"] == pairs["size"].max(), "all"]
        # Which value of a line is the lowest may still change.
        text, expected = (one.replace("**", "") for one in (cell, complete[row, column]))
        if pairs.all():
            assert text == expected
        elif not pairs.any():
            assert text == "–"
        else:
            assert re.search(r" \((\d+)\)$| of (\d+)$", text)[0].strip(" of()") == str(pairs.sum())


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_what_is_said_of_a_benchmark_under_way_stays_true(folder, data):
    missing = data.draw(missing_runs(TABLES["transitions"]))
    tables = complete_table("transitions", folder), built("transitions", missing, folder)
    complete, partial = (dict(re.findall(SAID, table.note)) for table in tables)
    assert partial.keys() == complete.keys() == METHOD_OF.keys()
    for title, said in partial.items():
        if said == "not stable":
            assert complete[title] == "not stable"
        elif said != "stable or not: open":
            assert int(complete[title].split()[-1]) <= int(said.split()[-1])


SAID = r"(\w[\w ]*): (?:p high|too few folds) .*?; (not stable|stable or not: open|stable from \d+)"


def test_a_transition_without_pairs_is_not_high_and_leaves_the_last_high_one_open(folder):
    def note_of(missing):
        return built("transitions", set(SIZES.loc[missing & (SIZES["method"] == "fixmatch"), "run"]), folder).note

    assert "FixMatch: p high at 2 of 2, last at 50 → 60;" in note_of(SIZES["labels"] == 0)
    assert "FixMatch: p high at 1 of 1, last at 50 → 60;" in note_of(SIZES["labels"] == 40)
    assert "FixMatch: p high at 1 of 1;" in note_of(SIZES["labels"] == 60)


@pytest.mark.parametrize("name", FIGURES)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_a_figure_shows_the_runs_that_are_done(name, folder, data):
    missing = data.draw(missing_runs(FIGURES[name]))
    figure, shown = drawn(name, missing, folder)
    figure.draw_without_rendering()
    assert len(shown)
    assert not missing & set(shown.get("run", []))
    assert shown.drop(columns="low_basin", errors="ignore").notna().all(axis=None)


def test_the_mean_of_fewer_runs_than_planned_is_hollow_and_a_method_without_runs_is_not_drawn(folder):
    of = MOMENTA.set_index(["method", "momentum", "fold"])["run"]
    missing = {of["smooth-fixmatch", 0.8, 0], of["fixmatch", 0.9, 0], of["fixmatch", 0.9, 1], *of["flexmatch"]}
    figure, _ = drawn("against", missing, folder)
    [axis], [legend] = figure.axes, figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["FixMatch", "Smooth FixMatch"]
    [hollow] = [line for line in axis.lines if line.get_markerfacecolor() == "white"]
    lines = {line.get_label(): line.get_xydata().tolist() for line in axis.lines}
    assert hollow.get_xydata().tolist() == lines["Smooth FixMatch"][:1]
    assert [momentum for momentum, _ in lines["FixMatch"]] == [0.8, 0.95]
    assert axis.get_xticks().tolist() == [0.8, 0.9, 0.95]


def test_the_hardest_fold_is_that_of_the_baseline_and_preliminary_while_runs_of_it_are_missing(folder):
    def title(missing):
        return drawn("fig5", missing, folder)[0].axes[0].get_title()

    baseline = SIZES[SIZES["method"] == "fixmatch"].set_index(["fold", "labels"])
    errors, runs = baseline["error_last"], baseline["run"]
    hardest = errors.groupby("fold").mean().idxmax()
    whole = f"fold {hardest}, the hardest:\nmean error of FixMatch {100 * errors[hardest].mean():.1f} %"
    assert title(set()) == title(set(SIZES.loc[SIZES["method"] == "flexmatch", "run"])) == whole
    easiest = errors[hardest].idxmin()
    mean = 100 * errors[hardest].drop(easiest).mean()
    partial = f"fold {hardest}, the hardest so far:\nmean error of FixMatch {mean:.1f} % (2)"
    assert title({runs[hardest, easiest]}) == partial
    without = r"fold \d, the hardest so far:\nmean error of the other methods [\d.]+ % \(6\)"
    assert re.fullmatch(without, title(set(runs)))


def test_whether_a_fold_had_trouble_is_open_until_one_run_did_or_all_are_done(folder):
    _, complete = drawn("fig4", set(), folder)
    missing = set(SIZES.loc[(SIZES["method"] == "fixmatch") & (SIZES["labels"] != 40), "run"])
    figure, partial = drawn("fig4", missing, folder)
    done = SIZES[~SIZES["run"].isin(missing)]
    low = set(done.loc[done["basin"] == "low", "split"])
    expected = [split in low or (None if labels != 40 else False) for split, labels in of_splits()]
    assert [None if pd.isna(one) else one for one in partial["low_basin"]] == expected
    assert complete["low_basin"].dtype == bool
    assert None in expected
    hollow = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "white"]
    assert {x for line in hollow for x in line.get_xdata()} <= {50, 60}


def test_a_calibration_that_is_missing_leaves_a_dash(tmp_path):
    columns = [
        {"title": data, "settings": {"lambda_u": "calibrated", "steps": 9}, "assumed": [], "calibration": f"{data}/sm"}
        for data in ("cifar-10", "cifar-100")
    ]
    path = tmp_path / "calibration" / "cifar-100" / "sm.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"weights": {"lambda_u": 1.5}}))
    for inputs, cells in (([], ["–†", "–†"]), ([path], ["–†", "1.5†"])):
        table = hyperparameters.build({"columns": columns}, inputs)
        assert table.printed.iloc[0].tolist() == ["λ_u", *cells]
        assert table.printed.iloc[1].tolist() == ["steps", "9", "9"]
        assert table.tidy["value"].isna().tolist() == [True, False, not inputs, False]


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_the_spreadsheet_has_the_cells_of_the_runs_that_are_done(folder, data):
    missing, books = data.draw(missing_runs(case(SIZES))), []
    for some in (set(), missing):
        inputs = inputs_of("spreadsheet", case(SIZES), some, folder)
        write_spreadsheet({"given": {"titles": TITLES}}, inputs, [folder / "book.xlsx"])
        books.append(openpyxl.load_workbook(folder / "book.xlsx"))
    run_of = {(TITLES[one.method], one.fold, f"{one.labels} labels"): one.run for one in SIZES.itertuples()}
    for sheet in SHEETS:
        complete, partial = (list(book[sheet].iter_rows(values_only=True)) for book in books)
        for (*row, expected), (*same, found) in zip(by_cell(complete), by_cell(partial), strict=True):
            assert row == same
            assert found == (None if run_of[*row] in missing else expected)


def by_cell(sheet):
    """Method, fold, number of labels and value of each cell."""
    heading, *rows = sheet
    return [(row[0], row[1], name, cell) for row in rows for name, cell in zip(heading[3:], row[3:], strict=True)]
