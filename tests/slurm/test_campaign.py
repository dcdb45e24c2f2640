"""A study on a real SLURM: the profile selects it, submits the trainings alone, and gets the bytes of a local run."""

import re
import subprocess

from project import ROOT, Project

TINY = "tests/studies/tiny.yaml"


def test_the_tiny_study_comes_out_as_on_one_machine(slurm, project, finished):
    done = project.run(
        "snakemake", "--profile", "slurm", "all", "--configfile", TINY,
        "--jobs", "2", "--slurm-campaign-init-seconds-before-status-checks", "2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    alone, submitted = finished.products(), project.products()
    assert alone.keys() == submitted.keys()
    assert [name for name in alone if alone[name] != submitted[name]] == []
    results = "metrics.csv", "predictions.safetensors", "weights.safetensors"
    assert len([name for name in alone if name.endswith(results)]) == 18

    assert [path.name for path in (project.folder / "results").iterdir()] == ["tiny"]
    logs = project.folder / "logs/slurm"
    assert [path.name for path in logs.iterdir()] == ["rule_train"], "all else runs where Snakemake does"
    assert len(list(logs.rglob("*.log"))) == 6, "kept, one for each run: none was tried twice"


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
