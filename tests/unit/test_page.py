"""What the page adds to the tables that it shows, and what a partial one leaves out."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from spl.campaign.parameters import page_parameter, run_parameter
from spl.campaign.partial import NONE_DONE, partial_plan
from spl.page.inputs import page_inputs
from spl.page.numbers import figure_numbers
from spl.page.parameter import on_the_page
from spl.page.render import write_page
from spl.page.traced import TracedTable, whole
from spl.paper.selection import exhibit_inputs, exhibits
from spl.study.plan import make_plan
from spl.study.reading import check_study
from spl.tables import aggregate, collapses, imbalance, summary, weakest_classes
from spl.tables.layout import Table, save_table

PROTOCOL = yaml.safe_load((Path(__file__).parents[1] / "studies/protocol.yaml").read_text())
TITLES = {"fixmatch": "FixMatch", "smooth-fixmatch": "Smooth FixMatch"}
SHOWN = [f"runs/{method}+{fold}" for method in TITLES for fold in range(3)]


def summarised(path, offset=0.0, losing="fixmatch"):
    """A summary of three folds, in all of which a method loses two points to the other."""
    path.parent.mkdir(exist_ok=True)
    rows = [
        {"run": f"runs/{method}+{fold}", "dataset": "digits", "method": method, "variant": "", "fold": fold, "seed": 0,
         "labels": 20, "network": "wrn-10-1", "error_last": error, "error_best": error, "error_median": error,
         "median_over": 15 if (method, fold) == ("fixmatch", 1) else 20, "best_step": 100, "basin": "low",
         "unstable": False, "coverage": 0.5, "purity": 0.9, "collapsed": "1", "partly_collapsed": "0" * (fold == 2),
         "smallest_column": 0.0, "smallest_recall": 0.0,
         "collapses": "1:10-", "recovered": ""}
        for method in TITLES
        for fold in range(3)
        if (error := 0.1 + fold / 100 + 0.02 * (method == losing) + offset)
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(("module", "more"), [(summary, {}), (imbalance, {"rows": ["mean"], "keep": [0.5]})])
def test_the_page_tells_what_a_table_does_not_print(tmp_path, module, more):
    inputs = [summarised(tmp_path / "a.csv"), summarised(tmp_path / "b.csv", offset=-0.01)]
    table = module.build({"titles": TITLES, "baseline": "fixmatch", **more}, inputs[: 2 if more else 1])
    save_table(table, "", "", tmp_path / "tables/t")
    found = {one["of"]: one for one in TracedTable(tmp_path / "tables/t", SHOWN).comparisons()}
    gained = found["Smooth FixMatch, keep 0.5, gain" if more else "Smooth FixMatch, gain"]
    assert (gained["pairs"], gained["p_value"], gained["smallest_p"], gained["effect_size"]) == (3, 0.125, 0.125, 1)
    assert gained["p_worse"] == 1
    assert [gained[key] for key in ("shift", "shift_low", "shift_high")] == pytest.approx([0.02] * 3)
    assert gained["shift_level"] == 0.75
    assert gained["links"]["shift"] == f"#cell=t:Smooth%20FixMatch,{'0.5,' if more else ''}shift"
    drops = [name for name in found if name.endswith("rise due to imbalance")]
    assert len(drops) == (2 if more else 0)


def test_an_endpoint_is_called_by_words(tmp_path):
    path = summarised(tmp_path / "a.csv")
    runs = pd.read_csv(path)
    runs.assign(smallest_column=runs["error_last"], smallest_recall=runs["error_last"]).to_csv(path, index=False)
    save_table(weakest_classes.build({"titles": TITLES, "baseline": "fixmatch"}, [path]), "", "", tmp_path / "t")
    found = [one["of"] for one in TracedTable(tmp_path / "t", SHOWN).comparisons()]
    assert found == ["Smooth FixMatch, smallest column, gain", "Smooth FixMatch, smallest recall, gain"]


def test_columns_that_are_details_have_a_table_of_their_own(tmp_path):
    table = summary.build({"titles": TITLES, "baseline": "fixmatch"}, [summarised(tmp_path / "a.csv")])
    save_table(replace(table, note="a note", details=("std",)), "", "", tmp_path / "t")
    traced = TracedTable(tmp_path / "t", SHOWN)
    shown, details = (
        re.findall("<th style[^>]*right[^>]*>(.*?)</th>", one()) for one in (traced.html, traced.details_html)
    )
    assert details == ["std"]
    assert shown
    assert "std" not in shown
    assert "a note" in traced.html()
    assert "a note" not in traced.details_html()
    assert set(re.findall("#cell=t:[^,]*,([a-z]+)", traced.details_html())) == {"std"}


def test_folded_rows_have_a_table_of_their_own_with_the_columns_in_which_they_differ(tmp_path):
    numbers = pd.DataFrame({"claim": ["a", "b", "c"], "quantity": "n", "value": [2, 0, 0]})
    printed = pd.DataFrame({"claim": ["a", "b", "c"], "n": ["2", "–", "–"], "tested by": ["x", "y", "z"]})
    table = Table(numbers, printed, note="a note", details=("tested by",), folded=2)
    save_table(table, "", "", tmp_path / "t")
    traced = TracedTable(tmp_path / "t", SHOWN)

    def cells(html):
        return re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", html)

    assert traced.folded == 2
    assert cells(traced.html()) == ["claim", "n", "a", "2"]
    assert "a note" in traced.html()
    assert cells(traced.details_html()) == ["claim", "tested by", "a", "x"]
    assert cells(traced.folded_html()) == ["claim", "tested by", "b", "y", "c", "z"]
    assert traced.folded_html().count("<tr>") == 3


def test_comparisons_of_runs_are_of_methods_and_one_pair_is_none(tmp_path):
    path = summarised(tmp_path / "a.csv")
    given = {"titles": TITLES, "baseline": "fixmatch", "settings": []}
    runs = pd.read_csv(path).assign(split="", split_seed=0, error_best=0.05)
    for kept in (runs, runs[runs["fold"] == 0]):
        kept.to_csv(path, index=False)
        save_table(aggregate.build(given, [path]), "", "", tmp_path / f"tables/t{len(kept)}")
    assert [one["of"] for one in TracedTable(tmp_path / "tables/t6", SHOWN).comparisons()] == ["Smooth FixMatch, gain"]
    assert TracedTable(tmp_path / "tables/t2", SHOWN).comparisons() == []


def test_words_with_a_hyphen_are_not_broken_and_a_value_stays_with_its_name_and_its_sign():
    text = "Smooth FixMatch-sq, WRN-10-1, last - best, -0.5 to 3"
    assert re.findall('<span class="whole">(.*?)</span>', whole(text)) == ["FixMatch-sq,", "WRN-10-1,"]
    assert re.sub("<.*?>", "", whole(text)) == text
    assert whole("Smooth, τ = 0.9: 3 ± 1 %") == "Smooth, τ\xa0=\xa00.9: 3\xa0±\xa01\xa0%"


COMMON = {
    "kind": "table", "title": "Table", "heading": "", "caption": "", "part": "all", "detail": False,
    "experiments": [], "terms": {},
}  # fmt: skip


def page_of(folder, *sections, **more):
    """The parameter of a page with these sections, made of summaries in a folder, which gets the data's description."""
    (folder / "data/digits").mkdir(parents=True, exist_ok=True)
    (folder / "data/digits/dataset.json").write_text(json.dumps({"classes": ["cat", "dog"]}))
    return {
        "title": "", "study": "", "sections": [COMMON | section for section in sections],
        "assumed": {}, "experiments": ["one"], "stand_ins": {}, "runs": 6, "missing": 0, "products": "", "left_out": [],
        "trained": [], "methods": TITLES, "basins": {"unstable": 0.05}, "rebuilds_the_paper": True,
        "conditions": {section.get("part", "all"): {} for section in sections}, **more,
    }  # fmt: skip


def written(folder, given, records=None):
    """The page, and the script beside it."""
    outputs = [folder / "paper.html", folder / "paper.records.js"]
    write_page(given, [folder / path for path in page_inputs(given)], outputs, records or {})
    return tuple(path.read_text() for path in outputs)


def test_the_page_of_a_study(tmp_path):
    path = summarised(tmp_path / "analysis/one.csv", losing="smooth-fixmatch")
    save_table(summary.build({"titles": TITLES, "baseline": "fixmatch"}, [path]), "", "", tmp_path / "tables/gains")
    limits = {"classes": ["cat", "dog"], "basins": {"partly_collapsed": 0.5}}
    save_table(collapses.build({"titles": TITLES} | limits, [path]), "", "", tmp_path / "tables/when")
    folded = {"detail": True, "title": "Table 2", "terms": {"Steps": "as above, and p of Holm."}}
    given = page_of(tmp_path, {"name": "gains"}, folded | {"name": "when"})
    page, _ = written(tmp_path, given)
    assert "Every number in a table that is computed from the runs below links to them" in page, (
        "those of figures do not"
    )
    again, circumstances = written(tmp_path, given, {"run": {"host": "another"}})
    assert again == page, "machines and times are in a file beside it"
    assert "another" in circumstances
    contents = re.search("<nav.*?</nav>", page, re.DOTALL)[0]
    assert '<a href="#gains">Table</a>' in contents
    assert '<li>More: <a href="#when">Table 2</a></li>' in contents, "what is folded, too"
    assert page.count("How to read this table") == 1
    assert re.search('<dt>Steps</dt><dd>as above, and p of <a class="term"[^>]*>Holm</a>', page), "and explained, too"
    cells = re.findall(r"<t[dh]([^>]*)>(.*?)</t[dh]>", page, re.DOTALL)
    assert not [cell for _, cell in cells if re.search(r"-\d", re.sub("<.*?>", "", cell))], "a hyphen is no minus"
    assert "−2.00 to −2.00" in re.sub("<.*?>", "", page)
    sides = {re.sub("<.*?>", "", cell): side for side, cell in cells}
    assert "left" in sides["collapsed in steps"]
    listed = re.findall("<tr data-experiments.*?</tr>", page, re.DOTALL)
    assert ["low" in row for row in listed] == [False] * 6, "beside an error, basins read as if they were about it"
    assert [re.search('text">(.*?)<', row)[1] for row in listed] == ["dog", "dog", "dog; partly cat"] * 2
    assert "right" in sides["fold"]
    assert sides["dog"] == ' class="text"'
    assert [cell for _, cell in cells if re.fullmatch(r"\d+\.\d\d \(\d+\)", cell)] == ["11.00 (15)"]
    assert '<span class="whole">runs/</span><wbr><span class="whole">smooth-fixmatch+</span><wbr>' in page
    assert '<a href="#cell=gains:Smooth%20FixMatch,mean">13.00</a>' in page
    assert re.search('<a href="#cell=gains:FixMatch,mean"><strong>11.00</strong></a>', page), "the lowest is bold"
    assert '<a href="#run=runs/fixmatch+1">' in page, "a line of a run leads to it"


def test_the_contents_come_first_but_for_the_verdict_on_the_claims(tmp_path):
    path = summarised(tmp_path / "analysis/one.csv")
    for name in ("claims", "gains", "more"):
        save_table(
            summary.build({"titles": TITLES, "baseline": "fixmatch"}, [path]), "", "", tmp_path / "tables" / name
        )
    for first, order in (("claims", ["claims", "nav", "more"]), ("gains", ["nav", "gains", "more"])):
        given = page_of(tmp_path, {"name": first, "part": "first"}, {"name": "more", "part": "second"})
        page, _ = written(tmp_path, given)
        found = re.findall('<(nav)|<article id="(.*?)"', page)
        assert ["".join(names) for names in found] == order


@pytest.mark.parametrize("assumed", [{}, {"seeds": "one, to save time; the paper uses six"}])
def test_a_page_says_of_assumed_values_what_is_true_with_and_without_them(tmp_path, assumed):
    path = summarised(tmp_path / "analysis/one.csv")
    save_table(summary.build({"titles": TITLES, "baseline": "fixmatch"}, [path]), "", "", tmp_path / "tables/gains")
    page, _ = written(tmp_path, page_of(tmp_path, {"name": "gains", "caption": "Assumed: all."}, assumed=assumed))
    heading = "Assumed values <span>· not given in our copy of the paper, or changed</span>"
    assert (heading in page) == bool(assumed)
    [said] = re.findall('data-says="(.*?)">Assumed<', page)
    assert "its reason, if the study gives one, stands under Assumed values" in said


def test_the_numbers_of_a_figure_are_for_people(tmp_path):
    path = tmp_path / "figure.csv"
    path.write_text(
        "method,row,threshold,fold,error_last,coverage_std,normalised_std,low_basin,steps,run,momentum\n"
        "fixmatch,Mine,0.95,fold3,0.1234567891,,0.4472135955,True,1048576,digits/a-b/seed0,0.9\n"
        "mine,Mine,0.95,0,0.5,0,-1.234567e-07,False,3,,0.9\n"
    )
    shown = figure_numbers(path, {"fixmatch": "FixMatch"})
    assert shown == {
        "columns": ["method", "runs of", "τ", "fold", "last error, %", "coverage, std, %",
                    "std / mean of the class counts", "low basin", "steps", "run", "momentum"],
        "rows": [["FixMatch", "Mine", "0.95", "3", "12.35", "–", "0.4472", "yes", "1048576", "digits/a-b/seed0", "0.9"],
                 ["mine", "Mine", "0.95", "0", "50.00", "0.00", "−1.235e−07", "no", "3", "–", "0.9"]],
        "of": 2,
    }  # fmt: skip


@pytest.fixture
def plan():
    return make_plan(check_study(PROTOCOL, "protocol.yaml"))


def finish(plan, results, runs, **changed):
    for run in runs:
        (results / "runs" / run).mkdir(parents=True)
        recorded = json.loads(run_parameter(plan, run)) | changed
        (results / "runs" / run / "parameters.json").write_text(json.dumps(recorded))


def test_a_partial_plan_knows_what_is_done(plan, tmp_path):
    done = plan.experiments["scarce-labels"]
    finish(plan, tmp_path, done[1:])
    finish(plan, tmp_path, plan.experiments["momentum"][-1:], code="of yesterday")
    partial = partial_plan(plan, tmp_path)
    assert partial.missing & plan.runs.keys() == plan.runs.keys() - set(done[1:]), "another code is another run"
    assert partial.off["random-labels"] == NONE_DONE
    assert partial.experiments["random-labels"] == []
    assert partial.experiments["scarce-labels"] == done, "what is planned stays planned"


def test_a_partial_page_shows_what_there_is_and_names_the_rest(plan, tmp_path):
    finish(plan, tmp_path, plan.experiments["scarce-labels"][1:])
    partial = partial_plan(plan, tmp_path)
    shown = exhibits(partial, "")
    page = json.loads(page_parameter(partial, shown))
    assert page["missing"] == len(plan.runs) - 29
    assert {"Table 5", "Figure 7"} <= set(page["left_out"])
    assert "Table 1" not in page["left_out"]
    names = {section["name"] for section in page["sections"]}
    assert {"table1", "fig1", "fig4", "basins-scarce-labels"} <= names, "splits alone make Figure 4"
    assert not {"table5", "fig7", "basins-random-labels"} & names
    for name, exhibit in on_the_page(partial, shown).items():
        for path in exhibit_inputs(partial, exhibit):
            run = Path(path).parent.relative_to("runs").as_posix() if path.startswith("runs/") else None
            assert run not in partial.missing, f"{name} reads what is not there"
            assert not path.startswith("analysis/"), "a partial paper has summaries of its own"
    read = page_inputs(page)
    assert {path.split("/")[0] for path in read} == {"partial", "runs", "splits", "data"}
    runs = {Path(path).parent.relative_to("runs").as_posix() for path in read if path.startswith("runs/")}
    assert runs == set(plan.experiments["scarce-labels"][1:])

    page = json.loads(page_parameter(plan, exhibits(plan, "")))
    assert (page["products"], page["missing"], page["left_out"]) == ("", 0, [])
    assert "Partial" not in json.dumps(page["sections"])
