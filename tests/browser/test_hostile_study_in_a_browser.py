"""No script of a hostile study runs in a browser: neither on the page nor in Snakemake's report."""

import json

import pytest
import yaml
from fabricated import fabricate
from hostile import CLASSES, MARKUP, study_of
from playwright.sync_api import expect

TEXTS = [" ".join(MARKUP)] * 3


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "study.yaml").write_text(yaml.safe_dump(study_of(folder / "images", CLASSES, TEXTS)))
    return fabricate(folder / "study.yaml", folder)


def test_the_page_shows_texts_and_classes_as_they_are_and_runs_none_of_them(visit, paper):
    page = visit(paper)
    expect(page.locator("h1")).to_have_text(TEXTS[0])
    for details in page.locator("details").all():
        details.evaluate("(one) => { one.open = true; }")
    page.wait_for_timeout(200)
    for run in page.locator("#runs tbody th a").all()[:2]:
        page.evaluate("(address) => { location.hash = address; }", run.get_attribute("href"))
        shown = page.get_by_role("dialog")
        for name in CLASSES:
            expect(shown.locator("th").get_by_text(name, exact=True).first).to_be_attached()
    assert page.evaluate("window.pwned") is None


def test_the_report_of_snakemake_shows_texts_as_they_are_and_runs_none_of_them(chromium, finished):
    study = yaml.safe_load(finished.study.read_text()) | {"title": TEXTS[0], "assumed": {"name": TEXTS[0]}}
    study["datasets"]["digits"]["stands_in_for"] = TEXTS[0]
    finished.study.write_text(yaml.safe_dump(study))
    finished.snakemake("all", "--report", "report.html")
    page = chromium.new_context(offline=True).new_page()
    wrong = []
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto((finished.folder / "report.html").as_uri())
    paths = json.loads(page.evaluate("JSON.stringify(Object.keys(results))"))
    assert len(paths) > 10
    for path in paths:
        page.evaluate("(path) => app.showResultInfo(path)", path)
        expect(page.get_by_text("Description")).to_be_visible()
    assert page.evaluate("window.pwned") is None
    assert wrong == []
