"""Which text of the project's files ran, beside what is committed: changes that no commit holds are told."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from spl.attempts.plain_file import read_plain
from spl.provenance import git
from spl.provenance.manifest import Manifest
from spl.text.printable import brief

COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
# Where the files that a manifest names lie, below the folder of the project.
OWN = re.compile("Snakefile$|workflow/")
# Names that a line lists.
NAMED = 3


@cache
def committed_files(commit: str) -> dict[str, tuple[str, ...]] | None:
    """The sha256 of each file of the workflow in a commit, by its path; None if the commit cannot be looked up here.

    Each has two: as it is committed, and with the ends of lines that git writes where its settings say so, which mean
    the same to Python.
    """
    files = git.committed_below(commit, "Snakefile", "workflow") if _is_known(commit) else None
    return None if files is None else {name: _digests(content) for name, content in files.items()}


def _digests(content: bytes) -> tuple[str, ...]:
    texts = content, re.sub(rb"\r?\n", b"\r\n", content)
    return tuple(hashlib.sha256(text).hexdigest() for text in texts)


def hidden_changes(manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    """Files that ran otherwise than in their job's commit, although no uncommitted change is on record.

    Returns:
        path, sha256 of what ran, and sha256 of what is committed; "" if the commit has no such file.
    """
    repository = manifest.repository
    if repository and repository.commit and not (repository.diff or repository.problem):
        if (committed := committed_files(repository.commit)) is None:
            return  # which source_lines tells
        for path, sha256 in manifest.process.files.items():
            if sha256 not in (known := committed.get(path, ())):
                yield path, sha256, known[0] if known else ""


def source_lines(manifests: Sequence[Manifest]) -> Iterator[str]:
    """A line for each reason why a reader may not find in a commit what ran, and on uncommitted changes of today."""
    failed, unknown, jobs = Counter[str](), Counter[str](), Counter[str]()
    changed: dict[str, set[str]] = defaultdict(set)  # files by the digest of the changes
    for manifest in manifests:
        if not (repository := manifest.repository):
            continue
        if repository.problem:
            failed[repository.problem] += 1
        if repository.commit and committed_files(repository.commit) is None:
            unknown[repository.commit] += 1
        if repository.diff:
            jobs[repository.diff] += 1
            changed[repository.diff] |= _uncommitted(manifest)
    for problem, count in failed.items():
        yield f"commit or changes unknown to the manifests of {_jobs(count)}: {brief(problem)}"
    for commit, count in unknown.items():
        where = "this repository does not have it" if git.is_repository() else "no repository is here"
        where = "git does not tell its files" if _is_known(commit) else where
        yield f"commit {commit[:12]} of {_jobs(count)} cannot be looked up: {where}"
    for diff, count in jobs.items():
        files = (
            f"loaded {abridged(sorted(changed[diff]))}" if changed[diff] else "in none of the files known to be loaded"
        )
        yield f"{_jobs(count)} ran while the working tree had uncommitted changes ({diff[:12]}): {files}"
    yield from _unlike_here(manifests)
    if present := (git.repository() or {}).get("diff"):
        yield f"the working tree has uncommitted changes ({present[:12]})"


def _unlike_here(manifests: Iterable[Manifest]) -> Iterator[str]:
    """A line on files that ran with a text that is neither committed nor here, where no commit can tell."""
    files, count = set[str](), 0
    for manifest in manifests:
        commit = manifest.repository.commit if manifest.repository else None
        if not commit or committed_files(commit) is None:
            other = {path for path, sha256 in manifest.process.files.items() if _present(path) != sha256}
            files |= other
            count += bool(other)
    if files:
        yield f"{_jobs(count)} ran with other texts than are here, and no commit has them: {abridged(sorted(files))}"


@cache
def _present(path: str) -> str | None:
    """The sha256 of a file of the workflow as it is now; manifests of strangers may name anything."""
    if not OWN.match(path) or ".." in path:
        return None
    try:
        return hashlib.sha256(read_plain(git.PROJECT / path)).hexdigest()
    except (OSError, ValueError):
        return None


def _uncommitted(manifest: Manifest) -> set[str]:
    """The files that a job loaded and that its commit does not have like this."""
    commit = manifest.repository.commit if manifest.repository else None
    committed = committed_files(commit) if commit else None
    if committed is None:
        return set()
    return {path for path, sha256 in manifest.process.files.items() if sha256 not in committed.get(path, ())}


@cache
def _is_known(commit: str) -> bool:
    # Git would take another text for an option, or for the name of a branch.
    return bool(COMMIT.fullmatch(commit)) and git.is_repository() and git.has_commit(commit)


def _jobs(count: int) -> str:
    return f"{count} job{'s' if count > 1 else ''}"


def abridged(names: Sequence[str]) -> str:
    """The first names of many, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(map(brief, names[:NAMED]))}{more}"
