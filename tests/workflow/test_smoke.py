"""The tiny study from data to page, an audit of it and a change: what `make check` runs of the workflow."""

import json

import pytest

STUDY = "tests/studies/tiny.yaml"


@pytest.mark.smoke
def test_the_tiny_study_is_built_and_fresh_and_a_change_runs_what_it_touches(finished):
    page = (finished.results / "paper.html").read_text()
    assert all(f'id="{name}"' in page for name in ("fig4", "confusion", "table1", "table7"))

    audited = finished.spl("audit", "--json", "--study", STUDY)
    assert audited.returncode == 0, audited.stderr
    assert {node["verdict"] for node in json.loads(audited.stdout)["nodes"]} == {"fresh"}
    finished.edit(STUDY, "fold_seeds: [0, 1, 2]", "fold_seeds: [0, 1001, 2]")
    audited = finished.spl("audit", "--json", "--study", STUDY)
    assert audited.returncode == 1

    jobs = finished.planned("all")
    fold = {f"train digits/balanced-40/fold1/{method}/seed0" for method in ("fixmatch", "smooth-fixmatch")}
    assert {job for job in jobs if job.startswith("train ")} == fold
    assert {"analyse scarce-labels", "table table1", "paper"} <= jobs
