"""The page of the whole paper, 357 runs of full length with made-up numbers: how large it is, how soon it is there."""

import re
from pathlib import Path

import pytest
from fabricated import fabricate
from playwright.sync_api import expect

STUDY = Path(__file__).parents[2] / "config/paper.yaml"


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    return fabricate(STUDY, tmp_path_factory.mktemp("paper"))


def test_the_whole_paper_is_one_file_of_less_than_10_megabytes(visit, paper):
    assert paper.stat().st_size < 10e6
    page = visit(paper)
    expect(page.locator("#runs output")).to_have_text("333 runs")
    expect(page.locator("#runs .note").last).to_contain_text("24 more short runs")
    for width in (1280, 375):
        page.set_viewport_size({"width": width, "height": 900})
        page.reload()
        paint = page.evaluate("performance.getEntriesByType('paint').map((one) => Math.round(one.startTime))")
        print(f"{paper.stat().st_size / 1e6:.1f} MB, {width} pixels wide: first paint after {paint[0]} ms")


def test_what_is_left_out_is_said(visit, paper):
    page = visit(paper, "#run=cifar-100/balanced-2500/fold0/fixmatch/seed0")
    shown = page.get_by_role("dialog")
    expect(shown).to_contain_text("8 of 378 evaluations are shown, evenly spread; the curve has ")
    expect(shown).to_contain_text("300 of 2500 labelled images are shown.")
    expect(shown.get_by_role("img", name="Confusion matrix of 100 classes.")).to_be_visible()
    page = visit(paper, "#run=cifar-10/balanced-40/fold0/fixmatch/seed0")
    expect(page.get_by_role("dialog")).to_contain_text(re.compile("24 of 378 .* All 40 labelled images.", re.DOTALL))
