"""A user's own folder of images: what counts is which images there are, not how a directory lists them."""

import hashlib
import os
import shutil
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from spl.data import image_folder
from spl.data.image_folder import list_images, open_image_folder, read_images
from spl.data.prepare import write_dataset
from spl.data.store import read_dataset, save_dataset
from spl.errors import InputError
from spl.study.files import DATA_FILES

RED, GREEN, BLUE = (255, 0, 0), (20, 255, 0), (0, 0, 255)  # no channel is the same everywhere


def picture(path, colour=RED, size=(8, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, quality=100)


@pytest.fixture
def root(tmp_path):
    """Two classes, of which the second in the alphabet was made first."""
    for part, n in (("train", 3), ("test", 1)):
        for name, colour in (("frog", GREEN), ("bird", BLUE)):
            for number in range(n):
                picture(tmp_path / part / name / f"{number}.png", colour)
    return tmp_path


def test_images_are_listed_by_path_and_classes_by_name(root):
    found = list_images(root)
    assert found.classes == ("bird", "frog")
    assert found.train == tuple(f"train/{name}/{number}.png" for name in ("bird", "frog") for number in range(3))
    assert found.numbers(found.train).tolist() == [0, 0, 0, 1, 1, 1]
    assert found.train_counts == (3, 3)


def test_val_takes_the_place_of_test(root):
    (root / "test").rename(root / "val")
    assert list_images(root).test == ("val/bird/0.png", "val/frog/0.png")


def test_every_kind_of_suffix_counts_and_what_is_no_image_is_passed_over(root):
    before = list_images(root)
    for name in ("3.JPEG", "4.jpg", "5.PNG"):
        picture(root / "train/frog" / name)
    for name in ("frog/notes.txt", "frog/._0.png", ".cache/0.png"):
        (root / "train" / name).parent.mkdir(exist_ok=True)
        (root / "train" / name).write_text("not an image")
    assert list_images(root).train == (*before.train, *(f"train/frog/{name}" for name in ("3.JPEG", "4.jpg", "5.PNG")))


@given(st.randoms())
def test_the_order_of_a_directory_does_not_count(tmp_path_factory, shuffle):
    root = tmp_path_factory.getbasetemp() / "ordered"
    if not root.exists():
        for part, name, number in product(("train", "test"), ("a", "a b", "b"), range(4)):
            picture(root / part / name / f"{number}.png")
    expected = list_images(root)

    def scandir(folder):
        entries = list(os.scandir(folder))
        shuffle.shuffle(entries)
        return entries

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_folder, "os", SimpleNamespace(**vars(os) | {"scandir": scandir}))
        assert list_images(root) == expected


def test_the_digest_tells_folders_apart_by_the_names_of_their_images(root):
    before = list_images(root).digest
    picture(root / "train/frog/3.png")
    after = list_images(root).digest
    (root / "train/frog/3.png").unlink()
    assert before != after
    assert list_images(root).digest == before


def test_an_image_is_resized_by_its_shorter_side_and_its_centre_kept(root):
    bands = Image.new("RGB", (32, 8), RED)
    bands.paste(GREEN, (8, 0, 24, 8))
    bands.paste(BLUE, (8, 0, 24, 1))  # the topmost row, which only resizing brings into the picture
    bands.save(root / "bands.png")
    [(image, _)] = read_images(root, ["bands.png"], 4)
    assert image.shape == (3, 4, 4)
    assert (image[:, 1:] == np.array(GREEN)[:, None, None]).all()
    assert (image[2, 0] > 0).all()


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1", "CMYK"])
def test_every_mode_becomes_rgb_whatever_the_suffix(root, mode):
    Image.new("RGB", (6, 6), (255, 255, 255)).convert(mode).save(root / "one.jpg", "JPEG" if mode == "CMYK" else "PNG")
    [(image, _)] = read_images(root, ["one.jpg"], 6)
    assert image.shape == (3, 6, 6)
    assert (image == 255).all()


def test_a_folder_is_prepared_with_the_sha256_of_every_file(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    prepared_files = [folder / name for name in DATA_FILES]
    write_dataset({"source": "image-folder", "options": {"side": 5}}, [root], prepared_files)
    prepared, description = read_dataset(folder)
    assert list(description["train_files"]) == list(list_images(root).train)
    for files in (description["train_files"], description["test_files"]):
        assert files == {path: hashlib.sha256((root / path).read_bytes()).hexdigest() for path in files}
    assert description["classes"] == ["bird", "frog"]
    assert description["image"] == [3, 5, 5]
    assert (prepared.train_images[prepared.train_classes == 1] == np.array(GREEN)[:, None, None]).all()


@pytest.mark.parametrize(
    ("removed", "missing", "expected"),
    [
        ("train", "train", "expected {root}/train/<class>/ with PNG or JPEG images"),
        ("train/frog/*", "train/frog", "expected PNG or JPEG files in every class"),
        ("test/frog", "test/frog", "expected the same classes in train and test"),
    ],
)
def test_what_a_folder_lacks_is_named(root, removed, missing, expected):
    for path in root.glob(removed):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(InputError) as caught:
        list_images(root)
    assert str(caught.value).startswith(f"{root / missing}: ")
    assert expected.format(root=root) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kept", [0, 45])
def test_an_image_that_cannot_be_read_is_named(root, kept):
    damaged = root / "train/frog/1.png"
    damaged.write_bytes(damaged.read_bytes()[:kept])
    with pytest.raises(InputError) as caught:
        save_dataset("image-folder", ["bird", "frog"], open_image_folder(root, 8), root)
    assert str(caught.value).startswith(f"{damaged}: expected a readable PNG or JPEG image")
    assert "\n" not in str(caught.value)
    assert not list(root.glob("*.safetensors")), "no part of a data set is left"
