"""What a manifest says of the project: its commit and every uncommitted change, as it was when the job began."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
from project import ROOT

from spl.audit.report import repository_lines
from spl.campaign.job import Job
from spl.code.subcommands import with_code
from spl.provenance import git, machine
from spl.provenance.files import digest
from spl.provenance.manifest import Process, Repository, read_manifest
from spl.provenance.recording import recorded


def run_git(folder, *command):
    subprocess.run(["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", *command], check=True)


@pytest.fixture(autouse=True)
def lock_file_is_read_again():
    """By the tests that follow: some here replace it."""
    yield
    machine.locked.cache_clear()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository in the project's place, with one committed file."""
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow/code.py").write_text("x = 1\n")
    run_git(tmp_path, "init", "--quiet")
    run_git(tmp_path, "add", ".")
    run_git(tmp_path, "commit", "--quiet", "--message", "first")
    monkeypatch.setattr(git, "PROJECT", tmp_path.resolve())
    return tmp_path


def change():
    """The digest of all uncommitted changes."""
    return git.repository()["diff"]


@pytest.fixture
def git_instead(tmp_path_factory, monkeypatch):
    """Puts a script in git's place; the real one is ``$GIT``."""

    def replace(script):
        folder = tmp_path_factory.mktemp("bin")
        (folder / "git").write_text(f"#!/bin/sh\nGIT={shutil.which('git')}\n{script}\n")
        (folder / "git").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    return replace


def test_a_clean_checkout_has_a_commit_and_no_change(repository):
    assert len(git.repository()["commit"]) == 40
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


def test_every_way_to_change_a_file_counts(repository):
    code, before = repository / "workflow/code.py", git.repository()
    digests = set()
    for edit in (
        lambda: code.write_text("x = 2\n"),
        lambda: code.chmod(0o755),
        lambda: code.unlink(),
        lambda: code.symlink_to("nowhere"),
        lambda: (code.unlink(), code.mkdir()),
        lambda: (code.rmdir(), code.write_text("x = 1\n")),
    ):
        edit()
        digests.add(change())
    assert change() == before["diff"] is None
    assert len(digests) == 6


def test_how_a_user_lets_git_print_changes_is_none_of_them(repository, monkeypatch, tmp_path_factory):
    (repository / "workflow/code.py").write_text("x = 2\n")
    settings = tmp_path_factory.mktemp("home") / ".gitconfig"
    settings.write_text(
        "[diff]\n noprefix = true\n context = 9\n renames = copies\n external = false\n[color]\n ui = always\n"
    )
    before = git.repository()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    assert git.repository() == before
    run_git(repository, "add", ".")
    assert git.repository() == before


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_a_file_that_git_was_told_not_to_look_at_is_no_unchanged_one(repository, flag):
    run_git(repository, "update-index", flag, "workflow/code.py")
    digests = {None}
    for number in (1, 2):
        (repository / "workflow/code.py").write_text(f"x = {number}\n")
        digests.add(change())
    assert len(digests) == 3, "never clean without having seen it"
    (repository / "workflow/code.py").unlink()  # a sparse checkout
    if flag == "--skip-worktree":
        assert change() is None


def test_code_that_only_this_user_ignores_counts_and_what_the_project_ignores_does_not(repository, monkeypatch):
    (repository / ".git/info/exclude").write_text("mine.py\nmine.yaml\n.DS_Store\n")
    (repository / ".gitignore").write_text("__pycache__/\n")
    run_git(repository, "add", ".gitignore")
    run_git(repository, "commit", "--quiet", "--message", "second")
    for name in ("workflow/__pycache__/code.pyc", "config/.DS_Store"):
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).touch()
    digests = {change()}
    assert digests == {None}
    for name in ("workflow/mine.py", "config/mine.yaml"):
        (repository / name).write_text("1")
        digests.add(change())
    assert len(digests) == 3


def test_a_list_of_what_is_ignored_that_no_commit_has_hides_nothing_unseen(repository):
    """It may ignore itself."""
    folder = repository / "workflow/spl/planted"
    folder.mkdir(parents=True)
    (folder / "__init__.pyc").touch()
    (folder / ".gitignore").write_text("*\n")
    assert change() is not None
    tool = repository / "workflow/.mypy_cache"  # tools ignore the folders that they make
    folder.rename(tool)
    assert change() is None


def test_an_untracked_link_to_nowhere_stops_no_job(repository):
    (repository / "workflow/gone").symlink_to("nowhere")
    assert change() is not None


def test_a_folder_that_is_no_repository_of_its_own_has_no_commit(repository, monkeypatch):
    monkeypatch.setattr(git, "PROJECT", repository / "workflow")
    assert git.repository() is None


def test_a_clone_of_another_user_has_its_commit(repository, monkeypatch):
    before = git.repository()
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert git.repository() == before


def test_a_clone_through_a_link_has_its_commit(repository, monkeypatch, tmp_path_factory):
    before = git.repository()
    link = tmp_path_factory.mktemp("elsewhere") / "link"
    link.symlink_to(repository)
    monkeypatch.setattr(git, "PROJECT", link)
    assert git.repository() == before


def test_the_project_is_where_its_code_really_lies(tmp_path):
    """The check of loaded modules compares real paths, too."""
    (tmp_path / "code").symlink_to(ROOT / "workflow")
    text = "from spl.provenance import git; from spl.code import fingerprint; print(git.PROJECT, fingerprint.ROOT)"
    found = subprocess.run(
        [sys.executable, "-c", text], env={"PYTHONPATH": str(tmp_path / "code")}, capture_output=True, text=True
    )
    assert found.stdout.split() == [str(ROOT), str(ROOT / "workflow/spl")]


@pytest.fixture
def program(tmp_path_factory):
    """A program that settings of a repository can name, and whether it ran."""
    folder = tmp_path_factory.mktemp("program")

    class Program:
        path, ran = folder / "program", folder / "ran"

        def has_run(self):
            return self.ran.exists()

    one = Program()
    one.path.write_text(f"#!/bin/sh\ntouch {one.ran}\ncat\n")
    one.path.chmod(0o755)
    return one


@pytest.mark.parametrize("key", ["core.fsmonitor", "diff.external", "core.pager"])
def test_no_program_that_a_repository_names_is_run(repository, program, key):
    run_git(repository, "config", key, str(program.path))
    (repository / "workflow/code.py").write_text("x = 2\n")
    program.ran.unlink(missing_ok=True)  # git itself may have run it above
    assert change() is not None
    assert not program.has_run()


def test_no_hook_of_a_repository_is_run(repository, program):
    """Git runs one when it writes its index, as after a look at a file whose times alone have changed."""
    shutil.copy(program.path, repository / ".git/hooks/post-index-change")
    os.utime(repository / "workflow/code.py", (1, 1))
    assert change() is None
    assert not program.has_run()


@pytest.mark.parametrize("key", ["clean", "process"])
@pytest.mark.parametrize("name", ["x", "x=y.z"])
def test_no_filter_that_a_repository_names_is_run(repository, program, key, name):
    """Git runs it on each file whose times have changed."""
    run_git(repository, "config", f"filter.{name}.{key}", str(program.path))
    run_git(repository, "config", f"filter.{name}.required", "true")
    (repository / ".git/info/attributes").write_text(f"* filter={name}\n")
    os.utime(repository / "workflow/code.py", (1, 1))
    assert change() is None
    (repository / "workflow/code.py").write_text("x = 2\n")
    assert change() is not None
    assert not program.has_run()


def test_nothing_is_fetched_by_a_program_that_a_repository_names(repository, program):
    for key, value in {
        "core.repositoryFormatVersion": "1", "extensions.partialClone": "other", "remote.other.promisor": "true",
        "remote.other.url": str(repository), "remote.other.uploadpack": str(program.path),
    }.items():  # fmt: skip
        run_git(repository, "config", key, value)
    assert not git.has_commit("1" * 40)
    assert not program.has_run()


def test_no_program_that_a_repository_names_checks_signatures(repository, program):
    run_git(repository, "config", "log.showSignature", "true")
    run_git(repository, "config", "gpg.program", str(program.path))
    lines = git._git("cat-file", "commit", "HEAD").decode().partition("\n\n")
    signature = "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n a\n -----END PGP SIGNATURE-----"
    signed = git._git("hash-object", "-t", "commit", "-w", "--stdin", given=(lines[0] + signature + "\n\nx").encode())
    assert git.first_commit(signed.decode().strip(), Path("workflow/code.py"))
    assert not program.has_run()


@pytest.mark.parametrize(("date", "year"), [("@253402300800 +0000", 9999), ("@1000000000 +0000", 2001)])
def test_a_commit_of_a_year_that_no_calendar_has_was_made_at_its_end(repository, monkeypatch, date, year):
    monkeypatch.setenv("GIT_AUTHOR_DATE", date)
    (repository / "workflow/code.py").write_text("x = 2\n")
    run_git(repository, "commit", "--quiet", "--all", "--message", "second")
    assert git.first_commit("HEAD", Path("workflow/code.py")).year == year


def test_no_program_that_a_repository_inside_of_it_names_is_run(repository, program):
    inside = repository / "inside"
    inside.mkdir()
    run_git(inside, "init", "--quiet")
    (inside / "a").write_text("1")
    run_git(inside, "add", ".")
    run_git(inside, "commit", "--quiet", "--message", "first")
    run_git(repository, "-c", "advice.addEmbeddedRepo=false", "add", "inside")
    run_git(repository, "commit", "--quiet", "--message", "second")
    run_git(inside, "config", "filter.x.clean", str(program.path))
    (inside / ".git/info/attributes").write_text("* filter=x\n")
    os.utime(inside / "a", (1, 1))
    assert change() is None
    assert not program.has_run()


def test_variables_of_a_hook_lead_to_no_other_repository(repository, monkeypatch, tmp_path_factory):
    before = git.repository()
    other = tmp_path_factory.mktemp("other")
    run_git(other, "init", "--quiet")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / "index"))
    assert git.repository() == before


def test_worktrees_shallow_clones_and_detached_heads_have_their_commit(repository, monkeypatch, tmp_path_factory):
    before = git.repository()
    folder = tmp_path_factory.mktemp("copies")
    run_git(repository, "worktree", "add", "--quiet", "--detach", folder / "worktree")
    run_git(repository, "clone", "--quiet", "--depth", "1", f"file://{repository}", folder / "shallow")
    for name in ("worktree", "shallow"):
        monkeypatch.setattr(git, "PROJECT", folder / name)
        assert git.repository() == before


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("exit 128", "git rev-parse: status 128"),
        ("echo 'fatal: dubious' >&2; exit 128", "git rev-parse: fatal: dubious"),
        ("exec sleep 60", "git rev-parse: no answer within 0.5 s"),
    ],
)
def test_where_git_fails_the_commit_is_unknown_and_the_reason_recorded(
    repository, git_instead, monkeypatch, script, told
):
    git_instead(script)
    monkeypatch.setattr(git, "PATIENCE", 0.5)
    assert git.repository() == {"commit": None, "diff": None, "problem": told}


@pytest.mark.parametrize("command", ["diff", "ls-files"])
def test_a_tree_whose_changes_git_does_not_list_is_not_recorded_as_clean(repository, git_instead, command):
    commit = git.repository()["commit"]
    git_instead(f'case "$*" in *{command}*) exit 1;; esac; exec $GIT "$@"')
    assert git.repository() == {"commit": commit, "diff": None, "problem": f"git {command}: status 1"}


@pytest.mark.parametrize(
    ("injure", "told"),
    [
        (lambda folder: (folder / ".git/index").write_bytes(b"DIRC damaged"), "git diff: "),
        (lambda folder: (folder / ".git/HEAD").write_text("garbage"), "git rev-parse: fatal: not a git repository"),
        (lambda folder: shutil.rmtree(folder / ".git/objects"), "git rev-parse: "),
        (
            lambda folder: run_git(folder, "checkout", "--quiet", "--orphan", "new"),
            "git rev-parse: fatal: Needed a single",
        ),
    ],
    ids=["index", "head", "objects", "no commit yet"],
)
def test_a_damaged_repository_is_not_recorded_as_clean(repository, injure, told):
    injure(repository)
    found = git.repository()
    assert found["diff"] is None
    assert found["problem"].startswith(told)


def test_without_git_the_reason_says_so(repository, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert git.repository()["problem"] == "git: No such file or directory; is it installed?"


def test_an_audit_says_once_for_how_many_jobs_the_commit_is_unknown(repository):
    def node(problem):
        state = Repository(commit=None, diff=None, problem=problem)
        return Mock(manifest=Mock(repository=state, process=Process(files={}), attempts=[]))

    lines = list(
        repository_lines([node(None), node("git diff: status 1"), node("git diff: status 1"), Mock(manifest=None)])
    )
    assert lines == ["commit or changes unknown to the manifests of 2 jobs: git diff: status 1"]


def test_what_changes_while_a_job_works_is_not_in_its_manifest(repository, monkeypatch):
    """A training run takes hours: somebody commits, edits the lock file, upgrades a package."""
    lock = repository / "lock"
    lock.write_text("numpy==1\n")
    monkeypatch.setattr(machine, "LOCK", lock)
    output = repository / "fold0.json"
    job = Job("splits/fold0", "split", json.dumps(with_code("split", {})), (), (output,))
    before = git.repository()
    with recorded(job):
        output.write_text("{}")
        monkeypatch.setattr(machine, "versions", lambda: pytest.fail("read again"))
        lock.write_text("numpy==2\n")
        (repository / "workflow/code.py").write_text("x = 2\n")
        run_git(repository, "commit", "--quiet", "--all", "--message", "second")
    manifest = read_manifest(job.manifest)
    assert git.repository()["commit"] != before["commit"]
    assert manifest.repository.model_dump(exclude_unset=True) == before
    lock.write_text("numpy==1\n")
    assert manifest.lock == digest(lock)
