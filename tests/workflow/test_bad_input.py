"""A wrong study ends before any job: status 2, one clear line, nothing written."""

import re

import pytest

from spl.campaign.here import memory_here

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


def test_so_is_a_method_whose_file_is_none_if_the_study_names_it(project):
    (project.folder / "workflow/spl/methods/mine.py").write_text("METHOD = 3\n")
    project.has_own_code = True
    assert project.spl("plan", TINY).returncode == 0
    project.edit(TINY, "[fixmatch, smooth-fixmatch]", "[fixmatch, smooth-fixmatch, mine]")
    assert refused_alike(project) == (
        f"error: {TINY}: experiments.scarce-labels.methods.mine: workflow/spl/methods/mine.py: METHOD: expected a "
        "Method(...), got 3"
    )
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


def test_an_absent_study_is_named_in_the_last_line_of_snakemake_s_traceback(project):
    """As docs/extending.md says; this happens before Snakemake reads the workflow."""
    refused = project.run("snakemake", "-n", "all", "--configfile", "nosuch.yaml")
    assert refused.returncode != 0
    assert re.fullmatch("FileNotFoundError: .*'nosuch.yaml'", refused.stdout.strip().splitlines()[-1])


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


def test_a_result_of_which_only_a_part_was_copied_is_named(finished):
    run = "results/tiny/runs/digits/balanced-40/fold0/fixmatch/seed0"
    for name in ("metrics.csv", "predictions.safetensors", "parameters.json"):
        whole = (finished.folder / run / name).read_bytes()
        (finished.folder / run / name).write_bytes(whole[: len(whole) // 2])
        [plan] = finished.results.glob("campaign/plan-*.json")
        refused = finished.run("spl", "analyse", plan, "analysis/scarce-labels")
        (finished.folder / run / name).write_bytes(whole)
        told = f"error: {run}/{name}: not as its manifest records it; `spl audit` says how to make it again\n"
        assert (refused.returncode, refused.stderr) == (2, told)


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


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--configfile", TINY, "config/demo.yaml"],
            f"--configfile: expected one study, got {TINY} and config/demo.yaml",
        ),
        (
            ["--configfile", TINY, "--config", "training={steps: 3}"],
            "--config training=...: expected study, partial",
        ),
        (["--config", f"study={TINY}", "name=mine"], "--config name=...: expected study, partial"),
        (["--config", "study="], "--config study=: expected a value; is a variable of the shell unset?"),
    ],
)
def test_a_study_from_several_places_is_refused(project, arguments, line):
    """Plan, status and audit read one file; they would call all runs stale, and train others."""
    refused = project.run("snakemake", "-n", "all", *arguments)
    assert refused.returncode == 2
    assert f"error: {line}" in refused.stderr
    assert not (project.folder / "results").exists()


@pytest.mark.parametrize("arguments", [(), ("--config", "study=config/demo.yaml")])
def test_a_mistake_in_yaml_is_named_with_its_line(project, arguments):
    project.edit("config/demo.yaml", "name: demo", "name: [")
    refused = project.run("snakemake", "-n", "all", *arguments)
    assert refused.returncode == 2
    assert re.search(r"^error: config/demo.yaml:\d+: ", refused.stderr, re.MULTILINE)


def test_an_unknown_target_lists_those_that_there_are(project):
    refused = project.run("snakemake", "-n", "tabel1", "--configfile", TINY)
    assert refused.returncode == 2
    [line] = [line for line in refused.stderr.splitlines() if line.startswith("error")]
    assert line.startswith("error: tabel1: no such target; did you mean table1? The targets are all, ")
    assert {"table1", "claims", "fig4", "crate"} <= set(line.replace(",", "").split())


def test_a_profile_of_the_environment_chooses_no_study(project):
    """`make demo` makes the demo for somebody who works with SLURM all day, too."""
    project.edit("config/demo.yaml", "name: demo", "name: shown")
    planned = project.run("snakemake", "-n", "table1", SNAKEMAKE_PROFILE="slurm")
    assert planned.returncode == 0, planned.stderr[-2000:]
    assert "SNAKEMAKE_PROFILE=slurm is ignored" in planned.stderr
    assert "results/shown/tables/table1.csv" in planned.stdout
    assert "results/paper" not in planned.stdout


def test_other_profiles_of_the_environment_keep_their_effect(project):
    (project.folder / "mine").mkdir()
    (project.folder / "mine/config.yaml").write_text("dry-run: true\n")
    planned = project.run("snakemake", "table1", "--configfile", TINY, SNAKEMAKE_PROFILE="mine")
    assert planned.returncode == 0, planned.stderr[-2000:]
    assert "ignored" not in planned.stderr
    assert "This was a dry-run" in planned.stdout + planned.stderr


def test_an_edited_copy_that_keeps_its_name_trains_nothing(project):
    assert project.run("snakemake", "-n", "all", "--configfile", TINY).returncode == 0
    (project.folder / "config/mine.yaml").write_text((project.study).read_text().replace("mu: 3", "mu: 2"))
    for command in (
        ("snakemake", "-n", "all", "--configfile", "config/mine.yaml"),
        ("spl", "plan", "config/mine.yaml"),
    ):
        refused = project.run(*command)
        assert refused.returncode == 2
        assert "error: config/mine.yaml: name: tiny is taken" in refused.stderr


def test_a_package_without_its_clone_is_refused_before_any_job(project):
    (project.folder / "envs/requirements.lock").unlink()
    refused = project.run("snakemake", "all", "--configfile", TINY)
    assert refused.returncode == 2
    assert "installed without its clone" in refused.stderr
    assert not (project.folder / "results").exists()


def test_memory_bounds_the_number_of_runs_at_once(project):
    """More than the machine has counts as all of it: one run at a time."""
    project.edit(TINY, "source: digits", "resources: { mem_mb: 9000000 }\n    source: digits")
    planned = project.run("snakemake", "-n", "all", "--configfile", TINY)
    assert planned.returncode == 0, planned.stderr[-2000:]
    [asked] = set(re.findall(r"mem_mb=(\d+)", planned.stdout))
    assert int(asked) == memory_here()
    submitted = project.run("snakemake", "-n", "--profile", "slurm", "all", "--configfile", TINY)
    assert set(re.findall(r"mem_mb=(\d+)", submitted.stdout)) == {"9000000"}, "what this machine has is no limit there"
