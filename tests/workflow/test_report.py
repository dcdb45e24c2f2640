"""Snakemake's own report of a study: every figure and table with the caption that it has on the page."""

import json
import re
import shutil
from html import unescape
from pathlib import PurePath
from zipfile import ZipFile

import yaml
from hostile import MARKUP, Structure

from spl.paper.selection import exhibit_caption, exhibits
from spl.study.plan import make_plan
from spl.study.reading import read_study

CATEGORIES = {"figures": "Figures", "tables": "Tables", "analysis": "Analysis", ".": "Paper"}
SHOWN = {"figures": [".png"], "tables": [".csv", ".md"]}


def archive_of(project, *given):
    """A report, made without a network."""
    made = project.run(
        *("snakemake", "--cores", "1", "all", "--report", "report.zip", "--configfile", str(project.study), *given),
        **dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9"),
    )
    assert made.returncode == 0, made.stderr[-4000:]
    return ZipFile(project.folder / "report.zip")


def page_of(project):
    return archive_of(project).read("report/report.html").decode()


def results_of(page, name="results"):
    return json.loads(re.search(rf"var {name} = ({{.*}});?\n", page)[1])


def report(project, *given):
    """What a report says of each file that it shows."""
    archive = archive_of(project, *given)
    text = archive.read("report/report.html").decode()
    results, categories = (results_of(text, name) for name in ("results", "categories"))
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


def test_nothing_of_a_study_is_markup_in_the_report(finished):
    before = page_of(finished)
    study = yaml.safe_load(finished.study.read_text()) | {"title": " ".join(MARKUP), "assumed": {"name": MARKUP[0]}}
    study["datasets"]["digits"]["stands_in_for"] = " ".join(MARKUP)
    finished.study.write_text(yaml.safe_dump(study))
    after = page_of(finished)
    assert Structure(after).elements == Structure(before).elements, "no script but those that were there"
    captions = [{path: shown["caption"] for path, shown in results_of(page).items()} for page in (before, after)]
    for path, caption in captions[1].items():
        assert Structure(caption).elements == Structure(captions[0][path]).elements, path
    said = {path.rsplit("/", 1)[1]: "".join(Structure(caption).texts) for path, caption in captions[1].items()}
    assert " ".join(MARKUP) in said["paper.html"]
    assert f"(standing in for {' '.join(MARKUP)})" in said["table1.csv"]
