"""Damaged, foreign and hostile files end in one line that names them; nothing in them is run."""

import io
import os
import pickle
import shutil
import struct
import tarfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from spl.attempts.journal import FAILURE, JOURNAL, PROGRESS, Progress, note, note_progress, read_attempts, read_progress
from spl.campaign.run_state import run_state
from spl.data.image_folder import list_images, read_image_folder
from spl.data.sources import cifar_10
from spl.data.splits import draw_split, read_split, write_split
from spl.data.store import Dataset, read_dataset, save_dataset
from spl.errors import InputError
from spl.study.weights import read_weights
from spl.training.checkpoints import Checkpoint, Checkpoints

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def bomb(side):
    """A PNG of few bytes that says it is large."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


JPEG = encoded(NOISE, "JPEG")
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(pwned) (w) file closefile\n%%EOF\n"
REFUSED = {
    "nothing": b"",
    "a page that says 404": b"<html>404</html>",
    "half of it": JPEG[: len(JPEG) // 2],
    "a bomb": bomb(60_000),
    "PostScript": POSTSCRIPT,
    "a format that others read": encoded(NOISE, "WEBP"),
}
READ = {
    "CMYK": encoded(NOISE.convert("CMYK"), "JPEG"),
    "grey": encoded(NOISE.convert("L"), "JPEG"),
    "PNG by its content": encoded(NOISE, "PNG"),
}


@pytest.fixture
def root(tmp_path):
    """Two classes of two pictures each."""
    for name in ("train/a/0.jpg", "train/a/1.jpg", "train/b/0.jpg", "test/a/0.jpg", "test/b/0.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(JPEG)
    return tmp_path


def check(caught, path):
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).isprintable()


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_whole_picture_is_named(root, what):
    damaged = root / "train/a/1.jpg"
    damaged.write_bytes(REFUSED[what])
    with pytest.raises(InputError) as caught:
        read_image_folder(root, 8)
    check(caught, damaged)
    assert "0x" not in str(caught.value), "no address in memory: the same line every time"


@pytest.mark.parametrize("what", READ)
def test_unusual_pictures_are_read(root, what):
    (root / "train/a/1.jpg").write_bytes(READ[what])
    prepared = read_image_folder(root, 8)
    usual, unusual = prepared.train_images[:2].astype(int)
    assert abs(usual.mean() - unusual.mean()) < 3


def test_no_other_program_is_started_for_a_picture(root, monkeypatch):
    """Pillow gives PostScript to Ghostscript, whatever the file's name."""
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a program was started"))
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", "gs", raising=False)
    (root / "train/a/1.jpg").write_bytes(POSTSCRIPT)
    with pytest.raises(InputError, match=r"1\.jpg: expected a readable PNG or JPEG image, found something else"):
        read_image_folder(root, 8)


@pytest.mark.parametrize("what", ["nowhere", "a folder", "a pipe"])
def test_what_is_no_file_is_named_and_not_waited_for(root, what):
    strange = root / "train/a/1.jpg"
    strange.unlink()
    if what == "nowhere":
        strange.symlink_to("/nowhere/1.jpg")
    else:
        (os.mkdir if what == "a folder" else os.mkfifo)(strange)
    with pytest.raises(InputError, match="not a file") as caught:
        read_image_folder(root, 8)
    check(caught, strange)


@pytest.mark.parametrize("name", [b"\xff\xfe.jpg", b"a\nb.jpg"])
def test_names_that_cannot_be_printed_are_refused_in_one_line(root, name):
    Path(os.fsdecode(os.fsencode(root / "train/a") + b"/" + name)).write_bytes(JPEG)
    with pytest.raises(InputError, match="expected a name in UTF-8 without control characters") as caught:
        list_images(root)
    check(caught, root)


class Hostile:
    """What runs a command when it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch pwned",)


def test_an_archive_that_was_not_published_is_neither_unpacked_nor_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    archive = tmp_path / "cifar-10-python.tar.gz"
    content = pickle.dumps(Hostile())
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("../climbed", "/tmp/climbed", "cifar-10-batches-py/data_batch_1"):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    with pytest.raises(InputError, match="expected content with md5") as caught:
        cifar_10.SOURCE.read(archive)
    check(caught, archive)
    archive.unlink()
    for name in cifar_10.SOURCE.files.layouts[2]:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="expected content with md5"):
        cifar_10.SOURCE.read(*cifar_10.SOURCE.locate("cifar-10", tmp_path))
    assert not Path("pwned").exists()
    assert not (tmp_path.parent / "climbed").exists()


REPLACEMENTS = [b"", b"{}", b"[]", b"null", b"5", b'"x"', b"\xff\xfe", b"[" * 100_000, pickle.dumps(Hostile())]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """One of each file that a training finds beside its code."""
    folder = tmp_path_factory.mktemp("prepared")
    images, classes = np.zeros((8, 3, 4, 4), dtype=np.uint8), np.arange(8) % 2
    images[1] = 1
    files = {f"train/{number}.png": "ab" * 32 for number in range(8)}
    save_dataset("any", "ab", Dataset(images, classes, images[:2], classes[:2], files), folder)
    write_split(draw_split(classes, "balanced", 0, 2), folder / "split.json")
    (folder / "calibration.json").write_text('{"weights": {"lambda_u": 1.5}}')
    (folder / "parameters.json").write_text('{"seed": 0}')
    (folder / FAILURE).write_text('{"reason": "x"}')
    note(folder, event="start", identity="i", host="h", pid=1, job=None, first=0)
    note(folder, event="end", status="done", reason="", seconds=1.0, memory_mb=3, gpu_memory_mb=0)
    note_progress(folder, Progress(1.0, 2, 3, None, 0.5, 2.0))
    return folder


READERS = {
    "images.safetensors": read_dataset,
    "dataset.json": read_dataset,
    "split.json": lambda folder: read_split(folder / "split.json"),
    "calibration.json": lambda folder: read_weights(folder / "calibration.json"),
}
RECORDS = {
    JOURNAL: read_attempts,
    PROGRESS: read_progress,
    "parameters.json": lambda folder: run_state(folder, '{"seed":0}'),
}


def refusal(read, folder):
    """What refuses a file; None if it is read."""
    try:
        read(folder)
    except InputError as error:
        return str(error)
    return None


@settings(max_examples=100, derandomize=True, deadline=None)
@given(data=st.data())
def test_damaged_inputs_are_used_as_they_were_or_named_and_damaged_records_end_nothing(
    prepared, tmp_path_factory, data
):
    name = data.draw(st.sampled_from([*READERS, *RECORDS]))
    content = (prepared / name).read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    match data.draw(st.sampled_from(["flip", "truncate", "insert", "replace", "exchange"])):
        case "flip":
            content = content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :]
        case "truncate":
            content = content[:place]
        case "insert":
            content = content[:place] + data.draw(st.binary(min_size=1, max_size=4)) + content[place:]
        case "replace":
            content = data.draw(st.sampled_from(REPLACEMENTS))
        case "exchange":
            content = (prepared / data.draw(st.sampled_from([*READERS, *RECORDS]))).read_bytes()
    folder = tmp_path_factory.getbasetemp() / "damaged"
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    (folder / name).write_bytes(content)
    if name in RECORDS:
        RECORDS[name](folder)
    else:
        line = refusal(READERS[name], folder)
        assert line is None or (str(folder) in line and "\n" not in line)


@pytest.fixture
def kept(tmp_path):
    """The checkpoints of a run, and what they say."""
    lines = []
    return Checkpoints(tmp_path / "run", 0, lines.append), lines


def test_a_checkpoint_of_another_run_is_not_used(kept, tmp_path):
    import torch

    mine, lines = kept
    other = Checkpoints(tmp_path / "other", 0, print)
    mine.write(Checkpoint(5, {"weights": torch.zeros(4)}, {"measures": []}))
    other.write(Checkpoint(10, {"weights": torch.ones(4)}, {"measures": []}))
    shutil.copy(other.newest(), mine.folder)
    assert mine.read().step == 5
    assert "step-000000010" in lines[0]
    assert "not used, it is another run's" in lines[0]


@pytest.mark.parametrize("name", ["step-000000099-0123456789abcdef", "step-x", "step-99", "step-"])
def test_what_only_looks_like_a_checkpoint_is_passed_over_and_not_unpickled(kept, monkeypatch, tmp_path, name):
    import torch

    monkeypatch.chdir(tmp_path)
    mine, _ = kept
    mine.write(Checkpoint(5, {"weights": torch.zeros(4)}, {"measures": []}))
    for content in (pickle.dumps(Hostile()), b"", b"\xff" * 1000, (2**63).to_bytes(8, "little")):
        (mine.folder / f"{name}.safetensors").write_bytes(content)
        assert mine.read().step == 5
    (mine.folder / f"{name}.safetensors").unlink()
    (mine.folder / f"{name}.safetensors").symlink_to("/dev/full/none")
    assert mine.read().step == 5
    assert not Path("pwned").exists()
