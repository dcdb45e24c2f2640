"""What a process of Python runs beside its packages: the project's files, customisations, modules from elsewhere."""

from __future__ import annotations

import os
import re
import site
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from spl.code import fingerprint
from spl.code.loading import compiled
from spl.errors import InputError
from spl.provenance import machine
from spl.provenance.files import digest
from spl.provenance.manifest import Process

# Variables that tell Python, or the system's loader of programs, what to run. Others may hold secrets.
VARIABLES = (
    *("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONNOUSERSITE", "PYTHONSAFEPATH"),
    *("PYTHONPLATLIBDIR", "PYTHONPYCACHEPREFIX", "PYTHONOPTIMIZE", "PYTHONHASHSEED"),
    *("LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES"),
)
# How site.py recognises lines of .pth files that it executes.
EXECUTED = re.compile(r"^import[ \t]", re.MULTILINE)

# All of the file by which virtualenv and uv prepare an environment.
VIRTUALENV = "import _virtualenv"


def project_files() -> dict[Path, str]:
    """The sha256 of each module of the package and of each rule of the workflow, from disk."""
    workflow = fingerprint.ROOT.parent
    rules = [fingerprint.PROJECT / "Snakefile", workflow / "Snakefile", *workflow.glob("rules/*.smk")]
    return {path: digest(path) for path in (*fingerprint.ROOT.rglob("*.py"), *rules) if path.is_file()}


def foreign_files() -> dict[Path, str]:
    """The sha256 of each file that Python runs whenever it starts, and that neither Python itself nor a package of the
    lock file brought: site customisations and executed lines of ``.pth`` files."""
    return {path: digest(path) for path in (*_customisations(), *_executed_path_files())}


def present_process(before: Mapping[Path, str], foreign: Mapping[Path, str]) -> Process:
    """What this process has run, at the end of its job.

    Args:
        before: the sha256 of the project's files when the job began.
        foreign: as :func:`foreign_files` when the job began.

    Raises:
        InputError: a file was changed after the job began, and was loaded only then.
    """
    loaded = {path: compiled.get(path) or digest(path) for path in _loaded_project_files()}
    for path, sha256 in sorted(loaded.items()):
        if before.get(path) != sha256:
            raise InputError(f"{path}: was changed after this job had begun, and then loaded; do the job again")
    rules = {path: sha256 for path, sha256 in before.items() if path.suffix != ".py"}
    files = {str(path.relative_to(fingerprint.PROJECT)): sha256 for path, sha256 in (loaded | rules).items()}
    return Process(
        files=dict(sorted(files.items())),
        customised={_text(path): sha256 for path, sha256 in sorted({**foreign_files(), **foreign}.items())},
        shadowing={name: _text(file) for name, file in sorted(_modules_from_elsewhere())},
        variables={name: _text(os.environ[name]) for name in VARIABLES if name in os.environ},
        command=[_text(_from_here(word)) for word in sys.orig_argv],
    )


def _from_here(word: str) -> str:
    """A path below the present folder from there: manifests are published, and where that folder lies is nobody's."""
    here = Path.cwd()
    return str(Path(word).relative_to(here)) if Path(word).is_relative_to(here) and word != str(here) else word


def _text(path: str | Path) -> str:
    """As text that can be written, where names are not."""
    return str(path).encode(errors="backslashreplace").decode()


def _loaded_project_files() -> Iterator[Path]:
    """The file of each loaded module that lies in the project, except in an installation of Python there."""
    for module in list(sys.modules.values()):
        path = fingerprint.module_file(module)
        if path and path.is_relative_to(fingerprint.ROOT):
            yield path


def _customisations() -> Iterator[Path]:
    """The files of modules that Python imports whenever it starts, except the one that some systems' Python has."""
    for name in ("sitecustomize", *(["usercustomize"] if site.ENABLE_USER_SITE else [])):
        found = PathFinder.find_spec(name)
        if found and found.origin and not _belongs_to_python(Path(found.origin)):
            yield Path(found.origin)


def _executed_path_files() -> Iterator[Path]:
    """Files whose lines Python executes whenever it starts, and that no package of the lock file installed."""
    for folder in map(Path, _site_folders()):
        for path in sorted(folder.glob("*.pth")):
            text = path.read_text(encoding="utf-8", errors="replace")
            if EXECUTED.search(text) and text.strip() != VIRTUALENV and not _is_of_locked_package(path.name):
                yield path


def _is_of_locked_package(name: str) -> bool:
    """Whether a package of the lock file lists a file of its folder as its own."""
    return any(
        f"\n{name}," in f"\n{package.read_text('RECORD') or ''}"
        for package_name, package in machine.installed_distributions().items()
        if package_name in machine.locked()
    )


def _modules_from_elsewhere() -> Iterator[tuple[str, str]]:
    """Names and files of loaded modules that lie neither with Python nor with its packages nor in this project: they
    hide others of the same name, or packages load them where they find them. Of the project's own, a job with any that
    its fingerprint lacks is refused."""
    folders = _site_folders()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or name.partition(".")[0] in (fingerprint.PACKAGE, "__main__", "__mp_main__"):
            continue
        path = Path(file)
        if _belongs_to_python(path) or any(path.is_relative_to(folder) for folder in folders):
            continue
        if path.is_relative_to(fingerprint.PROJECT) and "site-packages" not in path.parts:
            continue
        if path.is_file():  # torch has modules that only carry the name of a file
            yield name, file


@cache
def _site_folders() -> tuple[str, ...]:
    """Where the packages of this Python lie."""
    own = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()]
    return tuple(dict.fromkeys([*own, *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]))


@cache
def _standard_library() -> tuple[Path, ...]:
    return tuple({Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")})


def _belongs_to_python(path: Path) -> bool:
    """Whether a file lies in Python's own library, where packages may lie below it, too."""
    return any(path.is_relative_to(folder) for folder in _standard_library()) and "site-packages" not in path.parts
