"""Data sets that do not come with a package: from a download or a folder to the labelled sets, through Snakemake."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from spl.data.store import read_dataset

FASHION = "config/fashion-mnist.yaml"
SPLIT = "results/fashion-mnist/splits/fashion-mnist/balanced-40/fold0.json"


def jobs(text):
    """How many jobs of each rule Snakemake announced."""
    listed = re.search(r"^job +count\n-.*\n((?:.+\n)+)", text, flags=re.MULTILINE)
    return {line.split()[0]: int(line.split()[1]) for line in listed[1].splitlines()} if listed else {}


def snakemake(project, *arguments):
    done = project.run("snakemake", "--cores", "2", *arguments)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout + done.stderr


def failing(project, *arguments):
    failed = project.run("snakemake", "--cores", "1", "--show-failed-logs", *arguments)
    assert failed.returncode == 1
    return failed.stderr


@pytest.fixture
def bare(project):
    """A project on a machine without Debian's package."""
    project.edit("workflow/spl/data/sources/fashion_mnist.py", "/usr/share/datasets/fashion-mnist", "/nowhere")
    return project


def test_with_debian_s_package_nothing_is_downloaded(debian_fashion_mnist, project):
    planned = jobs(snakemake(project, "-n", "all", "--configfile", FASHION))
    assert "download" not in planned
    assert planned["data"] == 1
    assert planned["train"] == 12 + 6 + 1, (
        "six folds of two methods, a pair of short runs that calibrate on each of three folds, and full supervision"
    )


@pytest.mark.parametrize(("source", "files"), [("fashion-mnist", 4), ("cifar-10", 1), ("cifar-100", 1)])
def test_without_root_and_package_the_plan_begins_with_downloads(bare, source, files):
    bare.edit(FASHION, "source: fashion-mnist", f"source: {source}")
    planned = jobs(snakemake(bare, "-n", "all", "--configfile", FASHION))
    assert planned["download"] == files
    assert planned["data"] == 1


def test_a_download_that_breaks_off_is_repeated_and_ends_in_labelled_sets(
    bare, server, published_fashion_mnist, monkeypatch
):
    monkeypatch.setenv("http_proxy", server.address)
    server.files, server.torn = published_fashion_mnist, ["t10k-labels-idx1-ubyte.gz"]
    ran = jobs(snakemake(bare, SPLIT, "--configfile", FASHION))
    assert (ran["download"], ran["data"], ran["split"]) == (4, 1, 1)
    assert server.torn == []
    assert json.loads((bare.folder / SPLIT).read_text())["labelled_counts"] == [4] * 10
    assert {path.name for path in (bare.folder / "resources/fashion-mnist").iterdir()} == set(server.files)
    assert "Nothing to be done" in snakemake(bare, SPLIT, "--configfile", FASHION)


def test_a_failed_download_says_what_was_expected_and_leaves_nothing(bare, server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.address)
    name = "t10k-labels-idx1-ubyte.gz"
    failed = failing(bare, f"resources/fashion-mnist/{name}", "--configfile", FASHION)
    assert re.search(rf"error: http://\S+/{name}: expected the file with md5 bb300cfdad3c.*404", failed)
    assert not (bare.folder / "resources/fashion-mnist" / name).exists()


def test_a_wrong_root_ends_before_any_job(project):
    project.edit(FASHION, "source: fashion-mnist", "source: fashion-mnist\n    root: /nowhere")
    refused = project.run("snakemake", "--cores", "1", "all", "--configfile", FASHION)
    assert refused.returncode == 2, refused.stderr
    [line] = [line for line in refused.stderr.splitlines() if line.startswith("error: ")]
    expected = "datasets.fashion-mnist.root: /nowhere/train-images-idx3-ubyte.gz: no such file; expected a folder with"
    assert line.startswith(f"error: {FASHION}: {expected}")
    assert not (project.folder / "results").exists()


STUDY = """
name: own
title: My own images
datasets:
  pictures: {{ source: image-folder, side: 8, {root} training: {{ crop_padding: 1 }} }}
experiments:
  scarce-labels:
    dataset: pictures
    split: {{ scheme: balanced, per_class: 2 }}
    methods: [fixmatch]
"""


@pytest.fixture
def own(project):
    """A project with a folder of images that a study does not name yet."""
    random = np.random.default_rng(0)
    for part, n in (("train", 9), ("test", 2)):
        for name in ("bird", "frog"):
            (project.folder / "pictures" / part / name).mkdir(parents=True)
            for number in range(n):
                image = Image.fromarray(random.integers(0, 256, (12, 10, 3), dtype=np.uint8))
                image.save(project.folder / "pictures" / part / name / f"{number}.png")
    (project.folder / "own.yaml").write_text(STUDY.format(root=""))
    return project


def test_a_folder_that_was_not_named_is_said_to_be_off(own):
    told = "off: experiments.scarce-labels: set datasets.pictures.root"
    for command in (
        ["snakemake", "--cores", "1", "-n", "all", "--configfile", "own.yaml"],
        ["spl", "plan", "own.yaml"],
    ):
        planned = own.run(*command)
        assert planned.returncode == 0, planned.stderr
        assert planned.stderr.splitlines().count(told) == 1
    assert not {"data", "split", "train"} & jobs(snakemake(own, "-n", "all", "--configfile", "own.yaml")).keys()


def labelled(own):
    """The paths of the labelled images."""
    names = list(json.loads((own.folder / "results/own/data/pictures/dataset.json").read_text())["train_files"])
    return {names[index] for index in json.loads((own.folder / OWN_SPLIT).read_text())["labelled"]}


OWN_SPLIT = "results/own/splits/pictures/balanced-4/fold0.json"


def test_labels_stay_with_their_images_when_one_is_added_or_the_folder_moves(own):
    (own.folder / "own.yaml").write_text(STUDY.format(root="root: pictures,"))
    ran = jobs(snakemake(own, OWN_SPLIT, "--configfile", "own.yaml"))
    assert (ran["data"], ran["split"]) == (1, 1)
    before = labelled(own)
    assert len(before) == 4

    (own.folder / "pictures").rename(own.folder / "moved")
    (own.folder / "own.yaml").write_text(STUDY.format(root="root: moved,"))
    assert "Nothing to be done" in snakemake(own, OWN_SPLIT, "--configfile", "own.yaml")

    first = own.folder / "moved/train/bird/0.png"
    first.with_name("-first.png").write_bytes(first.read_bytes())
    ran = jobs(snakemake(own, OWN_SPLIT, "--configfile", "own.yaml"))
    assert (ran["data"], ran["split"]) == (1, 1)
    assert labelled(own) <= before | {"train/bird/-first.png"}


def test_an_image_that_cannot_be_read_fails_the_preparation_with_its_name(own):
    (own.folder / "own.yaml").write_text(STUDY.format(root="root: pictures,"))
    (own.folder / "pictures/train/frog/3.png").write_text("not an image")
    failed = failing(own, OWN_SPLIT, "--configfile", "own.yaml")
    assert "error: pictures/train/frog/3.png: expected a readable PNG or JPEG image" in failed
    assert not (own.folder / "results/own/data/pictures/dataset.json").exists()


def test_an_image_that_changed_under_its_name_is_prepared_again_and_one_that_was_only_touched_is_not(own):
    (own.folder / "own.yaml").write_text(STUDY.format(root="root: pictures,"))
    assert jobs(snakemake(own, OWN_SPLIT, "--configfile", "own.yaml"))["data"] == 1

    first, second = (own.folder / f"pictures/train/bird/{number}.png" for number in range(2))
    first.touch()
    second.write_bytes(second.read_bytes())
    assert "Nothing to be done" in snakemake(own, OWN_SPLIT, "--configfile", "own.yaml")

    dates = first.stat().st_atime_ns, first.stat().st_mtime_ns
    first.write_bytes(second.read_bytes())
    os.utime(first, ns=dates)  # as copying with dates does
    planned = snakemake(own, "-n", OWN_SPLIT, "--configfile", "own.yaml")
    assert jobs(planned)["data"] == 1
    assert "pictures: train/bird/0.png changed since pictures was prepared" in planned
    assert jobs(snakemake(own, OWN_SPLIT, "--configfile", "own.yaml")) == {"data": 1, "split": 1, "total": 2}
    images = read_dataset(own.folder / "results/own/data/pictures")[0].train_images
    assert (images[0] == images[1]).all()

    shutil.rmtree(own.folder / "results/own/campaign")
    assert "Nothing to be done" in snakemake(own, OWN_SPLIT, "--configfile", "own.yaml")


def test_what_is_prepared_is_enough_where_the_folder_is_not(own):
    (own.folder / "own.yaml").write_text(STUDY.format(root="root: pictures,"))
    snakemake(own, OWN_SPLIT, "--configfile", "own.yaml")
    told = "pictures: no images here; those prepared from it in results/own/data/pictures are used"
    for gone in (shutil.rmtree, Path.mkdir):  # then a mount point without its disk
        gone(own.folder / "pictures")
        planned = own.run("spl", "plan", "own.yaml")
        assert (planned.returncode, planned.stderr) == (0, f"{told}\n")
        assert "Nothing to be done" in (again := snakemake(own, OWN_SPLIT, "--configfile", "own.yaml"))
        assert again.splitlines().count(told) == 1
    audited = own.spl("audit", "--study", "own.yaml", OWN_SPLIT)
    assert audited.returncode == 0, audited.stdout
    (own.folder / "results/own/data/pictures/images.safetensors").unlink()
    refused = own.run("snakemake", "--cores", "1", OWN_SPLIT, "--configfile", "own.yaml")
    assert refused.returncode == 2
    assert "datasets.pictures.root: pictures/train: no class folders" in refused.stderr


def test_what_is_odd_about_images_is_said_once_as_soon_as_they_are_prepared(own):
    (own.folder / "own.yaml").write_text(STUDY.format(root="root: pictures,"))
    (own.folder / "pictures/train/bird/0.gif").touch()
    passed_over = "pictures: passed over 1 .gif file (train/bird/0.gif)"
    shutil.copy(own.folder / "pictures/train/bird/0.png", own.folder / "pictures/test/frog/9.png")
    shared = (
        "pictures: 1 test images are training images, too: test/frog/9.png is train/bird/0.png; errors are too small"
    )
    told = snakemake(own, OWN_SPLIT, "--configfile", "own.yaml").splitlines()
    assert (told.count(passed_over), told.count(shared)) == (1, 1)
    assert passed_over in (own.folder / "results/own/logs/data/pictures.log").read_text().splitlines()
    told = snakemake(own, OWN_SPLIT, "--configfile", "own.yaml").splitlines()
    assert (told.count(passed_over), told.count(shared)) == (0, 1), "what makes errors too small is said again"
    assert shared in own.spl("plan", "own.yaml").stderr


def test_images_without_a_class_are_trained_on_and_their_purity_is_unknown(own):
    training = "training: { steps: 4, evaluate_every: 2, evaluate_late_every: 2 }"
    (own.folder / "own.yaml").write_text(STUDY.format(root="root: pictures,") + training)
    for number in range(5):
        image = own.folder / f"pictures/unlabeled/{number}.png"
        image.parent.mkdir(exist_ok=True)
        image.write_bytes((own.folder / f"pictures/train/bird/{number}.png").read_bytes())
    run = "results/own/runs/pictures/balanced-4/fold0/fixmatch/seed0"
    figure = "results/own/figures/pseudo-labels-scarce-labels.png"
    snakemake(own, figure, f"{run}/metrics.csv", "--configfile", "own.yaml")
    assert json.loads((own.folder / OWN_SPLIT).read_text())["unlabelled_counts"] == [9, 9, 5]
    assert labelled(own) <= {f"train/{name}/{number}.png" for name in ("bird", "frog") for number in range(9)}
    metrics = pd.read_csv(own.folder / run / "metrics.csv")
    assert metrics["purity"].isna().all()
    assert metrics["coverage"].notna().all()
    audited = own.run("spl", "audit", "--study", "own.yaml", f"{run}/metrics.csv")
    assert audited.returncode == 0, audited.stdout
