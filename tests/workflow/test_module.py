"""Another workflow imports this one: as snakedeploy writes it, and as a part of something larger."""

import re
import subprocess

import pytest
import yaml
from project import ROOT, Project

DEPLOYED = """from snakemake.utils import min_version


min_version("6.10.0")


configfile: "config/config.yaml"


# declare https://github.com/somebody/smooth-pseudo-labeling as a module
module smooth_pseudo_labeling:
    snakefile:
        {snakefile}
    config:
        config


# use all rules from https://github.com/somebody/smooth-pseudo-labeling
use rule * from smooth_pseudo_labeling
"""
"""What `snakedeploy deploy-workflow URL FOLDER --tag TAG` writes, but for where the Snakefile is."""
LARGER = """
configfile: "config/larger.yaml"

rule everything:
    input: "spread.txt"

module smooth:
    snakefile: {snakefile}
    config: config["smooth"]

use rule * from smooth as smooth_*

rule spread:
    input: "results/tiny/figures/fig4.csv"
    output: "spread.txt"
    params: words=config["words"]
    shell: "echo {{params.words}} > {{output}} && head -n 1 {{input}} >> {{output}}"
"""


class Elsewhere(Project):
    """A folder with a workflow that imports this project's, and its own studies."""

    def __init__(self, folder, snakefile):
        self.folder = folder
        (folder / "workflow").mkdir()
        (folder / "config").mkdir()
        (folder / "workflow/Snakefile").write_text(snakefile)

    def environment(self):
        return super().environment() | {"PYTHONPATH": str(ROOT / "workflow")}

    def snakemake(self, *arguments):
        done = self.run("snakemake", "--cores", "2", *arguments)
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout + done.stderr


@pytest.fixture
def hosted(tmp_path_factory):
    """This project's files in a git repository: what a code host serves."""
    copy = Project(tmp_path_factory.mktemp("hosted"))
    git = ["git", "-C", copy.folder, "-c", "user.name=T", "-c", "user.email=t@example.org"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "as tested"]):
        subprocess.run([*git, *command], check=True)
    return f"git+file://{copy.folder}/workflow/Snakefile@main"


def jobs(text):
    return int(re.search(r"^total +(\d+)", text, flags=re.MULTILINE)[1])


def test_what_snakedeploy_writes_runs_with_the_flags_of_the_catalogue(hosted, tmp_path):
    deployed = Elsewhere(tmp_path, DEPLOYED.format(snakefile=f'"{hosted}"'))
    (tmp_path / "config/demo.yaml").write_bytes((ROOT / "tests/studies/tiny.yaml").read_bytes())
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    flags = usage["mandatory-flags"]["flags"].split()
    assert jobs(deployed.snakemake("-n", *flags)) == 38, "the whole tiny study"
    deployed.snakemake("fig4", *flags)
    assert (tmp_path / "results/tiny/figures/fig4.pdf").is_file()
    assert "Nothing to be done" in deployed.snakemake("fig4", *flags)
    audited = deployed.run("spl", "audit", "fig4", "--study", flags[-1])
    assert audited.returncode == 0, audited.stdout + audited.stderr


def test_a_larger_workflow_has_rules_and_settings_of_its_own_beside_it(tmp_path):
    larger = Elsewhere(tmp_path, LARGER.format(snakefile=f'"{ROOT / "workflow/Snakefile"}"'))
    study = yaml.safe_load((ROOT / "tests/studies/tiny.yaml").read_text())
    (tmp_path / "config/larger.yaml").write_text(yaml.safe_dump({"words": "spread of", "smooth": study}))
    assert "smooth_figure" in larger.snakemake()
    assert (tmp_path / "spread.txt").read_text() == "spread of\n" + (
        (tmp_path / "results/tiny/figures/fig4.csv").read_text().splitlines()[0] + "\n"
    )


def test_a_mistake_in_its_study_is_one_line(tmp_path):
    study = yaml.safe_load((ROOT / "tests/studies/tiny.yaml").read_text()) | {"titel": "A mistake"}
    text = f'module smooth:\n    snakefile: "{ROOT / "workflow/Snakefile"}"\n    config: {study}\n'
    refused = Elsewhere(tmp_path, f"{text}\nuse rule * from smooth\n").run("snakemake", "-n")
    assert refused.returncode == 2
    [line] = [line for line in refused.stderr.splitlines() if line.startswith("error: ")]
    assert line == "error: config: titel: unknown key; did you mean 'title'?"


def test_the_catalogue_finds_the_files_that_it_asks_for():
    for file in ("workflow/Snakefile", "config/README.md", "README.md", "LICENSE"):
        assert (ROOT / file).is_file(), file
