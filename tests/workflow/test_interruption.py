"""A training of the paper's network on real images, killed and resumed through the real Snakemake."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from project import Project
from sklearn.datasets import load_digits

STUDY = "tests/studies/large.yaml"
RUN = "results/large/runs/pictures/balanced-40/fold0/fixmatch/seed0"
TARGET = f"{RUN}/weights.safetensors"


@pytest.fixture(scope="module")
def pictures():
    """Twenty handwritten digits of each class to train with, ten to test with, 28 pixels wide, by path."""
    images, classes = load_digits(return_X_y=True)
    large = np.kron(images.reshape(-1, 8, 8) * 15, np.ones((3, 3))).astype(np.uint8)
    padded = np.pad(large, ((0, 0), (2, 2), (2, 2)))
    paths = {}
    for digit in range(10):
        train, test = np.split(np.flatnonzero(classes == digit)[:30], [20])
        paths |= {f"train/{digit}/{place}.png": padded[place] for place in train}
        paths |= {f"test/{digit}/{place}.png": padded[place] for place in test}
    return paths


def furnish(project, images):
    for path, pixels in images.items():
        file = project.folder / "pictures" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)
    return project


@pytest.fixture
def undisturbed(pictures, tmp_path_factory):
    """A project in which the training ran in one go."""
    return trained(furnish(Project(tmp_path_factory.mktemp("undisturbed")), pictures))


def trained(project):
    done = project.run("snakemake", TARGET, "--cores", "2", "--configfile", STUDY)
    assert done.returncode == 0, done.stderr[-4000:]
    return project


def content(project):
    return {path.name: path.read_bytes() for path in sorted((project.folder / RUN).iterdir())}


def log(project):
    return (project.folder / RUN.replace("runs", "logs/runs", 1)).with_suffix(".log").read_text()


def kill_training(project):
    """Kill -9 the training of a project as soon as it has a checkpoint in the second half."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        found = list(project.folder.glob("results/large/checkpoints/**/step-*"))
        processes = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and is_of(path, project)]
        if processes and any(int(path.name.split("-")[1]) >= 12 for path in found):
            for process in processes:
                os.kill(process, signal.SIGKILL)
            return
        time.sleep(0.02)
    pytest.fail("the training made no checkpoint")


def is_of(process, project):
    try:
        command = (process / "cmdline").read_bytes().split(b"\0")
        return b"train" in command and (process / "cwd").resolve() == project.folder.resolve()
    except OSError:
        return False


def test_wrn_28_2_killed_and_resumed_ends_with_the_same_bytes(undisturbed, pictures, project, monkeypatch):
    furnish(project, pictures)
    monkeypatch.setenv("SPL_CHECKPOINT_INTERVAL", "0")
    running = project.start("snakemake", TARGET, "--cores", "2", "--configfile", STUDY)
    kill_training(project)
    assert running.wait() == 1
    assert not (project.folder / RUN).exists()
    trained(project)
    assert "resuming after step 1" in log(project)
    assert content(project) == content(undisturbed)
    assert not list(project.folder.glob("results/large/checkpoints/**/step-*")), "of what is done none is kept"
    metrics = content(project)["metrics.csv"].decode().splitlines()
    assert [line.split(",")[0] for line in metrics] == ["step", "10", "20"]
