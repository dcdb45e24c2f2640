"""What a manifest says of the project: its commit and every uncommitted change, as it was when the job began."""

import json
import subprocess

import pytest

from spl.campaign.job import Job
from spl.code.subcommands import with_code
from spl.provenance import machine
from spl.provenance.files import digest
from spl.provenance.manifest import read_manifest
from spl.provenance.recording import recorded


def git(folder, *command):
    subprocess.run(["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", *command], check=True)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository in the project's place, with one committed file."""
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow/code.py").write_text("x = 1\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    monkeypatch.setattr(machine, "PROJECT", tmp_path.resolve())
    return tmp_path


def change():
    """The digest of all uncommitted changes."""
    return machine.repository()["diff"]


def test_a_clean_checkout_has_a_commit_and_no_change(repository):
    assert len(machine.repository()["commit"]) == 40
    assert change() is None


def test_a_change_that_is_no_utf_8_is_a_change_like_any_other(repository):
    digests = set()
    for byte in (b"\xe9", b"\xe8"):
        (repository / "workflow/code.py").write_bytes(b"x = '" + byte + b"'\n")
        digests.add(change())
    assert len(digests - {None}) == 2


def test_of_untracked_files_name_and_content_count(repository):
    digests = [change()]
    for name, content in (("new.py", "1"), ("new.py", "2"), ("caf\udce9.py", "2")):
        for path in (repository / "workflow").glob("*w.py"):
            path.unlink()
        (repository / "workflow" / name).write_text(content)
        digests.append(change())
    assert len(set(digests)) == 4


def test_an_untracked_link_to_nowhere_stops_no_job(repository):
    (repository / "workflow/gone").symlink_to("nowhere")
    assert change() is not None


def test_a_folder_that_is_no_repository_of_its_own_has_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "PROJECT", tmp_path)
    assert machine.repository() is None


def test_what_changes_while_a_job_works_is_not_in_its_manifest(repository, monkeypatch):
    """A training run takes hours: somebody commits, edits the lock file, upgrades a package."""
    lock = repository / "lock"
    lock.write_text("numpy==1\n")
    monkeypatch.setattr(machine, "LOCK", lock)
    output = repository / "fold0.json"
    job = Job("splits/fold0", "split", json.dumps(with_code("split", {})), (), (output,))
    before = machine.repository()
    with recorded(job):
        output.write_text("{}")
        monkeypatch.setattr(machine, "versions", lambda: pytest.fail("read again"))
        lock.write_text("numpy==2\n")
        (repository / "workflow/code.py").write_text("x = 2\n")
        git(repository, "commit", "--quiet", "--all", "--message", "second")
    manifest = read_manifest(job.manifest)
    assert machine.repository()["commit"] != before["commit"]
    assert manifest.repository.model_dump() == before
    lock.write_text("numpy==1\n")
    assert manifest.lock == digest(lock)
