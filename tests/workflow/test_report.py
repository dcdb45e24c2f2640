"""Snakemake's own report of a study: every figure and table with the caption that it has on the page."""

import re
from html import unescape
from pathlib import PurePath

import yaml
from hostile import MARKUP, Structure
from snakemake_report import archive_of, report, results_of

from spl.paper.selection import exhibit_caption, exhibits
from spl.study.plan import make_plan
from spl.study.reading import read_study

CATEGORIES = {"figures": "Figures", "tables": "Tables", "analysis": "Analysis", ".": "Paper"}
SHOWN = {"figures": [".png"], "tables": [".csv", ".md"]}


def page_of(project):
    return archive_of(project).read("report/report.html").decode()


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
