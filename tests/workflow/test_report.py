"""Snakemake's own report of a study: every figure and table with the caption that it has on the page."""

import json
import re
import shutil
from html import unescape
from pathlib import PurePath
from zipfile import ZipFile

from spl.paper.selection import exhibit_caption, exhibits
from spl.study.plan import make_plan
from spl.study.reading import read_study

CATEGORIES = {"figures": "Figures", "tables": "Tables", "analysis": "Analysis", ".": "Paper"}
SHOWN = {"figures": [".png"], "tables": [".csv", ".md"]}


def report(project, *given):
    """What a report says of each file that it shows; it is made without a network."""
    made = project.run(
        *("snakemake", "--cores", "1", "all", "--report", "report.zip", "--configfile", str(project.study), *given),
        **dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9"),
    )
    assert made.returncode == 0, made.stderr[-4000:]
    archive = ZipFile(project.folder / "report.zip")
    text = archive.read("report/report.html").decode()
    results, categories = (
        json.loads(re.search(rf"var {name} = ({{.*}});?\n", text)[1]) for name in ("results", "categories")
    )
    study = f"{project.results.relative_to(project.folder)}/"
    assert all(archive.read(f"report/{shown['data_uri']}") for shown in results.values())
    of = {path: name for name, parts in categories.items() for part in parts.values() for path in part}
    return {path.removeprefix(study): {**shown, "category": of[path]} for path, shown in results.items()}


def test_it_shows_every_figure_table_and_summary_in_its_category_with_its_caption(finished):
    shown = report(finished)
    plan = make_plan(read_study(finished.study))
    expected = {"paper.html": None, "analysis/scarce-labels.csv": None}
    for name, exhibit in exhibits(plan, "").items():
        folder = f"{exhibit.kind}s"
        for ending in SHOWN[folder]:
            expected[f"{folder}/{name}{ending}"] = (
                f"{exhibit.title}. {exhibit.heading}. {exhibit_caption(plan, exhibit)}"
            )
    assert shown.keys() == expected.keys()
    for path, caption in expected.items():
        assert shown[path]["category"] == CATEGORIES[str(PurePath(path).parent)]
        said = unescape(re.sub("<[^>]*>", "", shown[path]["caption"])).strip()
        assert said == caption if caption else said


def test_captions_say_of_a_partial_study_what_is_missing(finished):
    shutil.rmtree(finished.results / "runs/digits/balanced-40/fold1/smooth-fixmatch/seed0")
    finished.snakemake("all", "--config", "partial=true")
    shown = report(finished, "--config", "partial=true")
    assert "Partial: 3 of 4 runs are done" in shown["partial/figures/confusion.png"]["caption"]


def test_what_restructuredtext_takes_for_markup_stays_as_it_is_in_a_caption(finished):
    finished.edit(
        *("workflow/spl/paper/captions.py", "Computed from the formulas, without training."),
        r"*a* |b| `c` d_ \\e **f 1. Formulas_",
    )
    assert r"*a* |b| `c` d_ \e **f 1. Formulas_" in report(finished)["figures/fig1.png"]["caption"]
