"""Every figure and table of the paper, made from real if very short trainings."""

import json
import re
from contextlib import chdir
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
from one_process import do_jobs, write_plan
from project import Project

from spl.campaign.jobs import jobs
from spl.paper.catalogue import CATALOGUE
from spl.paper.selection import exhibits
from spl.study.plan import make_plan
from spl.study.reading import read_study
from spl.tables.trace import Trace

STUDY = "tests/studies/whole.yaml"
FILES = {
    "figure": ("figures", ("pdf", "png", "csv")),
    "table": ("tables", ("csv", "md", "tex", "runs.json")),
    "spreadsheet": ("tables", ("xlsx",)),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """All jobs of the whole paper, done in one process: there are a hundred."""
    project = Project(tmp_path_factory.mktemp("whole"))
    do_jobs(project, STUDY, "avx2")
    return project


@pytest.fixture(scope="module")
def whole(project):
    return project.folder / "results/whole"


def test_snakemake_plans_the_same_jobs(project):
    """That no rule lacks one, or has one that no result comes from."""
    _, jobs = write_plan(project, STUDY)
    shown = project.run("snakemake", "all", "-n", "--forceall", "--configfile", STUDY).stdout
    outputs = {path for line in re.findall("^    output: (.*)$", shown, re.MULTILINE) for path in line.split(", ")}
    sealing = {"results/whole/ROOT.sha256 (update)", "results/whole/campaign/sealed"}
    assert sealing < outputs
    assert outputs - sealing == {str(path) for job in jobs.values() for path in job.outputs}


def test_every_job_is_fresh_as_it_was_made(project):
    """Data of every kind and every exhibit: nothing that is honest contradicts itself."""
    told = project.spl("audit", "--study", STUDY, "--json")
    nodes = json.loads(told.stdout)["nodes"]
    assert {node["name"]: node["why"] for node in nodes if node["verdict"] != "fresh"} == {}


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
    """Means and gains are computed again from the runs that the table recorded behind them."""
    checked = {"mean": 0, "gain_mean": 0}
    with chdir(whole.parents[1]):
        plan = make_plan(read_study(Path(STUDY)))
        tables = [job for job in jobs(plan, exhibits(plan, STUDY)).values() if job.subcommand == "table"]
        for job in tables:
            trace = Trace(job.outputs[0].with_suffix(""))
            summaries = [pd.read_csv(path) for path in job.inputs if path.parent.name == "analysis"]
            known = pd.concat(summaries).drop_duplicates("run").set_index("run") if summaries else None
            for line, number in trace.tidy.iterrows() if trace.computed and summaries else ():
                runs = known.loc[trace.runs(line)]
                assert len(runs) or not number["value"] > 0, f"{job.name}: {dict(number)}"
                if job.name == "tables/populated" or pd.notna(number.get("endpoint")):
                    continue  # of something else than the error
                if number["quantity"] == "mean":
                    assert number["value"] == pytest.approx(runs["error_last"].mean()), f"{job.name}: {dict(number)}"
                    checked["mean"] += 1
                if number["quantity"] == "gain_mean" and "baseline" in job.content["given"]:
                    of_baseline = runs["method"] == job.content["given"]["baseline"]
                    base, own = runs.loc[of_baseline, "error_last"], runs.loc[~of_baseline, "error_last"]
                    assert len(own) == len(base)
                    gain = base.mean() - own.mean()
                    assert number["value"] == pytest.approx(gain, abs=1e-9), f"{job.name}: {dict(number)}"
                    checked["gain_mean"] += 1
    assert min(checked.values()) > 10


def test_every_number_of_every_table_leads_from_the_page_to_the_runs_behind_it(whole):
    """But for settings, which are given, and weights, whose runs the page does not show; each to the number printed."""
    page = (whole / "paper.html").read_text()
    index = json.loads(re.search('id="index">([^<]*)', page)[1])
    linked = re.findall('<a href="#cell=([^"]*)">(.*?)</a>', page)
    assert len(linked) > 300
    for address, text in linked:
        name, _, cell = unquote(address).partition(":")
        trace = Trace(whole / "tables" / name)
        value = trace.tidy["value"][trace.line(cell)]
        assert index["cells"][unquote(address)]
        if cell.endswith(",verdict_at_level"):
            assert text.startswith(trace.tidy["verdict"][trace.line(cell)])
            continue
        if text.startswith("&gt; 1,000"):
            assert value > 1000
            continue
        if text.startswith("&lt; 0.001"):
            assert value < 0.001
            continue
        printed = re.match("−?[0-9.]+", re.sub("<.*?>", "", text))[0].replace("−", "-")
        rounded = (value, value * (1 - 1e-9), value * (1 + 1e-9))  # the file's ten digits can make a tie
        forms = [
            form
            for near in rounded
            for form in (
                *(f"{100 * near:.2f}", f"{100 * near:.1f}", f"{100 * near:.2g}", f"{100 * near:.3g}"),
                *(f"{near:.2f}", f"{near:.3f}", f"{near:.3g}"),
            )
        ]
        forms.append(f"{value:g}")
        assert printed in forms, f"{name}:{cell} is {value}"
    without = re.findall(r'aria-label="([^"]*)">(?:(?!</table>).)*<td[^>]*>(?!<a)[^<]*\d', page, re.DOTALL)
    words = {"Claims: folds to decide, tested by", "Claims: not run"}  # how many tests a group of claims has
    assert set(without) == {"Table 14", "Table 15", "Calibration", "Runs"} | words


def test_the_cells_of_a_table_are_those_of_the_runs(whole):
    runs = pd.read_csv(whole / "analysis/thresholds.csv")
    printed = (whole / "tables/table9.md").read_text()
    for error in runs["error_last"]:
        assert f"{100 * error:.2f}" in printed
