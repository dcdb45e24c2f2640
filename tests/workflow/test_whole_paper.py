"""Every figure and table of the paper, made from real if very short trainings."""

import re
from pathlib import Path

import pandas as pd
import pytest

from spl.paper.contents import CONTENTS, items
from spl.plan import make_plan
from spl.study_file import read_study

STUDY = "tests/studies/whole.yaml"
FILES = {
    "figure": ("figures", ("pdf", "png", "csv")),
    "table": ("tables", ("csv", "md", "tex")),
    "spreadsheet": ("tables", ("xlsx",)),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    from conftest import Project

    project = Project(tmp_path_factory.mktemp("whole"))
    done = project.run("snakemake", "all", "--cores", "2", "--configfile", STUDY)
    assert done.returncode == 0, done.stderr[-4000:]
    return project.folder / "results/whole"


def test_every_item_is_made_and_on_the_page(whole):
    page = (whole / "paper.html").read_text()
    made = items(make_plan(read_study(Path(STUDY))), STUDY)
    assert set(CONTENTS) < set(made)
    for name, item in made.items():
        assert f'id="{name}"' in page
        folder, endings = FILES[item.kind]
        for ending in endings:
            assert (whole / folder / f"{name}.{ending}").stat().st_size > 0
    assert "nan" not in re.sub(r"<[^>]*>", " ", page).split(), "nothing undefined is printed"


def test_the_cells_of_a_table_are_those_of_the_runs(whole):
    runs = pd.read_csv(whole / "analysis/thresholds.csv")
    printed = (whole / "tables/table9.md").read_text()
    for error in runs["error_last"]:
        assert f"{100 * error:.2f}" in printed
