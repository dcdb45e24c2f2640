"""Commands run the code of the clone in which they are started, or say whose they run."""

import os
import shutil

import pytest
from project import ROOT

from spl.attempts.plain_file import MOST
from spl.errors import InputError
from spl.provenance import clone


def test_a_clone_runs_its_own_code_or_says_whose(monkeypatch, tmp_path):
    """An environment that was copied with its clone runs the code of the old place."""
    clone.check_clone(ROOT)
    clone.check_clone(ROOT / "workflow")
    clone.check_clone(tmp_path)  # a workflow that imports this one
    (tmp_path / "workflow/spl").mkdir(parents=True)
    for place in (tmp_path, tmp_path / "workflow"):
        with pytest.raises(InputError, match=f"runs the code of {ROOT}, not of {tmp_path}; pip install"):
            clone.check_clone(place)
    (tmp_path / "{x}/workflow/spl").mkdir(parents=True)
    monkeypatch.setattr(clone, "PROJECT", tmp_path / "{x}")
    with pytest.raises(InputError, match="{x}: expected a folder without braces"):
        clone.check_clone(tmp_path / "{x}")


def test_commands_in_a_clone_with_other_code_are_refused(monkeypatch, tmp_path):
    shutil.copytree(ROOT / "workflow/spl", tmp_path / "workflow/spl", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    clone.check_code_here()
    (tmp_path / "workflow/spl/methods/mine.py").touch()
    with pytest.raises(InputError, match=f"runs the code of {ROOT}, and that of {tmp_path} differs; if you trust"):
        clone.check_code_here()


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
    clone.check_code_here()
    description.unlink()
    with pytest.raises(InputError, match="differs"):
        clone.check_code_here()


def test_a_module_that_would_fill_memory_is_not_read(copied_code):
    (copied_code / "x.py").touch()
    os.truncate(copied_code / "x.py", MOST + 1)  # all of it a hole
    with pytest.raises(OSError, match="expected at most"):
        clone.check_code_here()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_in_the_place_of_a_module_is_named_and_not_waited_for(copied_code, make):
    make(copied_code / "x.py")
    with pytest.raises(InputError, match=r"workflow/spl/x\.py: expected a file"):
        clone.check_code_here()
