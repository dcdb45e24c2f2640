"""ImageNet's 1.3 million images take 200 GB: no process that prepares or opens them holds them all."""

import hashlib
import json
import os
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from safetensors.numpy import save_file

from spl.campaign.job import Job, canonical
from spl.code.subcommands import present_code
from spl.data import image_folder, store
from spl.data.image_folder import read_images
from spl.data.prepare import write_dataset
from spl.data.store import Dataset, check_dataset, mapped_arrays, read_dataset, save_dataset
from spl.errors import DamagedError
from spl.provenance.files import digest
from spl.provenance.manifest import read_manifest
from spl.provenance.recording import recorded
from spl.study.files import DATA_FILES

SIDE = 224
SIZES = (100, 500)  # training images
IMAGE = 3 * SIDE**2  # bytes

PREPARE = """
from pathlib import Path
from spl.data.prepare import write_dataset
from spl.study.files import DATA_FILES

outputs = [Path(sys.argv[2], name) for name in DATA_FILES]
write_dataset({"source": "image-folder", "options": {"side": 224}}, [Path(sys.argv[1])], outputs)
"""
OPEN = """
from pathlib import Path
import torch
from spl.data.splits import draw_split
from spl.data.store import check_dataset, read_dataset
from spl.provenance.files import digest
from spl.training.batches import build_pools

folder = Path(sys.argv[2])
check_dataset(folder, digest(folder / "images.safetensors"))
dataset, description = read_dataset(folder, checked=())
split = draw_split(dataset.train_classes, "balanced", 0, 2)
grey = description["mean"], description["std"]
pools = build_pools(dataset, grey, split, torch.arange(2).numpy(), torch.device("cpu"))
pools.images[torch.arange(16)]
"""
PEAK = """
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(1024 * int(status["VmHWM"].split()[0]))
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders of few and of many images, two classes each: links to one file."""
    root = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(0).integers(256, size=(SIDE, SIDE, 3), dtype=np.uint8)
    Image.fromarray(noise).save(root / "one.jpg")
    for size in SIZES:
        for part, number in (("train", size), ("test", 10)):
            for place in range(number):
                path = root / str(size) / part / "ab"[place % 2] / f"{place:04}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.hardlink_to(root / "one.jpg")
        (root / str(size) / "prepared").mkdir()
    return [root / str(size) for size in SIZES]


def peak(work, folder):
    """The most memory that a process of its own has in use at once, in bytes."""
    command = [sys.executable, "-c", f"import sys\n{work}{PEAK}", folder, folder / "prepared"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_the_memory_to_prepare_and_to_open_images_does_not_grow_with_their_number(folders):
    for work in (PREPARE, OPEN):
        few, many = (peak(work, folder) for folder in folders)
        added = (SIZES[1] - SIZES[0]) * IMAGE
        print(f"{few / 2**20:.0f} and {many / 2**20:.0f} MiB; {added / 2**20:.0f} MiB of images were added")
        assert many - few < added / 4
    for folder, size in zip(folders, SIZES, strict=True):
        assert read_dataset(folder / "prepared")[0].train_images.shape == (size, 3, SIDE, SIDE)


def test_a_file_that_is_larger_than_the_memory_can_be_opened(tmp_path):
    """Linux would refuse to reserve memory for a copy of it. The file has holes and takes no space."""
    side, images = 4096, np.zeros((2, 1, 2, 2), dtype=np.uint8)
    images[0] = 1
    save_dataset("any", "ab", Dataset(images, np.arange(2), images, np.arange(2)), tmp_path)
    n = 2 * (psutil.virtual_memory().total + psutil.swap_memory().total) // side**2
    shapes = {
        "test_classes": (2,),
        "train_classes": (n,),
        "test_images": (2, 1, 2, 2),
        "train_images": (n, 1, side, side),
    }
    virtual = {name: store.ImageFiles(shape, (), ()) for name, shape in shapes.items()}
    header = store._header(virtual)
    with (tmp_path / store.FILE).open("wb") as file:
        file.write(header)
        file.truncate(len(header) + 8 * (2 + n) + 8 + n * side**2)
    dataset, _ = read_dataset(tmp_path, checked=())
    assert dataset.train_images.shape == shapes["train_images"]
    assert not dataset.train_images[-1].any()


def data_sets(draw):
    sides = draw(st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4)))
    counts = draw(st.tuples(st.integers(1, 600), st.integers(1, 5)))
    images = [draw(arrays(np.uint8, (n, *sides), fill=st.integers(0, 255))) for n in counts]
    classes = [draw(arrays(np.int64, n, elements=st.integers(0, 9), fill=st.integers(0, 9))) for n in counts]
    images[0][:1], images[0][1:2] = 0, 1  # no channel is the same everywhere
    return Dataset(images[0], classes[0], images[1], classes[1])


@given(st.composite(data_sets)().filter(lambda dataset: len(dataset.train_classes) > 1))
def test_the_file_is_the_one_that_safetensors_writes(tmp_path_factory, dataset):
    folder = tmp_path_factory.getbasetemp()
    save_dataset("any", "0123456789", dataset, folder)
    expected = {name: np.ascontiguousarray(getattr(dataset, name)) for name in store.ARRAYS}
    save_file(expected, folder / "expected.safetensors")
    assert (folder / store.FILE).read_bytes() == (folder / "expected.safetensors").read_bytes()
    digests = json.loads((folder / "dataset.json").read_text())["sha256"]
    assert digests.pop(store.FILE) == digest(folder / "expected.safetensors")
    assert digests == {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in expected.items()}
    for name, array in mapped_arrays(folder / store.FILE).items():
        assert array.dtype == expected[name].dtype
        assert (array == expected[name]).all()


def test_images_are_read_in_order_and_only_a_few_ahead(tmp_path, monkeypatch):
    begun = []

    def read(path, side):
        begun.append(path.name)
        time.sleep(0.01 * (path.name == "0"))  # the first one is ready last
        return np.zeros((3, side, side), dtype=np.uint8), path.name

    monkeypatch.setattr(image_folder, "_read_image", read)
    names = [str(number) for number in range(1000)]
    for place, (_, name) in enumerate(read_images(tmp_path, names, 1)):
        assert name == names[place]
        assert len(begun) <= place + 2 + image_folder.IMAGES_AHEAD * os.cpu_count()


def test_the_digest_of_a_folder_is_recorded_without_a_second_look_at_its_files(folders, tmp_path, monkeypatch):
    content = {"source": "image-folder", "options": {"side": 8}}
    parameter = canonical({**content, "code": present_code("data", content)})
    job = Job("data/own", "data", parameter, (folders[0],), tuple(tmp_path / "own" / name for name in DATA_FILES))
    expected, read, original = digest(folders[0]), [], hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda file, kind: read.append(file.name) or original(file, kind))
    with recorded(job):
        write_dataset(content, job.inputs, job.outputs)
    assert read_manifest(job.manifest).inputs == {str(folders[0]): expected}
    assert not [name for name in read if name.endswith(".jpg")]


def test_a_file_that_is_not_the_one_described_is_refused(inputs, tmp_path):
    check_dataset(inputs, digest(inputs / store.FILE))
    with pytest.raises(DamagedError, match=f"{store.FILE}: expected the file with sha256 .*, found {'0' * 64}"):
        check_dataset(inputs, "0" * 64)


def test_predictions_that_are_not_used_are_not_read(tmp_path):
    """500 evaluations of ImageNet's 50,000 test images; a figure shows a few of them."""
    predicted = np.zeros((500, 50_000), dtype=np.uint16)
    true = np.zeros(50_000, dtype=np.uint16)
    path = tmp_path / "predictions.safetensors"
    save_file({"predicted": predicted, "true": true}, path, {"classes": "1000"})
    work = """
from pathlib import Path
from spl.analysis.predictions import read_predictions
status = lambda: dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
resident = lambda: 1024 * int(status()["VmRSS"].split()[0])
before = resident()
predictions = read_predictions(Path(sys.argv[1]))
predictions.predicted[[0, -1]].sum()
print(resident() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{work}", path], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < predicted.nbytes / 4
