"""A study that is published with the code: whoever clones both adds a fold to it, and trains that one alone."""

import shlex
import subprocess

import pytest
from project import ROOT, Project

STUDY = "tests/studies/tiny.yaml"
RUN = "runs/digits/balanced-40/fold0/fixmatch/seed0"


@pytest.fixture
def clone(finished, tmp_path):
    """A clone of the project and of what .gitignore keeps of a published study, here of the tiny one."""
    ignored = (ROOT / ".gitignore").read_text().replace("results/digits/", "results/tiny/")
    (finished.folder / ".gitignore").write_text(ignored)
    identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    for command in (("init", "-q"), ("add", "."), (*identity, "commit", "-q", "-m", "published")):
        subprocess.run(["git", *command], cwd=finished.folder, check=True)
    subprocess.run(["git", "clone", "-q", finished.folder, tmp_path / "clone"], check=True)
    return Project.at(tmp_path / "clone")


def manifests(project):
    return {path.relative_to(project.results): path.read_bytes() for path in project.results.rglob("runs/**/*.json")}


def audited(project, *arguments):
    return project.run("spl", "audit", "--archive", "--study", STUDY, *arguments)


def test_it_is_vouched_for_as_it_comes_and_a_run_can_be_repeated(clone):
    assert not list(clone.results.rglob("weights.safetensors"))
    assert not list(clone.results.rglob("images.safetensors"))
    as_it_comes = audited(clone)
    assert as_it_comes.returncode == 0, as_it_comes.stdout
    clone.snakemake("results/tiny/data/digits/dataset.json")
    again = audited(clone, "--rerun", f"results/tiny/{RUN}")
    assert again.returncode == 0, again.stderr
    assert again.stdout.endswith(": the same bytes\n")


def test_its_page_is_made_of_what_comes_with_it(clone):
    published = manifests(clone)
    clone.snakemake("all", "--config", "partial=true")
    page = (clone.results / "partial/paper.html").read_text()
    assert page.count(f'href="#{RUN.replace("runs/", "run=")}') > 5, "numbers lead to the runs"
    assert manifests(clone) == published, "it trains nothing"


def test_a_fold_is_added_by_one_edit_and_the_commands_of_the_audit_and_trains_itself_alone(clone):
    published = manifests(clone)
    clone.edit(STUDY, "folds: [0, 1]", "folds: [0, 1, 2]")
    advised = [line.strip() for line in audited(clone).stdout.splitlines() if line.startswith("  s")]
    assert advised[0].startswith("snakemake --force results/tiny/data/digits/images.safetensors ")
    assert advised[1].startswith("snakemake all --touch --forceall ")
    for command in advised:
        done = clone.run(*shlex.split(command))
        assert done.returncode == 0, f"{command}: {done.stderr[-4000:]}"
    assert audited(clone).returncode == 0
    now = manifests(clone)
    assert {path: now[path] for path in published} == published
    assert {path.parts[3] for path in now.keys() - published.keys()} == {"fold2"}
    assert {path.relative_to(clone.results).parts[3] for path in clone.results.rglob("weights.safetensors")} == {
        "fold2"
    }
