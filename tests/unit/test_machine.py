"""What a command needs where it is started: the lock file of its clone, and names of files in UTF-8."""

import pytest

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


def test_names_of_files_are_read_in_utf_8_or_not_at_all(monkeypatch):
    machine.check_encoding()
    monkeypatch.setattr("sys.getfilesystemencoding", lambda: "iso8859-1")
    with pytest.raises(InputError, match="expected names of files in UTF-8, got iso8859-1; export PYTHONUTF8=1"):
        machine.check_encoding()
