"""A study on a real SLURM: the profile selects it, submits the trainings alone, and gets the bytes of a local run.

The cluster accepts no more than two jobs of a user at a time.
"""

import json
import re
import subprocess

import pytest
from project import ROOT, Project

TINY = "tests/studies/tiny.yaml"
SUBMITTING = (
    "snakemake", "--profile", "slurm", "all", "--configfile", TINY,
    "--slurm-campaign-init-seconds-before-status-checks", "2",
)  # fmt: skip
ACCOUNTING = True


@pytest.fixture(scope="module")
def limited(slurm):
    """A SLURM that refuses a third job."""
    limit = ["sacctmgr", "--immediate", "modify", "user", "root", "set", "MaxSubmitJobs=2"]
    subprocess.run(limit, capture_output=True, check=True)


def test_the_tiny_study_comes_out_as_on_one_machine_however_few_jobs_slurm_accepts(limited, project, finished):
    done = project.run(*SUBMITTING, "--jobs", "6", "--default-resources", "slurm_partition='all'")
    assert done.returncode == 0, done.stderr[-4000:]
    alone, submitted = finished.products(), project.products()
    assert alone.keys() == submitted.keys()
    assert [name for name in alone if alone[name] != submitted[name]] == []
    results = "metrics.csv", "predictions.safetensors", "weights.safetensors"
    assert len([name for name in alone if name.endswith(results)]) == 18

    assert [path.name for path in (project.folder / "results").iterdir()] == ["tiny"]
    assert "SLURM refuses a job for now, next try in 2 s: AssocMaxSubmitJobLimit" in done.stderr
    assert not list(project.folder.glob("results/tiny/checkpoints/**/refused.json")), "all were accepted in the end"
    logs = project.folder / "logs/slurm"
    assert [path.name for path in logs.iterdir()] == ["rule_train"], "all else runs where Snakemake does"
    assert len(list(logs.rglob("*.log"))) == 6, "kept, one for each run: none was tried twice"


def test_a_refused_account_is_tried_once_for_each_run_and_listed_with_slurm_s_words(limited, project):
    # For the rule: an account of all jobs is looked up, and refused, before anything is submitted.
    ended = project.run(*SUBMITTING, "--set-resources", "train:slurm_account=nobody-s")
    assert ended.returncode == 1, ended.stderr[-4000:]
    listed = dict(re.findall(r"^not done: (\S+): (.*)$", ended.stderr, re.MULTILINE))
    refused = {run for run, reason in listed.items() if "refused by SLURM" in reason and "nobody-s" in reason}
    assert len(listed) == 6, "all runs of the study"
    assert len(refused) == 4
    assert all(listed[run].startswith("never started: needs ") for run in listed.keys() - refused)
    assert ended.stderr.count("SLURM refuses this job: ") == len(refused)
    status = {one["run"]: one for one in json.loads(project.spl("status", "--json", TINY).stdout)}
    assert {run for run, one in status.items() if one["state"] == "refused"} == refused
    assert "nobody-s" in status[min(refused)]["reason"]


def test_a_fresh_clone_selects_the_paper_and_asks_for_what_its_trainings_need(tmp_path):
    subprocess.run(["git", "clone", "--quiet", ROOT, tmp_path / "clone"], check=True)
    clone = object.__new__(Project)
    clone.folder = tmp_path / "clone"
    planned = clone.run("snakemake", "--profile", "slurm", "all", "--dry-run")
    assert planned.returncode == 0, planned.stderr[-4000:]
    assert "off: experiments.imagenet-10-percent: set datasets.imagenet.root" in planned.stderr
    jobs = re.findall(
        r"^    wildcards: (?:study=\S+, )?run=(\S+)\n(?:    .*\n)*?    resources: (.*)$", planned.stdout, re.MULTILINE
    )
    asked = {run: dict(one.split("=") for one in resources.split(", ")) for run, resources in jobs}
    assert len(asked) == planned.stdout.count("rule train:\n") > 200
    large = asked["cifar-100/balanced-2500/fold0/fixmatch/network=wrn-28-8+weight_decay=0.001+processes=2/seed0"]
    expected = {"gpu": "2", "cpus_per_task": "2", "nodes": "1", "mem_mb": "16000", "runtime": "10080"}
    assert expected.items() <= large.items()
    small = asked["cifar-10/balanced-40/fold0/fixmatch/seed0"]
    assert (expected | {"gpu": "1", "cpus_per_task": "1", "runtime": "2880"}).items() <= small.items()
