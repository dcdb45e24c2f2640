"""What Snakemake notes among the results is written whole, or refused in one line that names what is in the way."""

import errno
import os
from pathlib import Path

import pytest

from spl.attempts.plain_file import write_note
from spl.campaign.notes import noting, obstacle
from spl.errors import InputError

RESULTS = Path("results/demo")
IN_THE_WAY = {
    "a link to nowhere": (
        lambda: Path("results").symlink_to("/scratch/gone"),
        "results: expected a folder, found a link to /scratch/gone, which is not there",
    ),
    "a file": (lambda: Path("results").touch(), "results: expected a folder, found a file"),
    "a file further down": (
        lambda: (Path("results").mkdir(), RESULTS.touch()),
        "results/demo: expected a folder, found a file",
    ),
}


@pytest.fixture(autouse=True)
def there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("what", IN_THE_WAY)
def test_what_is_in_the_way_is_named(what):
    make, line = IN_THE_WAY[what]
    make()
    assert obstacle(RESULTS) == line
    with pytest.raises(InputError) as refused, noting(RESULTS):
        write_note(RESULTS / "campaign/plan.json", b"{}")
    assert str(refused.value) == line


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE])
def test_a_system_that_refuses_is_quoted_and_the_last_note_stays_whole(monkeypatch, number):
    note = RESULTS / "campaign/study-file"
    write_note(note, b"config/demo.yaml\n")

    def torn(handle):
        raise OSError(number, os.strerror(number), str(note))

    monkeypatch.setattr(os, "fsync", torn)
    with (
        pytest.raises(InputError, match=f"{os.strerror(number)}; expected a folder to write to, with room"),
        noting(RESULTS),
    ):
        write_note(note, b"config/other.yaml\n")
    assert [path.read_bytes() for path in note.parent.iterdir()] == [b"config/demo.yaml\n"]


def test_a_link_to_a_folder_is_one():
    Path("scratch").mkdir()
    Path("results").symlink_to("scratch")
    assert obstacle(RESULTS) is None
    write_note(RESULTS / "campaign/study-file", b"here\n")
    assert Path("scratch/demo/campaign/study-file").read_bytes() == b"here\n"
