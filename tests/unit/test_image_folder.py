"""A user's own folder of images: what counts is which images there are, not how a directory lists them."""

import hashlib
import os
import shutil
import struct
import zlib
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from spl.data import image_folder
from spl.data.image_folder import list_images, natural, open_image_folder, read_images
from spl.data.prepare import write_dataset
from spl.data.registry import SOURCES
from spl.data.store import NO_CLASS, read_dataset, save_dataset
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


@given(st.lists(st.text("ab01٣²-", max_size=4), unique=True), st.randoms())
def test_any_names_have_one_natural_order(names, shuffle):
    expected = sorted(names, key=natural)
    shuffle.shuffle(names)
    assert sorted(names, key=natural) == expected


def test_classes_are_numbered_in_natural_order(tmp_path):
    for part, name in product(("train", "test"), ("10", "9", "1", "frog 10", "frog 2", "bird")):
        picture(tmp_path / part / name / "0.png")
    found = list_images(tmp_path)
    assert found.classes == ("1", "9", "10", "bird", "frog 2", "frog 10")
    assert found.numbers(["train/10/0.png", "test/1/0.png", "train/frog 2/0.png"]).tolist() == [2, 0, 4]


@pytest.mark.parametrize("parts", [("train", "test"), ("train", "train")])
def test_a_class_whose_name_is_written_with_other_bytes_is_named(root, parts):
    for part, name in zip(parts, ("caf\u00e9", "cafe\u0301"), strict=True):
        picture(root / part / name / "0.png")
    with pytest.raises(InputError) as refused:
        SOURCES["image-folder"].describe(root, side=8)
    assert str(refused.value).endswith(r"expected one spelling of a class, found 'cafe\u0301' and 'caf\xe9'")


def test_what_is_no_image_of_a_class_is_counted_in_one_line_that_says_where_it_lies(root):
    assert list_images(root).passed_over == ""
    before = list_images(root)
    for name in (
        "frog/0.GIF",
        "frog/1.gif",
        "bird/notes.txt",
        "frog/.DS_Store",
        "lone.png",
        "frog/raw/0.png",
        "frog/x",
    ):
        (root / "train" / name).parent.mkdir(exist_ok=True)
        (root / "train" / name).write_text("anything")
    picture(root / "val/frog/0.png")
    (root / "train/frog/loop").symlink_to("loop")
    found = list_images(root)
    assert (found.train, found.test) == (before.train, before.test)
    assert found.passed_over == (
        f"{root}: passed over 2 .gif files (train/frog/0.GIF, ...), 2 folders (train/frog/raw, ...), "
        "2 other files (train/frog/loop, ...), 1 .txt file (train/bird/notes.txt), "
        "1 hidden file (train/frog/.DS_Store), 1 image outside of the class folders (train/lone.png)"
    )
    (root / "README").touch()
    for number in range(3):
        (root / f"a\n.odd{number}").touch()
    assert list_images(root).passed_over.isprintable()
    assert list_images(root).passed_over.endswith("3 of other kinds")


@pytest.mark.parametrize("name", ["unlabeled", "unlabelled"])
def test_images_without_a_class_come_last_and_have_none(root, name):
    before = list_images(root)
    for path in ("0.png", "any/1.jpg", "any/deeper/2.png"):
        picture(root / name / path)
    found = list_images(root)
    assert found.train == (*before.train, f"{name}/0.png", f"{name}/any/1.jpg")
    assert found.numbers(found.train).tolist() == [0, 0, 0, 1, 1, 1, NO_CLASS, NO_CLASS]
    assert (found.classes, found.train_counts, found.test) == (before.classes, before.train_counts, before.test)
    assert found.passed_over == f"{root}: passed over 1 folder ({name}/any/deeper)"
    assert found.digest != before.digest


def test_a_folder_without_a_class_among_the_classes_is_told_where_it_belongs(root):
    picture(root / "train/unlabeled/0.png")
    with pytest.raises(InputError) as caught:
        list_images(root)
    assert str(caught.value).endswith(f"and images without a class in {root / 'unlabeled'}")


def test_of_two_folders_without_classes_none_is_chosen_in_silence(root):
    for name in ("unlabeled", "unlabelled"):
        picture(root / name / "0.png")
    with pytest.raises(InputError, match="in one folder, found unlabeled and unlabelled"):
        list_images(root)


def test_a_folder_that_cannot_be_read_is_named(root, monkeypatch):
    def scandir(folder):
        if folder == root / "train/frog":
            raise PermissionError(13, "Permission denied")
        return os.scandir(folder)

    monkeypatch.setattr(image_folder, "os", SimpleNamespace(**vars(os) | {"scandir": scandir}))
    with pytest.raises(InputError, match="train/frog: cannot be read: Permission denied"):
        list_images(root)


def test_links_lead_to_images_and_folders_and_one_name_counts_with_each_ending(root):
    (root / "train/frog/link.png").symlink_to(root / "train/bird/0.png")
    (root / "train/toad").symlink_to(root / "train/frog")
    (root / "test/toad").symlink_to(root / "train")  # images of a class lie deeper there
    picture(root / "train/lone.png")
    picture(root / "train/bird/0.jpg")
    found = list_images(root)
    assert found.classes == ("bird", "frog", "toad")
    assert found.train_counts == (4, 4, 4)
    assert [path for path in found.test if "toad" in path] == ["test/toad/lone.png"]
    dangling = root / "train/frog/link.png"
    for target in ("nowhere.png", "link.png", "."):  # the second leads to itself, the third is a folder
        dangling.unlink()
        dangling.symlink_to(target)
        if target == ".":
            assert "train/frog/link.png" not in list_images(root).train
        else:
            with pytest.raises(InputError, match=f"{dangling}: expected a readable PNG or JPEG image"):
                list(read_images(root, list_images(root).train, 4))


def only_pixel(root, image, **how):
    """The first pixel of an image, saved and read."""
    image.save(root / "one.png", **how)
    [(pixels, _)] = read_images(root, ["one.png"], min(image.size))
    return tuple(pixels[:, 0, 0].tolist())


MODES = {
    "grey": (Image.new("L", (1, 1), 7), {}, (7, 7, 7)),
    "black and white": (Image.new("1", (1, 1), 1), {}, (255, 255, 255)),
    "grey, 16 bits": (Image.fromarray(np.array([[0x12F0]], dtype=np.uint16)), {}, (0x12, 0x12, 0x12)),
    "palette": (Image.new("RGB", (1, 1), (9, 8, 7)).convert("P", palette=Image.Palette.ADAPTIVE), {}, (9, 8, 7)),
    "RGBA, opaque": (Image.new("RGBA", (1, 1), (9, 8, 7, 255)), {}, (9, 8, 7)),
    "RGBA, transparent": (Image.new("RGBA", (1, 1), (9, 8, 7, 0)), {}, (255, 255, 255)),
    "RGBA, in between": (Image.new("RGBA", (1, 1), (0, 100, 200, 51)), {}, (204, 224, 244)),
    "LA, transparent": (Image.new("LA", (1, 1), (9, 0)), {}, (255, 255, 255)),
    "palette with a transparent colour": (Image.new("P", (1, 1), 0), {"transparency": 0}, (255, 255, 255)),
    "palette with alpha": (Image.new("P", (1, 1), 0), {"transparency": bytes([0])}, (255, 255, 255)),
    "a transparent grey": (Image.new("L", (1, 1), 7), {"transparency": 7}, (255, 255, 255)),
    "another transparent grey": (Image.new("L", (1, 1), 7), {"transparency": 8}, (7, 7, 7)),
    "a transparent colour": (Image.new("RGB", (1, 1), (9, 8, 7)), {"transparency": (9, 8, 7)}, (255, 255, 255)),
    "a transparent black": (Image.new("1", (1, 1), 0), {"transparency": 0}, (255, 255, 255)),
}


@pytest.mark.parametrize("what", MODES)
def test_an_image_of_any_mode_looks_as_on_a_white_page(root, what):
    image, how, expected = MODES[what]
    assert only_pixel(root, image, **how) == expected


def raw_png(depth, colour, pixel, *chunks):
    """A PNG of one pixel, as Pillow does not write it."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, depth, colour, 0, 0, 0))
    body = b"".join(chunk(*each) for each in (*chunks, (b"IDAT", zlib.compress(b"\0" + pixel)), (b"IEND", b"")))
    return b"\x89PNG\r\n\x1a\n" + header + body


def shorts(*levels):
    return struct.pack(f">{len(levels)}H", *levels)


RAW = {
    "RGB, 16 bits": (raw_png(16, 2, shorts(0x12F0, 0xFE80, 0)), (0x12, 0xFE, 0)),
    "RGB, 16 bits, transparent": (raw_png(16, 2, shorts(0x12F0, 5, 0), (b"tRNS", shorts(0x12F0, 5, 0))), (255,) * 3),
    "RGBA, 16 bits": (raw_png(16, 6, shorts(0x12F0, 5, 0, 0x00FF)), (255,) * 3),
    "grey and alpha, 16 bits": (raw_png(16, 4, shorts(0x12F0, 0xFFFF)), (0x12,) * 3),
    "grey, 16 bits, transparent": (raw_png(16, 0, shorts(0x12F0), (b"tRNS", shorts(0x12F0))), (255,) * 3),
    "grey, 4 bits": (raw_png(4, 0, b"\x40"), (0x44,) * 3),
    "grey, 4 bits, transparent": (raw_png(4, 0, b"\x40", (b"tRNS", shorts(4))), (255,) * 3),
    "grey, 2 bits, transparent": (raw_png(2, 0, b"\x40", (b"tRNS", shorts(1))), (255,) * 3),
    "grey, 2 bits, another transparent": (raw_png(2, 0, b"\x40", (b"tRNS", shorts(2))), (85,) * 3),
}


@pytest.mark.parametrize("what", RAW)
def test_so_does_one_of_any_depth_of_whose_16_bits_the_upper_8_count(root, what):
    content, expected = RAW[what]
    (root / "one.png").write_bytes(content)
    [(image, _)] = read_images(root, ["one.png"], 1)
    assert tuple(image[:, 0, 0].tolist()) == expected


def test_cmyk_is_converted_whatever_the_suffix(root):
    Image.new("CMYK", (6, 6), (0, 0, 0, 0)).save(root / "one.png", "JPEG")
    [(image, _)] = read_images(root, ["one.png"], 6)
    assert (image == 255).all()


@pytest.mark.parametrize("kind", ["PNG", "MPO"])
def test_of_several_frames_the_first_counts(root, kind):
    frames = [Image.new("L", (4, 4), level).convert("RGB") for level in (70, 140, 210)]
    assert only_pixel(root, frames[0], format=kind, save_all=True, append_images=frames[1:]) == (70, 70, 70)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize("orientation", range(10))
def test_an_image_is_turned_as_its_exif_data_say(root, suffix, orientation):
    corners = Image.new("RGB", (16, 16), RED)
    corners.paste(GREEN, (8, 0, 16, 8))
    corners.paste(BLUE, (0, 8, 8, 16))
    corners.paste((9, 9, 9), (8, 8, 16, 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    corners.save(root / f"one.{suffix}", exif=exif, **({"quality": 100, "subsampling": 0} if suffix == "jpg" else {}))
    [(image, _)] = read_images(root, [f"one.{suffix}"], 16)
    with Image.open(root / f"one.{suffix}") as written:
        expected = np.asarray(ImageOps.exif_transpose(written)).transpose(2, 0, 1)
    assert (image == expected).all()
    if suffix == "png":  # which keeps every pixel
        assert (image != np.asarray(corners).transpose(2, 0, 1)).any() == (orientation in range(2, 9))


def test_damaged_exif_data_are_ignored_as_viewers_do(root):
    assert only_pixel(root, Image.new("RGB", (4, 4), RED), exif=b"Exif\0\0II*\0\xff\xff\xff\xff nonsense") == RED


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


def test_all_images_that_cannot_be_read_are_named_at_once_in_training_and_test(root):
    damaged = [root / name for name in ("test/frog/0.png", "train/bird/1.png", "train/frog/0.png")]
    for path in damaged:
        path.write_text("no image")
    with pytest.raises(InputError) as caught:
        save_dataset("image-folder", ["bird", "frog"], open_image_folder(root, 8), root)
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == list(map(str, damaged))
    assert all("expected a readable PNG or JPEG image" in line for line in lines)


@pytest.mark.parametrize("number", [19, 20, 21, 60])
def test_no_more_than_twenty_are_named(tmp_path, number):
    names = [f"{name:02}.png" for name in range(number)]
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(InputError) as caught:
        list(read_images(tmp_path, names[:5], 8, names[5:]))
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in lines[:20]] == [str(tmp_path / name) for name in names[:20]]
    assert (len(lines) == 21) == (number > 20)
    assert all(line.startswith(f"{tmp_path}: further images") for line in lines[20:])


@pytest.mark.parametrize("kept", [0, 45])
def test_an_image_that_cannot_be_read_is_named(root, kept):
    damaged = root / "train/frog/1.png"
    damaged.write_bytes(damaged.read_bytes()[:kept])
    with pytest.raises(InputError) as caught:
        save_dataset("image-folder", ["bird", "frog"], open_image_folder(root, 8), root)
    assert str(caught.value).startswith(f"{damaged}: expected a readable PNG or JPEG image")
    assert "\n" not in str(caught.value)
    assert not list(root.glob("*.safetensors")), "no part of a data set is left"
