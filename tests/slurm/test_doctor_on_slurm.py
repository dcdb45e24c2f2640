"""`spl doctor` reads what a real SLURM prints, and a campaign that it objects to submits nothing."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from spl.doctor.cluster import cluster
from spl.doctor.site import Site
from spl.study.plan import make_plan
from spl.study.reading import check_study

ACCOUNTING = True
TINY = Path(__file__).parents[1] / "studies/tiny.yaml"


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def accounts(slurm):
    """This user has one account, with limits."""
    run("sacctmgr", "--immediate", "add", "account", "lab")
    run("sacctmgr", "--immediate", "add", "user", "root", "account=lab")
    run("sacctmgr", "--immediate", "modify", "user", "root", "set", "MaxSubmitJobs=4", "MaxWall=5-00:00:00")


def found(level, resources=None, training=None, **site):
    study = yaml.safe_load(TINY.read_text())
    study["datasets"]["digits"]["resources"] = resources or {}
    study["training"] |= training or {}
    plan = make_plan(check_study(study, ""))
    lines = [str(one) for one in cluster(plan, plan.runs, Site(**{"jobs": 4} | site)) if one.level == level]
    return "\n".join(lines)


CUDA = {"device": "cuda", "instructions": "native"}


def test_a_study_that_fits_is_fine(accounts):
    assert not found("error", training=CUDA, partition="gpu", account="lab")
    assert not found("warning", training=CUDA, partition="gpu", account="lab")
    assert not found("error", training=CUDA, partition="gpu", gpu="rtx-3090")
    assert not found("error", training=CUDA, partition="gpu", gpu="4090")
    told = found("ok", training=CUDA, partition="gpu", account="lab")
    assert told.splitlines() == ["account: lab", "partition gpu: 1 nodes, jobs fit, GPUs: 4090, rtx-3090"]


@pytest.mark.parametrize(
    ("level", "wanted", "expected"),
    [
        ("error", {"partition": "gpus"}, "gpus: SLURM has gpu, urgent"),
        ("error", {"account": "other"}, "account: other: yours are lab"),
        ("error", {"partition": "gpu", "gpu": "a100"}, "no GPU a100: its GPUs are 4090, rtx-3090"),
        (
            "error",
            {"partition": "gpu", "resources": {"mem_mb": 65000}},
            "the largest has 4 cores, 64,000 MB and 2 GPUs",
        ),
        ("error", {"partition": "gpu", "training": {"threads": 5}}, "no node has 5 cores"),
        ("error", {"resources": {"runtime": 7201}}, "account: jobs request 7,201 minutes, its limit is 7,200"),
        ("warning", {"jobs": 5}, "account: it may have 4 jobs in the queue"),
        ("warning", {"training": {"threads": 5}}, "partition gpu: no node has 5 cores"),
    ],
)
def test_limits_are_compared_with_the_study(accounts, level, wanted, expected):
    assert expected in found(level, **wanted)


def test_a_partition_is_read_as_it_is_now(accounts):
    run("scontrol", "update", "PartitionName=urgent", "MaxTime=1:00:00", "AllowAccounts=others", "State=DOWN")
    told = found("error", partition="urgent", account="lab", resources={"runtime": 2880})
    assert "jobs request 2,880 minutes, its limit is 60" in told
    assert "is not open to lab, but to others" in told
    assert "is DOWN" in found("warning", partition="urgent", account="lab")
    run("scontrol", "update", "PartitionName=urgent", "MaxTime=UNLIMITED", "AllowAccounts=ALL", "State=UP")
    assert not found("error", partition="urgent", account="lab")


def test_a_campaign_with_an_error_submits_nothing(accounts, project):
    profile = project.folder / "workflow/profiles/slurm/config.yaml"
    profile.write_text(f"{profile.read_text()}\ndefault-resources: {{ slurm_partition: nowhere }}\n")
    ended = project.run("snakemake", "--profile", "slurm", "all", "--configfile", str(project.study))
    assert ended.returncode == 1
    assert "error: partition: nowhere: SLURM has gpu, urgent, " in ended.stderr
    queued = subprocess.run(["squeue", "--noheader"], check=True, capture_output=True, text=True)
    assert not queued.stdout
    assert not list(project.folder.glob("results/*/data"))
    examined = project.run("spl", "doctor", str(project.study), "--json")
    assert examined.returncode == 1
    assert not json.loads(examined.stdout)["fit"]
