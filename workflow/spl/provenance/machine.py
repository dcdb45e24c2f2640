"""Where and with what a job ran: processor, devices, packages, and the state of the project's repository."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
import sys
from collections.abc import Collection, Mapping
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[3]
LOCK, CONDA = PROJECT / "envs" / "requirements.lock", PROJECT / "envs" / "environment.yaml"
DETERMINISM = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR", "CUBLAS_WORKSPACE_CONFIG")
"""Variables that decide how libraries round."""


def hardware() -> dict[str, Any]:
    """The processor, and of a process that uses torch its devices and the instructions that it was given."""
    found: dict[str, Any] = {"machine": platform.machine(), "processor": processor(), "cores": os.cpu_count()}
    if torch := sys.modules.get("torch"):
        found |= {
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "threads": torch.get_num_threads(),
            "deterministic": bool(torch.get_deterministic_debug_mode()),
        }
        if torch.cuda.is_available():
            found |= {
                "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
                "cuda": torch.version.cuda,
                "cudnn": torch.backends.cudnn.version(),
                "driver": _said("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"),
            }
    return found


def processor() -> str:
    """The processor's name."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.processor())


def versions() -> dict[str, str]:
    """The version of every installed package, by its normalised name."""
    found: dict[str, str] = {}
    for package in distributions():
        found.setdefault(normalised(package.name), package.version)  # in the order in which Python looks
    return found


def packages(modules: Collection[str], versions: Mapping[str, str]) -> dict[str, str]:
    """The version of Python, and of each package that code needs, as far as this process has imported it.

    What else was imported to run a command and to write its manifest has no part in its result.

    Args:
        modules: names of the packages that the code imports; what these need counts, too.
        versions: of the packages that were installed when the job began.
    """
    imported = {name.split(".")[0] for name in list(sys.modules)}
    installed: dict[str, Distribution] = {}
    for one in distributions():
        installed.setdefault(normalised(one.name), one)  # in the order in which Python looks
    loaded = {name: _modules(one) & imported for name, one in installed.items()}
    waiting = [name for name, names in loaded.items() if not names.isdisjoint(modules)]
    needed = dict[str, str]()
    while waiting:
        if (name := waiting.pop()) not in needed:
            needed[name] = _version(installed[name], loaded[name], versions)
            asked = (*_requirements(installed[name]), *ON_REQUEST.get(name, ()))
            waiting += [other for other in asked if loaded.get(other)]
    return {"python": platform.python_version(), **dict(sorted(needed.items()))}


def installed(modules: Collection[str]) -> dict[str, str]:
    """What counts of the versions of Python, and of each package that installs a module, imported or not."""
    found = {"python": platform.python_version()}
    for one in distributions():
        if not _modules(one).isdisjoint(modules):
            found.setdefault(normalised(one.name), one.version)  # in the order in which Python looks
    return {name: essential(name, version) for name, version in sorted(found.items())}


def _version(package: Distribution, modules: Collection[str], versions: Mapping[str, str]) -> str:
    """A package's version, if it is what was imported; else what was."""
    home = Path(str(package.locate_file(""))).resolve()
    for name in sorted(modules):
        file: str | None = getattr(sys.modules.get(name), "__file__", None)
        if file and not Path(file).resolve().is_relative_to(home):
            return file
    return versions.get(normalised(package.name), package.version)


ON_REQUEST = {"pandas": ("jinja2", "tabulate")}
"""What packages import for some of their functions without asking for it: Markdown and LaTeX tables."""


def _requirements(package: Distribution) -> list[str]:
    parsed = (Requirement(text) for text in package.requires or ())
    return [normalised(one.name) for one in parsed if one.marker is None or one.marker.evaluate({"extra": ""})]


def _modules(package: Distribution) -> set[str]:
    """Top-level names that a package installs; read in the shortest way, since each job does it."""
    if named := package.read_text("top_level.txt"):
        return set(named.split())
    record = package.read_text("RECORD") or ""
    files = (line.partition(",")[0] for line in record.splitlines())
    return {file.partition("/")[0].removesuffix(".py") for file in files}


@cache
def locked() -> dict[str, str]:
    """The version of each package in the lock file, by its normalised name, and of Python."""
    lines = (line.split("#")[0].strip() for line in LOCK.read_text().splitlines())
    pins = (line.partition("==") for line in lines if line)
    [python] = re.findall(r"^ *- python=(\S+)$", CONDA.read_text(), re.MULTILINE)
    return {"python": python, **{normalised(name): version for name, _, version in pins}}


def essential(name: str, version: str) -> str:
    """What counts of a version: all releases of one Python are the same, and builds of a package for CPU or GPU."""
    public = version.partition("+")[0]
    return ".".join(public.split(".")[:2]) if name == "python" else public


def normalised(name: str) -> str:
    """A package's name as registries compare it."""
    return name.lower().replace("_", "-").replace(".", "-")


def repository() -> dict[str, Any] | None:
    """The commit of the project, and the sha256 of all uncommitted changes, None if there are none; None outside git.

    Changes are the bytes of ``git diff`` and the names and contents of untracked files of the workflow and its
    configuration.
    """
    commit = _git("rev-parse", "HEAD")
    if commit is None or _git("rev-parse", "--show-toplevel") != os.fsencode(PROJECT):
        return None
    changes = _git("diff", "--binary", "--no-ext-diff", "--no-textconv", "HEAD") or b""
    listing = _git("ls-files", "-z", "--others", "--exclude-standard", "workflow", "config", "Snakefile") or b""
    for name in filter(None, listing.split(b"\0")):
        changes += b"\n%b %b" % (name, _content_digest(PROJECT / os.fsdecode(name)))
    return {"commit": commit.decode(), "diff": hashlib.sha256(changes).hexdigest() if changes else None}


def _content_digest(path: Path) -> bytes:
    """The sha256 of a file's content; empty if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes() if path.is_file() else b"").hexdigest().encode()
    except OSError:
        return b""


def _git(*command: str) -> bytes | None:
    """What git prints about the project; None if it fails or is not there."""
    try:
        done = subprocess.run(["git", "-C", PROJECT, *command], capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _said(*command: str) -> str | None:
    """What a command prints; None if it fails or is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
