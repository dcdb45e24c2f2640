"""Published data sets are read as they were published, or not at all."""

import hashlib
import pickle
import struct
import tarfile
from gzip import decompress
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import CIFAR10, CIFAR100, FashionMNIST

from spl.data.digits import read_digits
from spl.data.prepare import write_dataset
from spl.data.registry import SOURCES
from spl.data.store import Dataset, read_dataset, save_dataset
from spl.errors import InputError
from spl.study.files import DATA_FILES


class Python2Pickler(pickle._Pickler):
    """Writes text and bytes as Python 2 wrote its strings, as in the published batches."""

    def save_string(self, content):
        content = content.encode("latin1") if isinstance(content, str) else content
        self.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)

    dispatch = pickle._Pickler.dispatch | {str: save_string, bytes: save_string}


def write_batch(path, content):
    with path.open("wb") as file:
        Python2Pickler(file, protocol=2).dump(content)
    assert all(isinstance(key, bytes) for key in pickle.loads(path.read_bytes(), encoding="bytes"))
    return [path.name, hashlib.md5(path.read_bytes()).hexdigest()]


def pixels(n, seed):
    return np.random.default_rng(seed).integers(0, 256, (n, 3072), dtype=np.uint8)


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """Small CIFAR-10 and CIFAR-100 in the published form, whose checksums torchvision expects for once."""
    for kind, labels, train in (
        (CIFAR10, "labels", [f"data_batch_{number}" for number in range(1, 6)]),
        (CIFAR100, "fine_labels", ["train"]),
    ):
        folder = tmp_path / kind.base_folder
        folder.mkdir()
        files = [
            write_batch(folder / name, {"data": pixels(4, seed), labels: [seed, 9, 0, 3], "coarse_labels": [1] * 4})
            for seed, name in enumerate([*train, kind.test_list[0][0]])
        ]
        meta = write_batch(folder / kind.meta["filename"], {kind.meta["key"]: ["a", "b"]})
        with tarfile.open(tmp_path / kind.filename, "w:gz") as archive:
            archive.add(folder, kind.base_folder)
        monkeypatch.setattr(kind, "train_list", files[:-1])
        monkeypatch.setattr(kind, "test_list", files[-1:])
        monkeypatch.setattr(kind, "meta", kind.meta | {"md5": meta[1]})
        monkeypatch.setattr(kind, "tgz_md5", hashlib.md5((tmp_path / kind.filename).read_bytes()).hexdigest())
    return tmp_path


def prepare(source, folder, inputs=()):
    write_dataset({"source": source, "options": {}}, inputs, [folder / name for name in DATA_FILES])


def read(source, root):
    return SOURCES[source].read(*SOURCES[source].locate(source, root))


@pytest.mark.parametrize("form", ["archive", "torchvision's folder", "the folder itself"])
def test_cifar_10_keeps_its_images_and_their_order_in_every_form(cifar, form):
    if form == "archive":
        for path in (cifar / "cifar-10-batches-py").iterdir():
            path.unlink()
    else:
        (cifar / "cifar-10-python.tar.gz").unlink()
    found = read("cifar-10", cifar / "cifar-10-batches-py" if form == "the folder itself" else cifar)
    expected = np.concatenate([pixels(4, seed) for seed in range(5)]).reshape(20, 3, 32, 32)
    assert found.train_images.dtype == np.uint8
    assert (found.train_images == expected).all()
    assert found.train_classes.dtype == np.int64
    assert found.train_classes[::4].tolist() == [0, 1, 2, 3, 4]
    assert (found.test_images == pixels(4, 5).reshape(4, 3, 32, 32)).all()
    assert found.test_classes.tolist() == [5, 9, 0, 3]
    assert read("cifar-100", cifar).train_classes.tolist() == [0, 9, 0, 3], "its fine classes"


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == "altered":
        content[-20] ^= 1
    else:
        del content[len(content) // 2 :]
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["altered", "truncated"])
@pytest.mark.parametrize(
    ("source", "file", "md5"),
    [
        ("cifar-10", "cifar-10-python.tar.gz", lambda: CIFAR10.tgz_md5),
        ("cifar-10", "cifar-10-batches-py/data_batch_3", lambda: CIFAR10.train_list[2][1]),
        ("cifar-100", "cifar-100-python/test", lambda: CIFAR100.test_list[0][1]),
    ],
)
def test_a_damaged_file_of_cifar_is_named(cifar, source, file, md5, how):
    damage(cifar / file, how)
    if not file.endswith("gz"):
        (cifar / f"{source}-python.tar.gz").unlink()
    with pytest.raises(InputError) as caught:
        read(source, cifar)
    assert str(caught.value).startswith(f"{cifar / file}: expected content with md5 {md5()}, found")
    assert "\n" not in str(caught.value)


def test_a_file_that_went_after_planning_is_named(cifar):
    files = SOURCES["cifar-10"].locate("cifar-10", cifar)
    files[0].unlink()
    with pytest.raises(InputError, match=f"{files[0]}: expected a whole file with md5 .*No such file"):
        SOURCES["cifar-10"].read(*files)


def test_the_names_of_cifar_s_files_are_torchvision_s():
    for source, kind in (("cifar-10", CIFAR10), ("cifar-100", CIFAR100)):
        batches = [name for name, _ in [*kind.train_list, *kind.test_list]] + [kind.meta["filename"]]
        archive, extracted, bare = SOURCES[source].files.layouts
        assert archive == (kind.filename,)
        assert bare == tuple(batches)
        assert extracted == tuple(f"{kind.base_folder}/{name}" for name in batches)
        assert len(set(SOURCES[source].known.classes)) == len(SOURCES[source].known.classes) == int(source[6:])


def test_debian_s_fashion_mnist_is_the_published_one_but_for_its_gzip_headers(published_fashion_mnist):
    assert {name: hashlib.md5(content).hexdigest() for name, content in published_fashion_mnist.items()} == dict(
        FashionMNIST.resources
    )


def test_fashion_mnist_is_what_the_study_assumes(debian_fashion_mnist, tmp_path):
    known = SOURCES["fashion-mnist"].known
    prepare("fashion-mnist", tmp_path, SOURCES["fashion-mnist"].locate("fashion-mnist", debian_fashion_mnist))
    prepared, description = read_dataset(tmp_path)
    assert prepared.train_images.shape == (known.train_images, 1, known.side, known.side)
    assert prepared.test_images.shape == (10_000, 1, 28, 28)
    assert prepared.train_images.dtype == prepared.test_images.dtype == np.uint8
    assert tuple(description["train_counts"]) == known.train_counts
    assert description["test_counts"] == [1_000] * 10
    assert description["classes"] == list(known.classes) == FashionMNIST.classes
    assert [known.classes[one] for one in prepared.train_classes[:3]] == ["Ankle boot", "T-shirt/top", "T-shirt/top"]
    assert np.allclose([*description["mean"], *description["std"]], [255 * 0.2860, 255 * 0.3530], atol=0.02)


@pytest.mark.parametrize("form", ["as published", "torchvision's folder", "decompressed"])
def test_fashion_mnist_is_the_same_in_every_form(published_fashion_mnist, debian_fashion_mnist, tmp_path, form):
    folder = tmp_path if form == "as published" else tmp_path / "FashionMNIST/raw"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in published_fashion_mnist.items():
        if form == "decompressed":
            (folder / name.removesuffix(".gz")).write_bytes(decompress(content))
        else:
            (folder / name).write_bytes(content)
    here, debian = (read("fashion-mnist", root) for root in (tmp_path, debian_fashion_mnist))
    assert all(np.array_equal(getattr(here, name), getattr(debian, name)) for name in ("train_images", "test_classes"))


@pytest.mark.parametrize("how", ["altered", "truncated"])
@pytest.mark.parametrize("compressed", [True, False])
def test_a_damaged_file_of_fashion_mnist_is_named(debian_fashion_mnist, tmp_path, compressed, how):
    for path in debian_fashion_mnist.iterdir():
        content = path.read_bytes() if compressed else decompress(path.read_bytes())
        (tmp_path / (path.name if compressed else path.stem)).write_bytes(content)
    damaged = tmp_path / ("t10k-labels-idx1-ubyte.gz" if compressed else "t10k-labels-idx1-ubyte")
    damage(damaged, how)
    with pytest.raises(InputError) as caught:
        read("fashion-mnist", tmp_path)
    assert str(caught.value).startswith(f"{damaged}: expected ")
    assert "\n" not in str(caught.value)


def test_grey_levels_are_the_exact_mean_and_deviation_of_each_channel_and_none_says_nothing(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (50, 3, 5, 7), dtype=np.uint8)
    images[:, 1] = 7
    classes = np.arange(50) % 4
    with pytest.raises(InputError, match="channel 1 of all training images: expected pixels that differ"):
        save_dataset("any", "abcd", Dataset(images, classes, images, classes), tmp_path)
    assert list(tmp_path.iterdir()) == []
    images[0, 1, 0, 0] = 8
    save_dataset("any", "abcd", Dataset(images, classes, images[:8], classes[:8]), tmp_path)
    prepared, description = read_dataset(tmp_path)
    assert (prepared.train_images == images).all()
    assert np.allclose(description["mean"], images.mean(axis=(0, 2, 3)), atol=1e-4)
    assert np.allclose(description["std"], images.std(axis=(0, 2, 3)), atol=1e-4)


def anonymous():
    """Memory of this process that no file stands behind, in bytes."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return 1024 * int(status["RssAnon"].split()[0])


def test_what_is_read_is_the_file_s_own_memory_which_processes_share(tmp_path):
    """Eight processes of one training have no room for ImageNet eight times."""
    images = np.zeros((64, 3, 512, 512), dtype=np.uint8)
    images[-1] = 1
    classes = np.arange(64) % 4
    save_dataset("any", "abcd", Dataset(images, classes, images[:4], classes[:4]), tmp_path)
    before = anonymous()
    prepared, _ = read_dataset(tmp_path)
    # One by one: what a comparison of all leaves behind may stay with the process.
    assert all((read == image).all() for read, image in zip(prepared.train_images, images, strict=True))
    assert anonymous() - before < images.nbytes / 4
    prepared.train_images[0] = 1
    again, _ = read_dataset(tmp_path)
    assert not again.train_images[0].any(), "nobody writes into the file"
    images, description = (tmp_path / name for name in ("images.safetensors", "dataset.json"))
    assert images.stat().st_mode == description.stat().st_mode, "what is prepared may be read by others"


def test_the_digits_are_the_same_pictures_when_read_back_from_files():
    plain, files = read_digits(), SOURCES["digits-png"].read()
    for part in ("train", "test"):
        read = getattr(files, f"{part}_images")
        paths = list(read.paths)
        order = [int(Path(path).stem) for path in paths]
        assert [int(path.split("/")[1]) for path in paths] == getattr(plain, f"{part}_classes")[order].tolist()
        images = np.stack([image for image, _ in read.images])
        assert images.shape[1] == 3
        assert (images == getattr(plain, f"{part}_images")[order]).all()
