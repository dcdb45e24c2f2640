"""Which results of a study a path or a name means, whatever else of that name is here."""

from pathlib import Path

import pytest

from spl.audit.planned import plan_study
from spl.audit.results import chosen_jobs
from spl.audit.targets import job_names
from spl.audit.why import audit_cell
from spl.errors import InputError

TINY = Path(__file__).parents[1] / "studies/tiny.yaml"


@pytest.fixture(scope="module")
def study():
    return plan_study(TINY)


def test_every_spelling_of_a_result_s_path_names_its_job_and_no_other(study):
    for job in study.jobs.values():
        for path in (*job.outputs, job.manifest):
            below = path.relative_to(study.results)
            for spelling in (path, below, Path.cwd() / path, f"./{path}"):
                assert job_names(study.jobs, str(spelling), study.results) == [job.name], spelling


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("table1.csv", ["tables/table1"]),
        ("fig4.manifest.json", ["figures/fig4"]),
        ("paper.html", ["paper"]),
        ("able1.csv", []),
        ("tables/table1.xlsx", []),
        ("fold1.json", [f"splits/digits/{scheme}/fold1" for scheme in ("balanced-40", "random-20", "random-30")]),
    ],
)
def test_the_last_parts_of_a_path_name_a_result(study, target, expected):
    assert job_names(study.jobs, target, study.results) == expected


def test_a_file_of_the_same_name_elsewhere_is_no_result(study, tmp_path, monkeypatch):
    """Somebody may have sent a table, whose reader asks for an audit of it."""
    monkeypatch.chdir(tmp_path)
    for path in ("tables/table1.csv", "table1.csv", study.results / "partial/paper.html"):
        name = str(path)
        assert bool(job_names(study.jobs, name, study.results)) == (not name.endswith("html"))
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
        assert job_names(study.jobs, name, study.results) == []


OTHERS = {
    "tables": "tables/anything",
    "./tables/": "tables/anything",
    "table1": "table1",
    "tables/table1": "tables/table1.csv",
    "runs/digits": "runs/digits/notes.txt",
    "fig4": "fig4.png",
    "paper": "paper.html",
    "runs": "runs.manifest.json/x",
}


@pytest.mark.parametrize("target", OTHERS)
def test_nothing_of_the_same_name_elsewhere_is_a_result(study, tmp_path, monkeypatch, target):
    """A folder, and a name without its ending, where a file of that name lies."""
    monkeypatch.chdir(tmp_path)
    known = job_names(study.jobs, target, study.results)
    assert known
    assert chosen_jobs(study, [target]) == known
    path = Path(OTHERS[target])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    if target != "runs":  # of which no result has this ending
        assert job_names(study.jobs, target, study.results) == []
        with pytest.raises(
            InputError, match="something else of this name is here, so give the whole path below results/"
        ):
            chosen_jobs(study, [target])
    below = study.results / target
    for spelling in (below, tmp_path / below):
        assert job_names(study.jobs, str(spelling), study.results) == known


def test_a_path_counts_where_it_leads(study, tmp_path, monkeypatch):
    """Links in it, and steps up behind links, which are not what they look like."""
    home, other = tmp_path / "home", tmp_path / "other/deep"
    for folder in (home, other, home / "sub"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(home)
    table = study.results / "tables/table1.csv"
    for place in (home, other.parent):
        (place / table).parent.mkdir(parents=True)
        (place / table).touch()
    (home / "away").symlink_to(other)
    (home / "here").symlink_to(home)
    (home / "proc").symlink_to("/proc/self/cwd")
    (home / "sent.csv").symlink_to(f"/proc/self/cwd/{table}")

    def names(target):
        return job_names(study.jobs, str(target), study.results)

    for spelling in (table, home / table, f"here/{table}", home / "here" / table, f"sub/../{table}"):
        assert names(spelling) == ["tables/table1"], spelling
    for spelling in (f"away/../{table}", home / f"away/../{table}", f"proc/{table}", "sent.csv", "away"):
        assert names(spelling) == [], spelling
    assert names(home / f"gone/../{table}") == [], "what is not here cannot be told"


def test_a_number_is_not_explained_by_a_table_of_the_same_name_elsewhere(study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="tables/table1: missing"):
        audit_cell(study, "tables/table1.csv:FixMatch,mean", False, None, None)
    Path("tables").mkdir()
    Path("tables/table1.csv").touch()
    for cell in ("tables/table1.csv:FixMatch,mean", "./tables/table1.csv:FixMatch,mean"):
        with pytest.raises(InputError, match=r"expected TABLE\.csv:ROW,COLUMN or .* with a table of "):
            audit_cell(study, cell, False, None, None)
