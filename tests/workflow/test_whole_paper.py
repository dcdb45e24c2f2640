"""Every figure and table of the paper, made from real if very short trainings."""

import json
import re
from contextlib import chdir
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

from spl.campaign.jobs import jobs
from spl.methods.methods import METHODS
from spl.paper.catalogue import CATALOGUE
from spl.paper.selection import exhibits
from spl.provenance.cells import rows_behind, runs_behind, select
from spl.study.plan import make_plan
from spl.study.reading import read_study

STUDY = "tests/studies/whole.yaml"
FILES = {
    "figure": ("figures", ("pdf", "png", "csv")),
    "table": ("tables", ("csv", "md", "tex")),
    "spreadsheet": ("tables", ("xlsx",)),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    from project import Project

    project = Project(tmp_path_factory.mktemp("whole"))
    done = project.run("snakemake", "all", "--cores", "2", "--configfile", STUDY)
    assert done.returncode == 0, done.stderr[-4000:]
    return project.folder / "results/whole"


def test_every_item_is_made_and_on_the_page(whole):
    page = (whole / "paper.html").read_text()
    made = exhibits(make_plan(read_study(Path(STUDY))), STUDY)
    assert set(CATALOGUE) < set(made)
    for name, exhibit in made.items():
        assert f'id="{name}"' in page
        folder, endings = FILES[exhibit.kind]
        for ending in endings:
            assert (whole / folder / f"{name}.{ending}").stat().st_size > 0
    assert "nan" not in re.sub(r"<[^>]*>", " ", page).split(), "nothing undefined is printed"


def test_every_number_of_every_table_is_traced_to_the_runs_that_give_it(whole):
    """Means and gains are computed again from the runs that an audit names behind them."""
    checked = {"mean": 0, "gain_mean": 0}
    with chdir(whole.parents[1]):
        plan = make_plan(read_study(Path(STUDY)))
        titles = {key: method.title for key, method in METHODS.items()}
        for name, job in jobs(plan, exhibits(plan, STUDY)).items():
            given = json.loads(job.parameter).get("given", {})
            tidy = pd.read_csv(f"results/whole/{name}.csv") if job.subcommand == "table" else pd.DataFrame()
            summaries = [pd.read_csv(path) for path in job.inputs if path.parent.name == "analysis"]
            baseline = given.get("titles", {}).get(given.get("baseline"))
            for _, number in tidy.iterrows() if "quantity" in tidy and summaries else ():
                runs = runs_behind(rows_behind(tidy, number, baseline), summaries, titles)
                assert runs, f"{name}: {dict(number)}"
                errors = {run: known["error_last"] for run, known in runs.items()}
                if number["quantity"] == "mean" and name != "tables/populated":
                    assert number["value"] == pytest.approx(np.mean(list(errors.values()))), f"{name}: {dict(number)}"
                    checked["mean"] += 1
                if number["quantity"] == "gain_mean" and baseline:
                    base = [run for run, known in runs.items() if known["method"] == given["baseline"]]
                    own = [run for run in runs if run not in base]
                    gain = np.mean([errors[run] for run in base]) - np.mean([errors[run] for run in own])
                    assert len(own) == len(base)
                    assert number["value"] == pytest.approx(gain, abs=1e-9), f"{name}: {dict(number)}"
                    checked["gain_mean"] += 1
    assert min(checked.values()) > 10


def test_every_number_of_every_table_leads_from_the_page_to_the_runs_behind_it(whole):
    """But for settings, which are given and not computed; each to the number that it prints."""
    page = (whole / "paper.html").read_text()
    index = json.loads(re.search('id="index">([^<]*)', page)[1])
    linked = re.findall('<a href="#cell=([^"]*)">(.*?)</a>', page)
    assert len(linked) > 300
    for address, text in linked:
        name, _, cell = unquote(address).partition(":")
        value = select(pd.read_csv(whole / f"tables/{name}.csv"), cell, name)["value"]
        printed = re.match("−?[0-9.]+", re.sub("<.*?>", "", text))[0].replace("−", "-")
        forms = (f"{100 * value:.2f}", f"{100 * value:.1f}", f"{100 * value:.2g}", f"{value:.2f}", f"{value:g}")
        assert printed in forms, f"{name}:{cell} is {value}"
        assert index["cells"][unquote(address)]
    without = re.findall(r'aria-label="([^"]*)">(?:(?!</table>).)*<td[^>]*>(?!<a)[^<]*\d', page, re.DOTALL)
    assert set(without) == {"Table 14", "Table 15", "Runs"}


def test_the_cells_of_a_table_are_those_of_the_runs(whole):
    runs = pd.read_csv(whole / "analysis/thresholds.csv")
    printed = (whole / "tables/table9.md").read_text()
    for error in runs["error_last"]:
        assert f"{100 * error:.2f}" in printed
