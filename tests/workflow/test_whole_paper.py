"""Every figure and table of the paper, made from real if very short trainings."""

import re

import pandas as pd
import pytest

from spl.paper.contents import CONTENTS

STUDY = "tests/studies/whole.yaml"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    from conftest import Project

    project = Project(tmp_path_factory.mktemp("whole"))
    done = project.run("snakemake", "all", "--cores", "2", "--configfile", STUDY)
    assert done.returncode == 0, done.stderr[-4000:]
    return project.folder / "results/whole"


def test_every_item_is_made_and_on_the_page(whole):
    page = (whole / "paper.html").read_text()
    for name, item in CONTENTS.items():
        assert f'id="{name}"' in page
        for ending in ("pdf", "png", "csv") if item.kind == "figure" else ("csv", "md", "tex"):
            assert (whole / f"{item.kind}s" / f"{name}.{ending}").stat().st_size > 0
    assert "nan" not in re.sub(r"<[^>]*>", " ", page).split(), "nothing undefined is printed"


def test_the_cells_of_a_table_are_those_of_the_runs(whole):
    runs = pd.read_csv(whole / "analysis/thresholds.csv")
    printed = (whole / "tables/table9.md").read_text()
    for error in runs["error_last"]:
        assert f"{100 * error:.2f}" in printed
