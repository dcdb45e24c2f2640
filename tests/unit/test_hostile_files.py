"""Damaged, foreign and hostile files end in one line that names them; nothing in them is run."""

import hashlib
import io
import json
import os
import pickle
import shutil
import struct
import subprocess
import tarfile
import zlib
from pathlib import Path

import pytest
from chain import CHAIN, RESULTS, make
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from project import ROOT

from spl.attempts import plain_file
from spl.attempts.journal import JOURNAL, PROGRESS, Progress, note, note_progress, read_attempts, read_progress
from spl.attempts.plain_file import MOST
from spl.audit.crate import _code
from spl.audit.crate_check import METADATA, crate_differences
from spl.audit.deviations import check_registration
from spl.audit.judging import judge, listing_of
from spl.audit.planned import PlannedStudy
from spl.audit.register import _first_begun
from spl.campaign.own_images import _digest
from spl.campaign.registration import registration_file
from spl.campaign.run_state import run_state
from spl.data.image_folder import list_images, read_images
from spl.data.sources import cifar_10
from spl.data.splits import read_split
from spl.data.store import read_dataset
from spl.errors import InputError
from spl.provenance.files import digest
from spl.provenance.manifest import read_manifest
from spl.provenance.seal import check_seal, write_seal
from spl.study.plan import make_plan
from spl.study.reading import read_study
from spl.study.weights import read_weights
from spl.training.checkpoints import Checkpoint, Checkpoints

TINY = ROOT / "tests/studies/tiny.yaml"


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def bomb(side):
    """A PNG of few bytes that says it is large."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.fixture
def root(tmp_path):
    """Two classes of two pictures each."""
    for name in ("train/a/0.jpg", "train/a/1.jpg", "train/b/0.jpg", "test/a/0.jpg", "test/b/0.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    return tmp_path


REFUSED = {
    "a bomb": lambda path: path.write_bytes(bomb(60_000)),
    "PostScript, which Pillow gives to Ghostscript": lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%EOF\n"),
    "a pipe, whose end never comes": os.mkfifo,
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_picture_is_named_and_no_other_program_is_started_for_it(root, monkeypatch, what):
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a program was started"))
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", "gs", raising=False)
    strange = root / "train/a/1.jpg"
    strange.unlink()
    REFUSED[what](strange)
    with pytest.raises(InputError) as caught:
        list(read_images(root, list_images(root).train, 8))
    assert str(caught.value).startswith(f"{strange}: ")
    assert str(caught.value).isprintable()


def test_names_that_cannot_be_printed_are_refused_in_one_line(root):
    (root / "train/a" / os.fsdecode(b"a\n\xff.jpg")).touch()
    with pytest.raises(InputError, match="expected a name in UTF-8 without control characters") as caught:
        list_images(root)
    assert str(caught.value).isprintable()


class Hostile:
    """What runs a command when it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch pwned",)


def test_an_archive_that_was_not_published_is_neither_unpacked_nor_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    archive = tmp_path / "cifar-10-python.tar.gz"
    content = pickle.dumps(Hostile())
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("../climbed", "cifar-10-batches-py/data_batch_1"):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    with pytest.raises(InputError, match=r"cifar-10-python.tar.gz: expected content with md5"):
        cifar_10.SOURCE.read(archive)
    for name in cifar_10.SOURCE.files.layouts[2]:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="expected content with md5"):
        cifar_10.SOURCE.read(*(tmp_path / name for name in cifar_10.SOURCE.files.layouts[2]))
    assert not Path("pwned").exists()
    assert not (tmp_path.parent / "climbed").exists()


@pytest.fixture(scope="module")
def prepared(inputs, tmp_path_factory):
    """One of each file that a training run finds beside its code."""
    folder = shutil.copytree(inputs, tmp_path_factory.mktemp("prepared"), dirs_exist_ok=True)
    (folder / "calibration.json").write_text('{"weights": {"lambda_u": 1.5}}')
    (folder / "parameters.json").write_text('{"seed": 0}')
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


@settings(max_examples=60, derandomize=True, deadline=None)
@given(data=st.data())
def test_damaged_inputs_are_used_as_they_were_or_named_and_damaged_records_end_nothing(
    prepared, tmp_path_factory, data
):
    name = data.draw(st.sampled_from([*READERS, *RECORDS]))
    content = (prepared / name).read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    flipped = content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :]
    others = content[:place], flipped, b"[]", b"[" * 100_000, b"\xff\xfe", pickle.dumps(Hostile())
    folder = tmp_path_factory.getbasetemp() / "damaged"
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    (folder / name).write_bytes(data.draw(st.sampled_from(others)))
    if name in RECORDS:
        RECORDS[name](folder)
    else:
        line = refusal(READERS[name], folder)
        assert line is None or (str(folder) in line and "\n" not in line)


@pytest.mark.parametrize(
    "content", ["[" + "0," * 2**15 + "0]", '{"seed": 0, "seed": 0}', f'{{"seed": 0, "a": "{"x" * 2**20}"}}']
)
def test_parameters_that_no_run_writes_are_none(tmp_path, content):
    """Sixty megabytes of them would take gigabytes."""
    (tmp_path / "parameters.json").write_text(content)
    assert run_state(tmp_path, '{"seed":0}') == "to do"


def test_what_is_no_checkpoint_of_this_run_is_passed_over_and_not_unpickled(monkeypatch, tmp_path):
    import torch

    monkeypatch.chdir(tmp_path)
    lines = []
    mine, other = Checkpoints(tmp_path / "run", 0, lines.append), Checkpoints(tmp_path / "other", 0, print)
    mine.write(Checkpoint(5, {"weights": torch.zeros(4)}, {"measures": []}))
    other.write(Checkpoint(10, {"weights": torch.ones(4)}, {"measures": []}))
    shutil.copy(other.newest(), mine.folder)
    for name in ("step-000000099-0123456789abcdef", "step-x"):
        (mine.folder / f"{name}.safetensors").write_bytes(pickle.dumps(Hostile()))
    assert mine.read().step == 5
    assert any("step-000000010" in line and "not used, it is another run's" in line for line in lines)
    assert not Path("pwned").exists()


@pytest.fixture
def deep(tmp_path, monkeypatch):
    """A study's results and a crate, with a thousand folders in one another in each of their folders, and a file."""
    monkeypatch.chdir(tmp_path)
    make()
    (tmp_path / "workflow").mkdir()
    METADATA.write_text('{"@graph": []}')
    tops = [Path(top, "a") for top in (RESULTS, "workflow")]
    for folder in tops:
        for _ in range(1200):
            folder.mkdir()
            folder /= "a"
        folder.with_name("x.manifest.json").touch()
    yield folder.with_name("x.manifest.json")
    subprocess.run(["rm", "-r", *tops], check=True)  # Python's own cannot, either


def test_folders_in_a_thousand_folders_are_looked_through(deep):
    assert check_seal(RESULTS).state == "absent"
    with pytest.raises(InputError, match=r"results/fake/a/a/.*x\.manifest\.json: not a manifest of this study"):
        write_seal(RESULTS, "by hand")
    assert f"{deep}: not described in {METADATA}" in crate_differences(RESULTS, {})
    assert deep in _code(Path())
    assert _first_begun(RESULTS) is None


def test_a_folder_that_cannot_be_read_is_told_as_a_file_of_a_crate(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    METADATA.write_text('{"@graph": []}')
    Path("shut").mkdir()
    monkeypatch.setattr(os, "scandir", lambda path, open=os.scandir: open(path / "x" if path.name == "shut" else path))
    assert crate_differences(RESULTS, {}) == [f"shut: not described in {METADATA}"]


# ---- files of holes, and without end


def put_holes(path, size=2**40):
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.truncate(size)


ENDLESS = Path("/proc/self/pagemap")
UNREAD = {"of holes": put_holes, "without end": lambda path: (path.unlink(), path.symlink_to(ENDLESS))}


def test_what_would_be_hashed_for_hours_is_refused(tmp_path):
    put_holes(tmp_path / "holes")
    for path in (tmp_path / "holes", ENDLESS, Path("/proc/self/status")):
        with pytest.raises(OSError, match="expected a file with an end, and not of holes"):
            digest(path)


def test_nothing_of_proc_is_read_as_a_record_or_a_manifest(tmp_path):
    """Some of its files wait for what comes next, and others never end."""
    path = tmp_path / "one.manifest.json"
    path.symlink_to("/proc/self/status")
    with pytest.raises(OSError, match="expected a file on a disk"):
        plain_file.read_plain(path)
    with pytest.raises(InputError, match=r"one\.manifest\.json: expected a file on a disk$"):
        read_manifest(path)


def test_files_with_a_few_holes_and_where_blocks_are_not_counted_are_hashed(tmp_path, monkeypatch):
    file = tmp_path / "file"
    put_holes(file, 2**20)
    assert digest(file) == hashlib.sha256(bytes(2**20)).hexdigest()
    file.write_bytes(b"some content" * 10_000)
    monkeypatch.setattr(plain_file, "LARGE", 0)
    monkeypatch.setattr(plain_file, "STORED", 2**20)  # as if hardly any block were counted
    assert digest(file) == hashlib.sha256(b"some content" * 10_000).hexdigest()


def verdict(name):
    planned = PlannedStudy(TINY, make_plan(read_study(TINY)), CHAIN, RESULTS)
    return judge(planned, list(CHAIN), quick=False)[name]


def test_a_result_of_holes_is_named_and_not_hashed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make()
    put_holes(CHAIN["second"].outputs[0])
    node = verdict("second")
    assert (node.verdict, node.why) == ("missing", ("results/fake/second.json is no file that can be read",))


def test_no_result_behind_a_link_is_hashed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make()
    output = CHAIN["second"].outputs[0]
    output.rename("elsewhere")
    output.symlink_to(Path("elsewhere").resolve())
    hashed = []
    monkeypatch.setattr("spl.provenance.digests.digest", lambda path: hashed.append(path) or digest(path))
    assert verdict("second").verdict == "tampered"
    listing_of(PlannedStudy(TINY, make_plan(read_study(TINY)), CHAIN, RESULTS))
    assert CHAIN["first"].outputs[0] in hashed
    assert output not in hashed


@pytest.mark.parametrize("what", UNREAD)
def test_a_description_of_a_crate_that_would_fill_memory_is_refused(tmp_path, monkeypatch, what):
    monkeypatch.chdir(tmp_path)
    METADATA.touch()
    UNREAD[what](METADATA)
    with pytest.raises(InputError, match=f"^{METADATA}: expected the description of a crate"):
        crate_differences(RESULTS, {})


@pytest.mark.parametrize("what", UNREAD)
def test_no_file_of_a_crate_that_is_endless_is_hashed(tmp_path, monkeypatch, what):
    monkeypatch.chdir(tmp_path)
    METADATA.write_text(json.dumps({"@graph": [{"@id": "code.py", "sha256": "0" * 64}]}))
    Path("code.py").touch()
    UNREAD[what](Path("code.py"))
    assert crate_differences(RESULTS, {}, [Path("code.py")]) == [f"code.py: not as {METADATA} describes it"]


@pytest.mark.parametrize("what", UNREAD)
def test_a_registration_that_would_fill_memory_is_a_deviation(tmp_path, monkeypatch, what):
    monkeypatch.chdir(tmp_path)
    file = registration_file(Path("study.yaml"))
    file.touch()
    UNREAD[what](file)
    checked = check_registration(Path("study.yaml"), read_study(TINY), ())
    expected = {"of holes": f"at most {MOST:,} bytes", "without end": "a file on a disk"}[what]
    assert checked.deviations == (f"{file}: cannot be read: expected {expected}",)


@pytest.mark.parametrize("what", UNREAD)
def test_an_image_without_end_makes_data_others_and_is_not_hashed(root, what):
    before = digest(root)
    UNREAD[what](root / "train/a/1.jpg")
    after = digest(root)
    assert after != before
    assert _digest(root / "train/a/1.jpg") == "unreadable: expected a file with an end, and not of holes"
