"""An experiment of 1,000 runs is analysed, drawn, shown on the page and audited, by the real Snakemake and commands.

A command takes one argument of 128 KiB at most; parameter and inputs of such a summary are longer. Its runs are
fabricated, with manifests that agree with them.
"""

import json
import zlib
from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from fabricated import MAKERS
from safetensors.numpy import save_file

from spl.campaign.jobs import jobs
from spl.campaign.plan_file import read_plan_file
from spl.code.subcommands import certain_files
from spl.data.store import read_dataset
from spl.paper.selection import exhibits
from spl.provenance.files import digest
from spl.provenance.ledger import note_statement
from spl.provenance.machine import locked
from spl.provenance.manifest import Manifest, read_manifest, statement
from spl.study.plan import make_plan
from spl.study.reading import read_study

SIZES, FOLDS = 5, 200
STUDY = {
    "name": "large",
    "title": "Random labels with 200 folds",
    "training": {"steps": 10, "evaluate_every": 4, "evaluate_late_every": 2},
    "datasets": {"digits": {"source": "digits"}},
    "fold_seeds": list(range(FOLDS)),
    "experiments": {
        "random-labels": {
            "dataset": "digits",
            "split": {"scheme": "random", "labels": list(range(20, 20 + 10 * SIZES, 10))},
            "folds": list(range(FOLDS)),
            "methods": ["fixmatch"],
        }
    },
}
ARGUMENT = 128 * 1024  # bytes: MAX_ARG_STRLEN of Linux


def fabricate_runs(folder, study):
    """Data, splits and runs of the study, as if they had been made here, with their manifests."""
    with chdir(folder):
        plan = make_plan(read_study(study))
        planned = jobs(plan, exhibits(plan, str(study)))
        template = None
        for job in planned.values():
            if job.subcommand == "data":
                continue
            if job.subcommand not in ("split", "train"):
                break
            job.outputs[0].parent.mkdir(parents=True, exist_ok=True)
            MAKERS[job.subcommand](job.content, job)
            if job.subcommand == "train":
                predict(job.outputs[0].parent, read_dataset(Path("results/large/data/digits"))[0].test_classes)
                weights = np.random.default_rng(zlib.crc32(job.name.encode())).random(3)
                trained = {"averaged.w": weights, "network.w": weights, "classes": np.arange(10)}
                save_file(trained, job.outputs[0].parent / "weights.safetensors")
            template = template or read_manifest(planned["data/digits"].manifest)
            write_manifest(template, job)
    return planned


def predict(folder, true):
    """Let a run predict the test images that there are, and its errors follow from that; its losses add up."""
    metrics = pd.read_csv(folder / "metrics.csv")
    predicted = np.random.default_rng(zlib.crc32(str(folder).encode())).integers(
        0, 10, (len(metrics), len(true)), dtype=np.uint8
    )
    save_file(
        {"predicted": predicted, "true": true.astype(np.uint8)}, folder / "predictions.safetensors", {"classes": "10"}
    )
    loss = metrics["labelled_loss"] + metrics["unlabelled_loss"]
    metrics.assign(test_error=(predicted != true).mean(axis=1), loss=loss).to_csv(
        folder / "metrics.csv", index=False, na_rep="nan"
    )


def write_manifest(template, job):
    content = {
        "subcommand": job.subcommand,
        "parameter": job.content,
        "code": {"fingerprint": job.content["code"], "modules": []},
        "inputs": {str(path): digest(path) for path in job.inputs},
        "outputs": {str(path): digest(path) for path in job.outputs},
        "packages": locked(),
        "process": {
            **template.process.model_dump(),
            "files": dict.fromkeys(certain_files(job.subcommand, job.content), ""),
        },
    }
    if settings := job.content.get("settings"):
        content["hardware"] = {
            **template.hardware.model_dump(),
            "gpus": [],
            "threads": settings["threads"],
            "deterministic": settings["deterministic"],
        }
    manifest = Manifest.model_validate(template.model_dump(exclude_unset=True) | content)
    note_statement(job, statement(manifest))
    job.manifest.write_text(manifest.model_dump_json(exclude_unset=True))


def test_1000_runs_are_analysed_drawn_shown_and_audited(project):
    study = project.folder / "config/large.yaml"
    study.write_text(yaml.safe_dump(STUDY, sort_keys=False))
    asked = ("snakemake", "--configfile", study, "--cores", "2")
    done = project.run(*asked, "results/large/data/digits/dataset.json")
    assert done.returncode == 0, done.stderr[-4000:]
    planned = fabricate_runs(project.folder, study)
    assert sum(job.subcommand == "train" for job in planned.values()) == SIZES * FOLDS
    summary = planned["analysis/random-labels"]
    assert len(summary.parameter) + sum(len(f" {path}") for path in summary.inputs) > ARGUMENT

    done = project.run(*asked, "all")
    assert done.returncode == 0, done.stderr[-4000:]
    results = project.folder / "results/large"
    rows = (results / "analysis/random-labels.csv").read_text().splitlines()
    assert len(rows) == SIZES * FOLDS + 1
    assert "train" not in {line.split()[1] for line in done.stderr.splitlines() if line.startswith("localrule")}

    commands = project.run(
        *asked, "--dry-run", "--printshellcmds", "--force", "results/large/analysis/random-labels.csv"
    )
    [command] = [line[line.index("spl ") :] for line in commands.stdout.splitlines() if "spl analyse" in line]
    assert len(command) < 200, "short enough to be read, and to be typed by hand"
    typed = command.partition(" > ")[0].split()
    assert project.run(*typed).returncode == 0
    study_in_plan, stated = read_plan_file(project.folder / typed[2])
    assert study_in_plan == STUDY
    assert stated[typed[3]].parameter == planned[typed[3]].parameter

    project.run("spl", "seal", "results/large")  # the job that was typed has a new manifest
    audited = project.run("spl", "audit", "results/large", "--json", "--study", study)
    assert [node for node in json.loads(audited.stdout)["nodes"] if node["verdict"] != "fresh"][:2] == []
    assert json.loads(audited.stdout)["repair"] == []
    assert audited.returncode == 0
