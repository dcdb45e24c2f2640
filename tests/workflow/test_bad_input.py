"""A wrong study ends before any job: status 2, one clear line, nothing written."""

import re

import pytest

TINY = "tests/studies/tiny.yaml"


def refused_alike(project):
    """The one line with which Snakemake and `spl plan` both end."""
    lines = set()
    for command in (["snakemake", "--cores", "1", "all", "--configfile", TINY], ["spl", "plan", TINY]):
        refused = project.run(*command)
        assert refused.returncode == 2, refused.stderr
        assert "Traceback" not in refused.stderr
        lines.update(line for line in refused.stderr.splitlines() if "error" in line.lower())
    [line] = lines
    return line


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("steps: 150", "stepps: 150", "training.stepps: unknown key; did you mean 'steps'?"),
        ("folds: [0, 1]", "folds: [0, 0]", "experiments.scarce-labels.folds: 0 is listed twice"),
        ("mu: 3", "mu: 3\n  threshold: 1", "training.threshold: expected less than 1, got 1"),
        ("name: tiny", "name: tiny\nname: other", "'name' is given twice"),
    ],
)
def test_snakemake_and_spl_refuse_it_alike(project, old, new, expected):
    project.edit(TINY, old, new)
    line = refused_alike(project)
    assert line.startswith(f"error: {TINY}")
    assert expected in line
    assert not (project.folder / "results").exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("- {subcommand: train, old: 3f, new: 9c, reason: a faster way}\n", "0.old: String should match pattern"),
        ("- [\n", "not YAML"),
    ],
)
def test_so_is_a_declaration_of_equivalent_code(project, content, expected):
    file = project.folder / "config/equivalent.yaml"
    file.write_text(content)
    assert refused_alike(project).startswith(f"error: {file}: {expected}")


def test_the_demo_does_not_leak_into_a_study_that_says_too_little(project):
    (project.folder / "mine.yaml").write_text("name: mine\ntitle: Mine\ndatasets: {digits: {source: digits}}\n")
    refused = project.run("snakemake", "-n", "all", "--configfile", "mine.yaml")
    assert refused.returncode == 2
    assert "error: mine.yaml: experiments: missing" in refused.stderr


def test_a_damaged_data_set_is_named(finished):
    images = finished.results / "data/digits/images.safetensors"
    content = bytearray(images.read_bytes())
    content[-1] ^= 255
    images.write_bytes(content)
    [plan] = finished.results.glob("campaign/plan-*.json")
    run = "runs/digits/balanced-40/fold0/fixmatch/seed0"
    refused = finished.run("spl", "train", plan, run, "--checkpoints", "checkpoints")
    assert refused.returncode == 2
    assert "expected the array with sha256" in refused.stderr


HOSTILE = "__use_yte__: true\n__definitions__:\n  - import pathlib\n?pathlib.Path('pwned').touch() or 'name': tiny\n"


def test_a_study_from_somebody_else_runs_no_code(project):
    (project.folder / "theirs.yaml").write_text(HOSTILE + project.study.read_text())
    for command in (("snakemake", "-n", "--config", "study=theirs.yaml"), ("spl", "plan", "theirs.yaml")):
        refused = project.run(*command)
        assert refused.returncode == 2
        assert "error: theirs.yaml: __use_yte__: unknown key" in refused.stderr
        assert not (project.folder / "pwned").exists()
    project.run("snakemake", "-n", "--configfile", "theirs.yaml")
    assert (project.folder / "pwned").exists(), "or Snakemake's reader has become safe, and the README says otherwise"


def test_a_study_that_is_handed_over_so_is_planned_as_by_configfile(project):
    shown = []
    for given in (("--config", f"study={project.study}"), ("--configfile", project.study)):
        planned = project.run("snakemake", "-n", "-p", "all", *given)
        assert planned.returncode == 0, planned.stderr[-2000:]
        # Snakemake lists jobs that are ready together in no particular order.
        shown.append(sorted(re.findall(r"^ +(?:output: |spl ).*", planned.stdout, re.MULTILINE)))
    assert shown[0] == shown[1]
    assert len(shown[0]) > 20
