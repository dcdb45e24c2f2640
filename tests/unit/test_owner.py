"""A folder of results remembers whose it is: two studies of one name do not overwrite each other."""

import os
from pathlib import Path

import pytest

from spl.campaign.owner import _same_content, check_owner, record_owner
from spl.errors import InputError

FIRST, COPY, RESULTS = Path("config/demo.yaml"), Path("config/mine.yaml"), Path("results/demo")


@pytest.fixture(autouse=True)
def begun(tmp_path, monkeypatch):
    """The first study has made results."""
    monkeypatch.chdir(tmp_path)
    FIRST.parent.mkdir()
    FIRST.write_text("name: demo\nfolds: 1\n")
    go_on(FIRST)


def go_on(study):
    check_owner(study, RESULTS)
    record_owner(study, RESULTS)


def edited_copy():
    COPY.write_text("name: demo\nfolds: 2\n")
    return COPY


def test_an_edited_copy_that_keeps_the_name_is_refused_in_one_line():
    with pytest.raises(InputError) as refused:
        go_on(edited_copy())
    assert str(refused.value) == (
        "config/mine.yaml: name: demo is taken: results/demo holds the results of config/demo.yaml; expected another "
        "name in one of the two files"
    )
    go_on(FIRST)


def test_a_study_that_is_edited_in_its_place_goes_on():
    FIRST.write_text("name: demo\nfolds: 3\n")
    go_on(FIRST)


@pytest.mark.parametrize(
    "change",
    [
        lambda: FIRST.rename("config/old.yaml"),
        lambda: FIRST.write_text("name: other\nfolds: 1\n"),
        lambda: FIRST.write_text("name: [\n"),
    ],
    ids=["moved away", "renamed", "damaged"],
)
def test_a_name_that_has_become_free_is_taken_over(change):
    change()
    go_on(edited_copy())
    FIRST.write_text("name: demo\nfolds: 1\n")
    with pytest.raises(InputError, match="holds the results of config/mine.yaml"):
        go_on(FIRST)


def test_an_exact_copy_goes_on_but_does_not_take_over():
    COPY.write_text(FIRST.read_text())
    go_on(COPY)
    with pytest.raises(InputError, match="holds the results of config/demo.yaml"):
        go_on(edited_copy())


def test_a_study_through_a_link_or_another_path_is_the_same():
    Path("link").symlink_to("config")
    FIRST.write_text("name: demo\nfolds: 4\n")
    for path in ("link/demo.yaml", "config/../config/demo.yaml", str(FIRST.resolve())):
        go_on(Path(path))


def test_results_of_an_earlier_version_are_adopted():
    (RESULTS / "campaign/study-file").unlink()
    go_on(edited_copy())
    with pytest.raises(InputError):
        go_on(FIRST)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.write_text("a" * 5000)])
def test_what_names_no_file_in_the_place_of_the_record_is_none(make):
    (RESULTS / "campaign/study-file").unlink()
    make(RESULTS / "campaign/study-file")
    check_owner(edited_copy(), RESULTS)


@pytest.mark.parametrize("named", ["/proc/version", "/proc/kmsg", "a pipe"])
def test_what_is_no_file_on_a_disk_is_no_study_and_not_waited_for(named):
    if named == "a pipe":
        os.mkfifo(named)
    (RESULTS / "campaign/study-file").write_text(f"{named}\n")
    go_on(edited_copy())
    assert (RESULTS / "campaign/study-file").read_text() == f"{COPY}\n"


def test_a_name_that_is_no_text_is_remembered():
    odd = Path("config/caf\udce9.yaml")
    odd.write_text("name: demo\nfolds: 5\n")
    FIRST.unlink()
    go_on(odd)
    go_on(odd)
    assert (RESULTS / "campaign/study-file").read_bytes() == b"config/caf\xe9.yaml\n"


@pytest.mark.parametrize("first", [True, False])
def test_a_file_of_holes_or_a_pipe_is_no_copy_of_a_study_and_not_waited_for(first):
    """The record names any file, also one that would fill memory."""
    hole = Path("hole")
    with hole.open("wb") as file:
        file.truncate(2**40)
    assert not _same_content(*((hole, FIRST) if first else (FIRST, hole)))
    (RESULTS / "campaign/study-file").write_text("hole\n")
    go_on(FIRST)
    assert (RESULTS / "campaign/study-file").read_text() == f"{FIRST}\n"
    os.mkfifo("pipe")
    assert not _same_content(Path("pipe"), FIRST)
