"""What git tells of the project's repository: its commit, uncommitted changes, and the files of commits."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from spl.code import fingerprint

PROJECT = fingerprint.PROJECT
# Files of the project that a job may load, and those that may hide such files, as git finds them.
LOADED = (":(glob)workflow/spl/**/*.py", ":(glob)workflow/rules/*.smk", ":(glob)workflow/**/.gitignore")
# Git runs programs that a repository's settings name, so it refuses those of other users. Of what we ask for, it would
# run these; and hooks, as soon as it notes in its index that a file with other times is the same.
SAFE = ("safe.directory=*", "core.fsmonitor=false", "log.showSignature=false", "core.hooksPath=/dev/null")
# A variable without content.
NOTHING = "SPL_NOTHING"
# Seconds that git has to answer.
PATIENCE = 60
# Variables that lead git to another repository, as in its own hooks.
REPOSITORY_VARIABLES = {
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE"),
}


class GitError(Exception):
    """Git did not answer: why, in one line."""


def repository() -> dict[str, str | None] | None:
    """The state of the project's repository; None where the project is in none, as after a download without git.

    Returns:
        ``commit``: None if git does not tell it. ``diff``: the sha256 over names and contents of all files that differ
        from the commit, and of untracked files of the workflow and its configuration; None if there are none.
        ``problem``, only where git failed: commit and changes are then unknown, as far as they are None.
    """
    if not is_repository():
        return None
    commit = None
    try:
        commit = _git("rev-parse", "--verify", "HEAD").decode().strip()
        return {"commit": commit, "diff": _changes()}
    except GitError as error:
        return {"commit": commit, "diff": None, "problem": str(error)}


def _changes() -> str | None:
    """The sha256 over all uncommitted changes, None without any. Contents are hashed, not what git prints of them,
    which depends on its settings.

    Raises:
        GitError: git does not list them.
    """
    options = ("--name-only", "--no-renames", "--no-ext-diff", "--ignore-submodules=dirty", "-z")
    changed = _git(*_without_filters(), "diff", *options, "HEAD").split(b"\0")
    # What a user ignores may be code all the same; no hidden file is.
    listed = _git(
        *("ls-files", "-z", "-v", "--cached", "--others", "--exclude-per-directory=.gitignore", "--exclude=.*"),
        *("workflow", "config", "Snakefile"),
    ).split(b"\0")
    # Nor is what Python and Snakemake load of it ignored in a way of the user's own, or a list of what is ignored.
    listed += _git(
        *("ls-files", "-z", "-v", "--others", "--exclude=.*", "--exclude=!.gitignore", "--", *LOADED),
    ).split(b"\0")
    names = sorted({*filter(None, changed), *(entry[2:] for entry in listed if _is_unseen(entry))})
    lines = (b"%b %b\n" % (_content_digest(PROJECT / os.fsdecode(name)), name) for name in names)
    return hashlib.sha256(b"".join(lines)).hexdigest() if names else None


def _without_filters() -> list[str]:
    """Options with which git compares files as they are, and runs no program that a repository names for that."""
    names = _git_output("config", "--null", "--name-only", "--get-regexp", r"^filter\.") or b""
    return [f"--config-env={os.fsdecode(name)}={NOTHING}" for name in sorted(set(names.split(b"\0"))) if name]


def _is_unseen(entry: bytes) -> bool:
    """Whether git has not compared a file: untracked (?), or there and marked as skipped (S) or unchanged (h)."""
    tag, name = entry[:1], os.fsdecode(entry[2:])
    return tag == b"?" or ((tag == b"S" or tag.islower()) and os.path.lexists(PROJECT / name))


def is_repository() -> bool:
    """Whether the project's folder is the top of a git repository, and not merely a folder in another one."""
    return os.path.lexists(PROJECT / ".git")


def has_commit(commit: str) -> bool:
    """Whether the project's repository holds a commit."""
    return _git_output("cat-file", "-e", f"{commit}^{{commit}}") is not None


def committed(commit: str, path: Path) -> bytes | None:
    """The content of a file in a commit, by its path below the project's folder; None if it is not in it."""
    return _git_output("cat-file", "blob", f"{commit}:{path}")


def committed_below(commit: str, *paths: str) -> dict[str, bytes] | None:
    """The content of each file of a commit that is one of these paths or lies below one, by its path: two processes for
    all of them; None if git does not tell.

    Attributes do not count, by which a commit itself could keep files out of an archive of it. A link to another of
    these files has the content of that.
    """
    try:
        entries = [entry.partition(b"\t") for entry in _git("ls-tree", "-r", "-z", commit, "--", *paths).split(b"\0")]
        names = {os.fsdecode(name): described.split() for described, _, name in entries if name}
        blobs = {name: described for name, described in names.items() if described[1] == b"blob"}
        objects = b"".join(b"%b\n" % described[2] for described in blobs.values())
        contents = dict(zip(blobs, _blobs(_git("cat-file", "--batch", given=objects)), strict=True))
    except GitError:
        return None
    links = [name for name, described in blobs.items() if described[0] == b"120000"]
    targets = {name: os.path.normpath(Path(name).parent / os.fsdecode(contents[name])) for name in links}
    return contents | {name: contents[target] for name, target in targets.items() if target in contents}


def _blobs(batch: bytes) -> Iterator[bytes]:
    """The contents of files in what ``git cat-file --batch`` prints.

    Raises:
        GitError: one is not here, as in a clone without all of its objects.
    """
    begin = 0
    while begin < len(batch):
        end = batch.index(b"\n", begin)
        name, kind, *size = batch[begin:end].split()
        if kind != b"blob":
            raise GitError(f"git cat-file: {name.decode()} {kind.decode()}")
        begin = end + 1 + int(size[0]) + 1
        yield batch[end + 1 : begin - 1]


def first_commit(commit: str, path: Path) -> datetime | None:
    """When a file first had the content that it has in a commit: the author's time, which outlives a rebase."""
    blob = _git_output("rev-parse", "--verify", f"{commit}:{path}") or b""
    history = _git_output("log", "--format=%at", f"--find-object={blob.decode().strip()}", commit, "--", str(path))
    times = [int(line) for line in (history or b"").split()]
    return _time(times[-1]) if times else None


def _time(seconds: int) -> datetime:
    """A time that git knows; of those that no calendar has, the first or the last one that it has."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return (datetime.max if seconds > 0 else datetime.min).replace(tzinfo=UTC)


def _content_digest(path: Path) -> bytes:
    """The sha256 of a file's kind and content, or of a link's target; of its kind alone if it cannot be read."""
    try:
        if path.is_symlink():
            content = b"link " + os.fsencode(path.readlink())
        elif path.is_file():
            content = (b"program " if os.access(path, os.X_OK) else b"file ") + path.read_bytes()
        else:
            content = b"folder" if path.is_dir() else b"gone"
    except OSError:
        content = b"unreadable"
    return hashlib.sha256(content).hexdigest().encode()


def _git(*arguments: str, given: bytes | None = None) -> bytes:
    """What git prints about the project's repository, for whomever it belongs to and whatever git's variables say.

    Args:
        arguments: of git, a subcommand after options.
        given: its standard input.

    Raises:
        GitError: git is not installed, fails, or does not answer in time.
    """
    settings = (argument for setting in SAFE for argument in ("-c", setting))
    command = ["git", *settings, "-C", str(PROJECT), *arguments]
    subcommand = next(word for word in arguments if not word.startswith("-"))
    environment = {name: value for name, value in os.environ.items() if name not in REPOSITORY_VARIABLES}
    # No other repository around this folder counts, and another user's index is not refreshed on disk.
    environment |= {"GIT_CEILING_DIRECTORIES": str(PROJECT.parent), "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    environment["GIT_NO_REPLACE_OBJECTS"] = "1"  # a commit is what its name says
    # What is not here is not fetched, by whatever program.
    environment |= {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none", NOTHING: ""}
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=PATIENCE, env=environment)
    except subprocess.TimeoutExpired:
        raise GitError(f"git {subcommand}: no answer within {PATIENCE} s") from None
    except OSError as error:
        raise GitError(f"git: {error.strerror}; is it installed?") from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"status {done.returncode}"]
        raise GitError(f"git {subcommand}: {lines[0]}")
    return done.stdout


def _git_output(*arguments: str) -> bytes | None:
    """What git prints; None if it fails."""
    try:
        return _git(*arguments)
    except GitError:
        return None
