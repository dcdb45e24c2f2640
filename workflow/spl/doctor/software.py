"""Commit, installed versions, the clone whose code runs, user and environment; and the machine, if it trains itself."""

from __future__ import annotations

import getpass
import os
import platform
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from spl.campaign.command_line import PROFILE
from spl.campaign.here import cores_here, memory_here
from spl.campaign.processor import check_machine
from spl.doctor.finding import Finding
from spl.errors import InputError
from spl.provenance import clone, git, machine
from spl.provenance.process import foreign_files
from spl.study.plan import Plan

# Differences that are named in one finding.
MOST = 5


def commit() -> Finding:
    """Whether manifests will name the commit and all changes."""
    state = git.repository()
    if state is None:
        return Finding(
            "commit",
            "warning",
            f"{git.PROJECT} is no git repository, so manifests name no commit",
            "work in a clone of the project",
        )
    if problem := state.get("problem"):
        return Finding(
            "commit",
            "error",
            f"unknown to manifests: {problem}",
            f"make `git -C {git.PROJECT} status` succeed on this host, and where jobs run",
        )
    short = str(state["commit"])[:12]
    if state["diff"]:
        message = f"{short} with uncommitted changes, of which manifests keep a digest alone"
        return Finding("commit", "warning", message, "commit them first")
    return Finding("commit", "ok", short)


def locked_versions(installed: Mapping[str, str]) -> Finding:
    """Whether the installed packages are those of the lock file.

    Args:
        installed: version by normalised name, with Python's.
    """
    differing = []
    for name, expected in machine.locked().items():
        version = installed.get(name)
        if version is None or machine.essential(name, version) != machine.essential(name, expected):
            differing.append(f"{name} {version or 'missing'} instead of {expected}")
    if not differing:
        return Finding("versions", "ok", f"{len(machine.locked())} as in the lock file")
    more = f" and {len(differing) - MOST} more" if len(differing) > MOST else ""
    return Finding(
        "versions",
        "warning",
        f"{', '.join(differing[:MOST])}{more}: the audit will call such results stale (env)",
        f"pip install --requirement {machine.LOCK}",
    )


def python() -> str:
    """The version of Python that runs."""
    return platform.python_version()


def code(started: Path) -> Finding:
    """Whether the code that runs is that of the clone in which it is started.

    Args:
        started: folder of the Snakefile, or in which `spl` is called.
    """
    if (around := clone.clone_around(started)) != clone.PROJECT:
        message = f"`spl` runs the code of {clone.PROJECT}, not of {around}"
        return Finding("code", "error", message, clone.how_to_use(around))
    return Finding("code", "ok", str(clone.PROJECT))


def user() -> Finding:
    """Whether the user has a name, without which Snakemake does not start, and a home for caches."""
    try:
        name, home = getpass.getuser(), Path.home()
    except (KeyError, OSError, RuntimeError):
        return Finding("user", "error", f"number {os.getuid()} has no name or no home here", "export USER=me HOME=/tmp")
    if not os.access(home, os.W_OK):
        return Finding("user", "warning", f"{name} cannot write to {home}", "export HOME=/tmp, for caches")
    return Finding("user", "ok", name)


def environment() -> Finding:
    """Whether variables change what commands of the documentation do, and whether Python runs foreign code."""
    if foreign := sorted(map(str, foreign_files())):
        return Finding(
            "environment",
            "warning",
            f"Python runs {foreign[0]} whenever it starts: the audit will call all results stale (env)",
            "remove it, or use an environment that holds the packages of the lock file alone",
        )
    if profile := os.environ.get(PROFILE):
        return Finding(
            "environment", "warning", f"{PROFILE}={profile} holds for every command", f"unset {PROFILE}; use --profile"
        )
    return Finding("environment", "ok", "no profile set")


def training_here(plan: Plan, runs: Collection[str]) -> Iterator[Finding]:
    """Whether this machine can train runs: instructions, devices; and how many at once.

    Args:
        plan: of the study.
        runs: paths of those to train.
    """
    try:
        check_machine(plan, runs)
        yield Finding("machine", "ok", f"can train the {len(runs)} open runs")
    except InputError as error:
        yield Finding("machine", "error", str(error))
    cores = len(os.sched_getaffinity(0))
    memory = memory_here()
    yield Finding("at once", "ok", f"{cores_here(cores)} of {cores} cores, {memory or 'unknown'} MB of memory")
