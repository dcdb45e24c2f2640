"""A chain of runs to which labels are added, on the real Snakemake: lineage, kill and resumption, audit, changes."""

import hashlib
import json
import os
import signal
import time
from pathlib import Path

import pytest
from project import Project

STUDY = "tests/studies/additions.yaml"
FIRST, SECOND, THIRD = CHAIN = (
    "runs/digits/random-20/fold0/fixmatch/seed0",
    "runs/digits/random-30/fold0/fixmatch/steps=40+start_from=added-labels/seed0",
    "runs/digits/random-40/fold0/fixmatch/steps=40+start_from=added-labels/seed0",
)
SHOWN = {
    "analysis/added-labels", "paper",
    *(f"tables/{name}-added-labels" for name in ("means", "additions", "collapses")),
    *(f"figures/{name}-added-labels" for name in ("curve", "basins", "collapse", "confusion")),
}  # fmt: skip


def of_the_study(project):
    project.study, project.results = project.folder / STUDY, project.folder / "results/additions"
    return project


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A project in which the study ran in one go; nobody writes into it."""
    project = of_the_study(Project(tmp_path_factory.mktemp("undisturbed") / "project"))
    project.snakemake("all")
    return project


@pytest.fixture
def chained(undisturbed, tmp_path):
    """A copy of it."""
    return of_the_study(undisturbed.copied(tmp_path / "copy"))


def verdicts(project):
    """What is not fresh, by name."""
    nodes = json.loads(project.spl("audit", "--json", "--study", STUDY).stdout)["nodes"]
    return {node["name"]: node["verdict"] for node in nodes if node["verdict"] != "fresh"}


def content(project):
    return {(run, path.name): path.read_bytes() for run in CHAIN for path in (project.results / run).iterdir()}


def test_manifests_page_and_audit_know_the_whole_chain(undisturbed):
    for before, after in ((FIRST, SECOND), (SECOND, THIRD)):
        start = undisturbed.results / before / "weights.safetensors"
        manifest = json.loads((undisturbed.results / f"{after}.manifest.json").read_text())
        path = str(start.relative_to(undisturbed.folder))
        assert manifest["inputs"][path] == hashlib.sha256(start.read_bytes()).hexdigest()
        assert manifest["parameter"]["start"] == before.removeprefix("runs/")
    number = "means-added-labels.csv:FixMatch,30,40,after,mean"
    why = undisturbed.spl("audit", "--study", STUDY, "--why", number)
    assert why.returncode == 0, why.stderr
    lines = why.stdout.splitlines()
    assert lines[1] == f"✓ {THIRD} fresh"
    assert lines[4:6] == [f"    starts from the final state of {run}" for run in (SECOND, FIRST)]
    page = (undisturbed.results / "paper.html").read_text()
    assert all(f'id="{name.partition("/")[2]}"' in page for name in SHOWN if "/" in name and "analysis" not in name)


def kill_training(project, run):
    """Kill -9 a run as soon as it has a checkpoint in its first half."""
    end, folder = time.monotonic() + 200, project.results / "checkpoints" / run.removeprefix("runs/")
    while time.monotonic() < end:
        if any(5 <= int(path.name.split("-")[1]) < 30 for path in folder.rglob("step-*.safetensors")):
            for process in filter(lambda path: path.name.isdigit(), Path("/proc").iterdir()):
                if trains(process, project, run):
                    os.kill(int(process.name), signal.SIGKILL)
            return
        time.sleep(0.002)
    pytest.fail("the run wrote no checkpoint")


def trains(process, project, run):
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
        return b"train" in words and run.encode() in words and (process / "cwd").resolve() == project.folder.resolve()
    except OSError:
        return False


def test_a_link_that_is_killed_resumes_and_the_chain_ends_with_the_same_bytes(undisturbed, chained, monkeypatch):
    for run in (SECOND, THIRD):
        for path in (chained.results / run).iterdir():
            path.unlink()
    monkeypatch.setenv("SPL_CHECKPOINT_INTERVAL", "0")
    target = f"results/additions/{THIRD}/weights.safetensors"
    running = chained.start("snakemake", target, "--cores", "2", "--configfile", STUDY)
    kill_training(chained, SECOND)
    assert running.wait() == 1
    chained.snakemake(target)
    log = (chained.results / SECOND.replace("runs", "logs/runs", 1)).with_suffix(".log").read_text()
    assert "resuming after step" in log
    assert content(chained) == content(undisturbed)


def test_what_was_done_to_a_run_breaks_the_chain_behind_it(chained):
    path = chained.results / SECOND / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    found = verdicts(chained)
    assert found.pop(SECOND) == "tampered"
    assert found == dict.fromkeys([THIRD, *SHOWN], "broken-chain")


def test_a_change_of_the_first_run_trains_the_chain_again_and_not_what_stands_beside_it(chained):
    chained.edit(STUDY, "steps: 20,", "steps: 21,")
    found = verdicts(chained)
    assert (found[FIRST], found[SECOND], found[THIRD]) == ("stale", "broken-chain", "broken-chain")
    trained = {job.removeprefix("train ") for job in chained.planned("all") if job.startswith("train ")}
    longer = {f"digits/random-{labels}/fold0/fixmatch/steps={steps}/seed0" for labels, steps in ((30, 61), (40, 101))}
    assert trained == {run.removeprefix("runs/") for run in CHAIN} | longer


def test_a_link_is_done_again_from_the_state_it_started_from_or_says_which_is_missing(chained):
    again = chained.spl("audit", "--study", STUDY, "--rerun", THIRD)
    assert (again.returncode, again.stdout) == (0, f"✓ {THIRD}: the same bytes\n")
    start = chained.results / SECOND / "weights.safetensors"
    start.unlink()
    refused = chained.spl("audit", "--study", STUDY, "--rerun", THIRD)
    assert refused.returncode == 2
    missing = f"results/additions/{SECOND}/weights.safetensors"
    assert refused.stderr.startswith(f"error: {missing}: missing; make it with `snakemake {missing} ")
    assert refused.stderr.count("\n") == 1
