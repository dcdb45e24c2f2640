"""What must hold where a command is started: the clone whose code runs, its lock file, and the names of files."""

import os
import shutil

import pytest
from project import ROOT

from spl.campaign.job import Job
from spl.errors import InputError
from spl.provenance import machine
from spl.provenance.recording import recorded


@pytest.fixture(autouse=True)
def lock_file_is_read_again():
    """By the tests that follow: one here replaces it."""
    yield
    machine.locked.cache_clear()


def test_without_the_clone_around_it_the_package_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "LOCK", tmp_path / "envs/requirements.lock")
    machine.locked.cache_clear()
    with pytest.raises(InputError, match="installed without its clone"):
        machine.locked()
    with pytest.raises(InputError, match="installed without its clone"), recorded(Job("a", "split", "{}", (), ())):
        pass


def test_a_clone_runs_its_own_code_or_says_whose(monkeypatch, tmp_path):
    """An environment that was copied with its clone runs the code of the old place."""
    machine.check_clone(ROOT)
    machine.check_clone(ROOT / "workflow")
    machine.check_clone(tmp_path)  # a workflow that imports this one
    (tmp_path / "workflow/spl").mkdir(parents=True)
    for place in (tmp_path, tmp_path / "workflow"):
        with pytest.raises(InputError, match=f"runs the code of {ROOT}, not of {tmp_path}; pip install"):
            machine.check_clone(place)
    (tmp_path / "{x}/workflow/spl").mkdir(parents=True)
    monkeypatch.setattr(machine, "PROJECT", tmp_path / "{x}")
    with pytest.raises(InputError, match="{x}: expected a folder without braces"):
        machine.check_clone(tmp_path / "{x}")


def test_commands_in_a_clone_with_other_code_are_refused(monkeypatch, tmp_path):
    shutil.copytree(ROOT / "workflow/spl", tmp_path / "workflow/spl", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    machine.check_code_here()
    (tmp_path / "workflow/spl/methods/mine.py").touch()
    with pytest.raises(InputError, match=f"runs the code of {ROOT}, and that of {tmp_path} differs; if you trust"):
        machine.check_code_here()


@pytest.fixture
def copied_code(monkeypatch, tmp_path):
    """The package in a present folder that is not the project's own."""
    shutil.copytree(ROOT / "workflow/spl", tmp_path / "workflow/spl", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "workflow/spl"


def test_nobody_is_advised_to_run_the_code_of_a_crate(copied_code):
    """The audit of a crate compares its code, and names what differs."""
    with (copied_code / "cli/main.py").open("a") as file:
        file.write("forged = 1\n")
    description = copied_code.parents[1] / "ro-crate-metadata.json"
    description.write_text("{}")
    machine.check_code_here()
    description.unlink()
    with pytest.raises(InputError, match="differs"):
        machine.check_code_here()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_in_the_place_of_a_module_is_named_and_not_waited_for(copied_code, make):
    make(copied_code / "x.py")
    with pytest.raises(InputError, match=r"workflow/spl/x\.py: expected a file"):
        machine.check_code_here()


def test_names_of_files_are_read_in_utf_8_or_not_at_all(monkeypatch):
    machine.check_encoding()
    monkeypatch.setattr("sys.getfilesystemencoding", lambda: "iso8859-1")
    with pytest.raises(InputError, match="expected names of files in UTF-8, got iso8859-1; export PYTHONUTF8=1"):
        machine.check_encoding()
