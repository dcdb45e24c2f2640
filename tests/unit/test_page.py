"""What the page adds to the tables that it shows, and what a partial one leaves out."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from spl.paper.contents import item_inputs, items, on_the_page, page_parameter
from spl.paper.page import _comparisons
from spl.partial import NONE_DONE, partial_plan
from spl.plan import make_plan, run_parameter
from spl.study_file import check_study
from spl.tables import imbalance, summary
from spl.tables.form import save

DEMO = yaml.safe_load((Path(__file__).parents[2] / "config/demo.yaml").read_text())
TITLES = {"fixmatch": "FixMatch", "smooth-fixmatch": "Smooth FixMatch"}


def summarised(path, offset=0.0):
    """A summary of three folds, in all of which the second method gains two points."""
    rows = [
        {"run": f"{method}{fold}", "dataset": "digits", "method": method, "variant": "", "fold": fold, "seed": 0,
         "labels": 20, "network": "wrn-10-1", "error_last": 0.1 + fold / 100 - gain + offset}
        for method, gain in (("fixmatch", 0), ("smooth-fixmatch", 0.02))
        for fold in range(3)
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(("module", "more"), [(summary, {}), (imbalance, {"rows": ["mean"]})])
def test_the_page_tells_what_a_table_does_not_print(tmp_path, module, more):
    inputs = [summarised(tmp_path / "a.csv"), summarised(tmp_path / "b.csv", offset=-0.01)]
    table = module.build({"titles": TITLES, "baseline": "fixmatch", **more}, inputs[: len(more) + 1])
    save(table, "", "", tmp_path / "tables/t")
    found = {one["of"]: one for one in _comparisons({"kind": "table", "name": "t"}, tmp_path)}
    gained = found["Smooth FixMatch, gain"]
    assert (gained["pairs"], gained["p_value"], gained["smallest_p"], gained["effect_size"]) == (3, 0.125, 0.125, 1)
    assert [gained[key] for key in ("shift", "shift_low", "shift_high")] == pytest.approx([0.02] * 3)
    assert gained["shift_level"] == 0.75
    drops = [name for name in found if name.endswith("drop due to imbalance")]
    assert len(drops) == (2 if more else 0)


@pytest.fixture
def plan():
    return make_plan(check_study(DEMO, "demo.yaml"))


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
    shown = items(partial, "")
    page = json.loads(page_parameter(partial, shown))
    assert page["missing"] == len(plan.runs) - 29
    assert {"Table 5", "Figure 7"} <= set(page["left_out"])
    assert "Table 1" not in page["left_out"]
    names = {section["name"] for section in page["sections"]}
    assert {"table1", "fig1", "fig4", "basins-scarce-labels"} <= names, "splits alone make Figure 4"
    assert not {"table5", "fig7", "basins-random-labels"} & names
    for name, item in on_the_page(partial, shown).items():
        for path in item_inputs(partial, item):
            run = Path(path).parent.relative_to("runs").as_posix() if path.startswith("runs/") else None
            assert run not in partial.missing, f"{name} reads what is not there"
            assert not path.startswith("analysis/"), "a partial paper has summaries of its own"


def test_a_whole_paper_has_nothing_of_this(plan):
    page = json.loads(page_parameter(plan, items(plan, "")))
    assert (page["partial"], page["missing"], page["left_out"]) == (False, 0, [])
    assert "Partial" not in json.dumps(page["sections"])
