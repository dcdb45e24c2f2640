"""ImageNet-10 %: from JPEG files of its usual size to Figures 7 to 9 and Table 15, the path that only it takes."""

import json
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from project import Project

from images import QUALITY, photograph

STUDY = "tests/studies/imagenet.yaml"
TRAINED = {"n01440764": 40, "n01443537": 30, "n02102040": 20}
HELD_OUT = 4
RUNS = ("imagenet/proportional-0.1/fold0/fixmatch/seed0", "imagenet/proportional-0.1/fold0/smooth-fixmatch/seed0")
MADE = ("fig7", "fig8", "fig9", "table15")


def write_pictures(root, backwards):
    """Write a folder as ImageNet's is, from its first file to its last or the other way."""
    names = [f"train/{name}/{name}_{number}.JPEG" for name, images in TRAINED.items() for number in range(images)]
    names += [f"val/{name}/ILSVRC2012_val_{number:08}.JPEG" for name in TRAINED for number in range(HELD_OUT)]
    numbered = list(enumerate(names))
    for number, name in reversed(numbered) if backwards else numbered:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        photograph(number).save(root / name, quality=QUALITY)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The workflow, from a folder of pictures to what shows ImageNet."""
    project = Project(tmp_path_factory.mktemp("imagenet"))
    write_pictures(project.folder / "pictures", backwards=False)
    done = project.run("snakemake", *MADE, "--cores", "2", "--configfile", STUDY)
    assert done.returncode == 0, done.stderr[-4000:]
    return project


@pytest.fixture(scope="module")
def results(project):
    return project.folder / "results/imagenet"


def read(path):
    return json.loads(path.read_text())


def test_two_processes_trained_a_resnet_50_with_each_method(results):
    for run, method in zip(RUNS, ("fixmatch", "smooth-fixmatch"), strict=True):
        known = read(results / "runs" / run / "parameters.json")
        assert known["method"] == method
        assert (known["settings"]["network"], known["settings"]["processes"]) == ("resnet-50", 2)
        assert known["settings"]["device"] == "cpu"
        assert read(results / f"runs/{run}.manifest.json")["attempts"][-1]["status"] == "done"
        assert (pd.read_csv(results / "runs" / run / "metrics.csv")["step"] == [2, 4]).all()


def test_both_methods_saw_the_same_batches(results):
    first, second = (pd.read_csv(results / "runs" / run / "metrics.csv")["batch_checksum"].tolist() for run in RUNS)
    assert first == second


def test_a_tenth_of_every_class_is_labelled(results):
    split = read(results / "splits/imagenet/proportional-0.1/fold0.json")
    names = list(read(results / "data/imagenet/dataset.json")["train_files"])
    assert split["labelled_counts"] == [4, 3, 2]
    assert split["unlabelled_counts"] == list(TRAINED.values())
    classes = [names[index].split("/")[1] for index in split["labelled"]]
    assert [classes.count(name) for name in TRAINED] == [4, 3, 2]


def test_files_are_of_imagenet_s_size(project):
    sizes = [path.stat().st_size for path in project.folder.glob("pictures/*/*/*.JPEG")]
    assert len(sizes) == sum(TRAINED.values()) + HELD_OUT * len(TRAINED)
    assert 50_000 < min(sizes) < max(sizes) < 200_000


def test_data_and_labels_do_not_depend_on_how_a_file_system_lists_the_folder(project, results):
    """In a tmpfs the newest file is listed first."""
    with TemporaryDirectory(dir="/dev/shm") as memory:
        ordered = shutil.copytree(project.folder / "pictures", Path(memory, "ordered"))
        backwards = Path(memory, "backwards")
        write_pictures(backwards, backwards=True)
        of_a_class = "train/n01440764"
        assert os.listdir(ordered / of_a_class) != os.listdir(backwards / of_a_class)  # noqa: PTH208, its order counts
        other = Project(Path(memory, "other"))
        backwards.rename(other.folder / "pictures")
        wanted = "splits/imagenet/proportional-0.1/fold0.json"
        done = other.run("snakemake", f"results/imagenet/{wanted}", "--cores", "1", "--configfile", STUDY)
        assert done.returncode == 0, done.stderr[-4000:]
        for name in ("data/imagenet/images.safetensors", "data/imagenet/dataset.json", wanted):
            assert (other.folder / "results/imagenet" / name).read_bytes() == (results / name).read_bytes(), name


def test_the_curves_are_those_of_the_trainings(results):
    fixmatch, smooth = (pd.read_csv(results / "runs" / run / "metrics.csv") for run in RUNS)
    digits = pd.read_csv(results / "runs/digits/balanced-20/fold0/fixmatch/seed0/metrics.csv")
    both = {"FixMatch": fixmatch, "Smooth FixMatch": smooth}
    expected = {
        "fig7": ("test_accuracy", {name: 1 - measured["test_error"] for name, measured in both.items()}),
        "fig8": ("labelled_accuracy", {name: measured["labelled_accuracy"] for name, measured in both.items()}),
        "fig9": (
            "labelled_accuracy",
            {"digits, 20 labels": digits["labelled_accuracy"], "imagenet, 9 labels": fixmatch["labelled_accuracy"]},
        ),
    }
    for figure, (what, curves) in expected.items():
        drawn = dict(list(pd.read_csv(results / f"figures/{figure}.csv").groupby("curve")))
        assert drawn.keys() == curves.keys()
        for name, values in curves.items():
            assert drawn[name]["step"].tolist() == [2, 4]
            assert drawn[name][what].tolist() == pytest.approx(values.tolist())


def test_the_table_states_what_was_trained(results):
    table = (results / "tables/table15.md").read_text()
    assert "imagenet, ResNet-50" in table
    rows = dict(tuple(cell.strip() for cell in line.split("|")[1:3]) for line in table.splitlines() if "|" in line)
    assert (rows["batch"], rows["μ"], rows["τ"], rows["λ_u"], rows["steps"]) == ("4", "1", "0.7", "1", "4")
