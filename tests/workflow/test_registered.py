"""A registered study from its registration to its last look, with what Snakemake and the audit say on the way."""

import hashlib
import json
import re
import shutil
import subprocess

import pytest
from project import Project

STUDY = "tests/studies/tiny.yaml"
REGISTRATION, LOOKS = "tests/studies/tiny.registration.json", "tests/studies/tiny.looks.json"
SUMMARY = "results/tiny/analysis/scarce-labels.csv"
CLAIMS = ("claims", "--config", "partial=true")
LOOK = ("spl", "register", STUDY, "--look")
REGISTERED = """
registered:
  claims: [scarce-labels, low-basin]
  primary: scarce-labels
  experiments: [scarce-labels]
  looks: [2, 3]
  levels: [0.02, 0.03]
"""


def git(project, *arguments):
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *who, *arguments], cwd=project.folder, check=True, capture_output=True)


def commit(project):
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "x")


def refusal(project, *command):
    done = project.run(*command)
    assert done.returncode == 2, done.stdout + done.stderr
    return done.stderr.strip().splitlines()[-1]


def audit(project):
    """The status of an audit of the registered experiment, and what it says about the registration."""
    done = project.spl("audit", "--json", "--study", STUDY, "analysis/scarce-labels")
    return done.returncode, json.loads(done.stdout)["registration"]


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory):
    """A study that was registered, committed, trained for the first look, and looked at."""
    project = Project(tmp_path_factory.mktemp("registered"))
    project.has_own_code = True  # commits of this copy are to be found by the copy itself
    project.study.write_text(project.study.read_text() + REGISTERED)
    (project.folder / ".gitignore").write_text("results\n.snakemake\n__pycache__\n")
    git(project, "init", "--quiet")
    commit(project)
    start = ("snakemake", "--cores", "2", SUMMARY, "--configfile", STUDY)
    assert refusal(project, *start) == (
        f"error: {REGISTRATION}: missing; write it with `spl register {STUDY}` and commit it before the first run"
    )
    assert "there is no registration" in refusal(project, "spl", "register", STUDY, "--look")
    assert project.spl("register", STUDY).returncode == 0
    commit(project)
    assert "4 of 4 runs of this look are not done" in refusal(project, "spl", "register", STUDY, "--look")
    project.snakemake(SUMMARY)
    assert "builds the table of claims" in refusal(project, "spl", "register", STUDY, "--look")
    project.snakemake(*CLAIMS)
    done = project.spl("register", STUDY, "--look")
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def study(looked_at, tmp_path):
    """A copy of it."""
    copy = looked_at.copied(tmp_path / "copy")
    copy.has_own_code = True
    return copy


def test_a_look_is_recorded_once_with_its_outcome(study):
    [look] = json.loads((study.folder / LOOKS).read_text())
    assert (look["folds"], look["level"], look["claim"], look["verdict"]) == (2, 0.02, "scarce-labels", "too few folds")
    assert 0.25 <= look["p"] <= 1, "two folds reach no less"
    before = (study.folder / LOOKS).read_bytes()
    assert study.spl("register", STUDY, "--look").returncode == 0
    assert (study.folder / LOOKS).read_bytes() == before
    study.edit(LOOKS, '"p": ', '"p": 1')
    assert "on record with another outcome" in refusal(study, "spl", "register", STUDY, "--look")


def test_a_look_counts_runs_whose_weights_are_not_kept_but_none_with_other_results(study):
    before = (study.folder / LOOKS).read_bytes()
    (study.folder / LOOKS).unlink()
    for unkept in (*study.results.rglob("weights.safetensors"), *study.results.rglob("images.safetensors")):
        unkept.unlink()
    assert study.spl("register", STUDY, "--look").returncode == 0
    assert (study.folder / LOOKS).read_bytes() == before
    metrics = next(study.results.rglob("metrics.csv"))
    metrics.write_text(metrics.read_text().replace("1", "2"))
    assert f"{metrics.parent.relative_to(study.results)}: tampered: " in refusal(
        study, "spl", "register", STUDY, "--look"
    )


def test_no_look_is_recorded_without_the_table_that_it_is_read_from(study):
    (study.results / "partial/tables/claims.csv").unlink()
    assert "partial/tables/claims.csv: missing; `snakemake claims" in refusal(study, *LOOK)


def test_no_look_is_recorded_or_taken_over_at_what_no_job_here_wrote(study):
    findings = ("spl", "findings", "results/tiny/partial", "--study", STUDY)
    table = study.results / "partial/tables/claims.csv"
    before, manifest = table.read_bytes(), table.with_name("claims.manifest.json")
    table.write_bytes(re.sub(b"(?<=p_supported,)[0-9.]+", b"0.001", before))
    recorded = manifest.read_text()
    manifest.write_text(recorded.replace(*(hashlib.sha256(one).hexdigest() for one in (before, table.read_bytes()))))
    for command in (LOOK, findings):
        assert "partial/tables/claims.manifest.json: neither as it was sealed nor as a job" in refusal(study, *command)
    table.write_bytes(before)
    manifest.write_text(recorded)
    shutil.rmtree(study.results / "campaign/made/runs")  # as if they had been received
    for command in (LOOK, findings):
        assert "seed0.manifest.json: neither as it was sealed nor as a job wrote it here, nor are 5 more" in refusal(
            study, *command
        )
    assert study.spl("seal", "results/tiny", "--accept", "trained by a friend").returncode == 0
    assert study.spl(*LOOK[1:]).returncode == 0


def test_more_folds_are_an_edit_of_one_line_and_train_only_themselves(study):
    assert audit(study) == (0, audit(study)[1] | {"kept": True, "deviations": [], "notes": []})
    study.edit(STUDY, "folds: [0, 1]", "folds: 0-2")
    trained = {job for job in study.planned(SUMMARY) if job.startswith("train ")}
    assert trained == {f"train digits/balanced-40/fold2/{method}/seed0" for method in ("fixmatch", "smooth-fixmatch")}
    assert audit(study)[1]["kept"], "the third fold was registered, too"
    assert "2 of 6 runs of this look are not done" in refusal(study, "spl", "register", STUDY, "--look")
    study.snakemake("table1", "--config", "partial=true")
    note = (study.results / "partial/tables/table1.md").read_text()
    assert "Not run: between the registered looks, at 2, 3 folds." in note


def test_an_edited_study_deviates_and_cannot_be_registered_again(study):
    study.edit(STUDY, "  steps: 150", "  steps: 160")
    status, registration = audit(study)
    assert (status, registration["kept"]) == (1, False)
    assert all("settings.steps: 150 became 160" in line for line in registration["deviations"])
    assert "the registration cannot change any more: a run of tiny has begun" in refusal(
        study, "spl", "register", STUDY
    )
    said = study.spl("audit", "--study", STUDY, "analysis/scarce-labels").stdout
    assert f"registration {registration['digest'][:12]}: {len(registration['deviations'])} deviations\n" in said
    started = study.run("snakemake", "-n", SUMMARY, "--configfile", STUDY).stderr
    assert started.count("not as registered: ") == len(registration["deviations"])
    study.edit(STUDY, "  steps: 160", "  steps: 150")
    assert audit(study)[0] == 0
    assert "not as registered" not in study.run("snakemake", "-n", SUMMARY, "--configfile", STUDY).stderr


def test_a_registration_that_was_written_after_the_runs_is_found_out(study):
    before = subprocess.run(
        ["git", "rev-list", "--max-parents=0", "HEAD"], cwd=study.folder, capture_output=True, check=True, text=True
    ).stdout.strip()
    for manifest in (study.results / "runs").rglob("*.manifest.json"):
        content = json.loads(manifest.read_text())
        content["repository"]["commit"] = before
        manifest.write_text(json.dumps(content))
    status, registration = audit(study)
    assert status == 1
    [line] = registration["deviations"]
    assert line.endswith(f"began at commit {before[:12]}, which has no {REGISTRATION}")


def test_another_claim_than_the_catalogue_has_is_refused_by_every_command(study):
    study.edit(STUDY, "claims: [scarce-labels, low-basin]", "claims: [scarce-labels, low-basins]")
    line = f"error: {STUDY}: registered.claims: low-basins: unknown claim; did you mean 'low-basin'?"
    for command in (("spl", "plan", STUDY), ("spl", "register", STUDY), ("snakemake", "-n", "--configfile", STUDY)):
        assert refusal(study, *command) == line
    study.edit(STUDY, "claims: [scarce-labels, low-basins]", "claims: [scarce-labels, flips, twins]")
    assert refusal(study, "spl", "plan", STUDY) == (
        f"error: {STUDY}: registered.claims: twins: needs twins with smooth-fixmatch and fixmatch"
    )
