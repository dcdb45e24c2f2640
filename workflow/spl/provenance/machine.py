"""The circumstances of a job: processor, devices, packages, and the state of the project's repository."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from spl.code import fingerprint
from spl.errors import InputError

PROJECT = fingerprint.PROJECT
LOCK, CONDA = PROJECT / "envs" / "requirements.lock", PROJECT / "envs" / "environment.yaml"
# Environment variables that decide how libraries round.
DETERMINISM = (
    *("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR", "CUBLAS_WORKSPACE_CONFIG"),
    # What users set beside those that we set: other names of them, products in fewer bits, other kernels.
    *("DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "NVIDIA_TF32_OVERRIDE"),
    *("MKL_ENABLE_INSTRUCTIONS", "OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES", "GLIBC_TUNABLES"),
)
CRATE = "ro-crate-metadata.json"  # in a folder that is one
# Files of the project that a job may load, as git finds them.
LOADED = (":(glob)workflow/spl/**/*.py", ":(glob)workflow/rules/*.smk")
# Seconds that git has to answer.
GIT_PATIENCE = 60
# Variables that lead git to another repository, as in its own hooks.
REPOSITORY_VARIABLES = {
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE"),
}


class GitError(Exception):
    """Git did not answer: why, in one line."""


def check_installed() -> None:
    """Refuse to work where the package was installed without the clone that it belongs to.

    Raises:
        InputError: there is no lock file, with which versions are compared, and hence no commit either.
    """
    if not LOCK.is_file():
        raise InputError(
            f"{Path(__file__).parents[1]}: installed without its clone, so that no lock file and no commit is known; "
            "install it from a clone that stays: pip install --editable ."
        )


def check_encoding() -> None:
    """Refuse a locale in which names of files are not UTF-8: the classes of a user's images would have other names.

    Raises:
        InputError: Python decodes names in another way.
    """
    if (encoding := sys.getfilesystemencoding()).lower() != "utf-8":
        raise InputError(f"locale: expected names of files in UTF-8, got {encoding}; export PYTHONUTF8=1")


def clone_around(started: Path) -> Path:
    """The clone of this project in which a command is started; outside of any, that of the code that runs.

    Args:
        started: folder of the command or of the Snakefile.
    """
    here = started.resolve()
    return next((place for place in (here, here.parent) if (place / "workflow/spl").is_dir()), PROJECT)


def check_clone(snakefile: Path) -> None:
    """Refuse a Snakefile whose clone is not that of the code that runs, as after a clone was copied or renamed.

    Args:
        snakefile: folder of the Snakefile.

    Raises:
        InputError: edits of this clone would have no effect; or Snakemake cannot work in a folder of this name.
    """
    if (clone := clone_around(snakefile)) != PROJECT:
        raise InputError(f"`spl` runs the code of {PROJECT}, not of {clone}; {how_to_use(clone)}")
    folder = str(snakefile.absolute())
    if "{" in folder or "}" in folder:
        raise InputError(f"{folder}: expected a folder without braces, which Snakemake takes for wildcards")


def check_code_here() -> None:
    """Refuse commands in a clone with other code than that which runs, by which they would judge its results.

    The code of a crate may be anybody's: an audit names each file that differs, and nobody should be told to run it.

    Raises:
        InputError: naming both; or something in the place of a module is no file, such as a pipe.
    """
    clone = clone_around(Path())
    if clone == PROJECT or os.path.lexists(clone / CRATE):
        return
    if _code_of(clone) != _code_of(PROJECT):
        raise InputError(
            f"`spl` runs the code of {PROJECT}, and that of {clone} differs; if you trust that, {how_to_use(clone)}"
        )


def _code_of(clone: Path) -> dict[Path, bytes]:
    package = clone / "workflow/spl"
    modules = sorted(package.rglob("*.py"))
    if strange := [path for path in modules if not path.is_file()]:
        raise InputError(f"{strange[0]}: expected a file")
    return {path.relative_to(package): path.read_bytes() for path in modules}


def how_to_use(clone: Path) -> str:
    """What makes the commands of an environment run the code of a clone."""
    return f"pip install --no-deps --editable {clone}, or export PYTHONPATH={clone}/workflow"


def hardware() -> dict[str, Any]:
    """The processor; and, if the process uses torch, its devices and the instruction set that torch uses."""
    properties: dict[str, Any] = {"machine": platform.machine(), "processor": processor(), "cores": os.cpu_count()}
    if torch := sys.modules.get("torch"):
        properties |= {
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "threads": torch.get_num_threads(),
            "deterministic": bool(torch.get_deterministic_debug_mode()),
        }
        if torch.cuda.is_available():
            driver = _output("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
            properties |= {
                "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
                "cuda": torch.version.cuda,
                "cudnn": torch.backends.cudnn.version(),
                "driver": driver.decode().strip() if driver else None,
            }
    return properties


def processor() -> str:
    """The processor's name."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.processor())


def versions() -> dict[str, str]:
    """The version of every installed package, by its normalised name."""
    return {name: _field(package, "Version") for name, package in installed_distributions().items()}


def packages(modules: Collection[str], versions: Mapping[str, str]) -> dict[str, str]:
    """The version of Python, and of each package that a job's code needs and that this process has imported.

    Packages that serve only the command line or the manifest are left out.

    Args:
        modules: top-level names that the code imports; what their packages require counts, too.
        versions: of the packages that were installed when the job began.
    """
    imported = {name.split(".")[0] for name in list(sys.modules)}
    distributions = installed_distributions()
    loaded = {name: names for name in distributions if (names := _modules(distributions[name]) & imported)}
    waiting = [name for name, names in loaded.items() if not names.isdisjoint(modules)]
    needed = dict[str, str]()
    while waiting:
        if (name := waiting.pop()) not in needed:
            needed[name] = _version(distributions[name], loaded[name], versions)
            waiting += [other for other in _requirements(distributions[name]) if other in loaded]
    return {"python": platform.python_version(), **dict(sorted(needed.items()))}


def installed(modules: Collection[str]) -> dict[str, str]:
    """The essential version of Python, and of each package that provides one of the modules, imported or not."""
    versions = {
        name: package.version
        for name, package in installed_distributions().items()
        if not _modules(package).isdisjoint(modules)
    }
    versions = {"python": platform.python_version(), **versions}
    return {name: essential(name, version) for name, version in sorted(versions.items())}


def installed_distributions() -> dict[str, Distribution]:
    """The installed packages by normalised name; of several of one name the first that Python finds."""
    first: dict[str, Distribution] = {}
    for distribution in distributions():
        first.setdefault(normalised(_field(distribution, "Name")), distribution)
    return first


def _field(package: Distribution, name: str) -> str:
    """A field of a package's metadata. Each job reads those of all packages, so this avoids parsing them whole."""
    head = (package.read_text("METADATA") or "").partition("\n\n")[0]
    field = re.search(rf"^{name}: *(.+)$", head, re.MULTILINE)
    return field[1].strip() if field else str(package.metadata[name])


def _version(package: Distribution, modules: Collection[str], versions: Mapping[str, str]) -> str:
    """A package's version; if one of its modules was imported from elsewhere, that module's file."""
    home = Path(str(package.locate_file(""))).resolve()
    for name in sorted(modules):
        file: str | None = getattr(sys.modules.get(name), "__file__", None)
        if file and not Path(file).resolve().is_relative_to(home):
            return file
    return versions.get(normalised(package.name), package.version)


def _requirements(package: Distribution) -> list[str]:
    from packaging.requirements import Requirement

    requirements = (Requirement(text) for text in package.requires or ())
    return [
        normalised(required.name)
        for required in requirements
        if required.marker is None or required.marker.evaluate({"extra": ""})
    ]


def _modules(package: Distribution) -> set[str]:
    """Top-level names that a package installs. Each job reads them, so this avoids the slow ``package.files``."""
    if listed := package.read_text("top_level.txt"):
        return set(listed.split())
    record = package.read_text("RECORD") or ""
    return {name.removesuffix(".py") for name in re.findall(r"^[^/,\n]+", record, re.MULTILINE)}


@cache
def locked() -> dict[str, str]:
    """The version of Python, and of each package in the lock file by its normalised name."""
    check_installed()
    lines = (line.split("#")[0].strip() for line in LOCK.read_text().splitlines())
    pins = (line.partition("==") for line in lines if line)
    [python] = re.findall(r"^ *- python=(\S+)$", CONDA.read_text(), re.MULTILINE)
    return {"python": python, **{normalised(name): version for name, _, version in pins}}


def essential(name: str, version: str) -> str:
    """The part of a version that is compared: Python without its patch release, packages without their build (+cpu)."""
    public = version.partition("+")[0]
    return ".".join(public.split(".")[:2]) if name == "python" else public


def normalised(name: str) -> str:
    """A package's name as package indexes compare it."""
    return name.lower().replace("_", "-").replace(".", "-")


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
    changed = _git("diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", "HEAD").split(b"\0")
    # What a user ignores may be code all the same; no hidden file is.
    listed = _git(
        *("ls-files", "-z", "-v", "--cached", "--others", "--exclude-per-directory=.gitignore", "--exclude=.*"),
        *("workflow", "config", "Snakefile"),
    ).split(b"\0")
    # Nor is what Python and Snakemake load of it ignored in a way of the user's own.
    listed += _git("ls-files", "-z", "-v", "--others", "--exclude=.*", "--", *LOADED).split(b"\0")
    names = sorted({*filter(None, changed), *(entry[2:] for entry in listed if _is_unseen(entry))})
    lines = (b"%b %b\n" % (_content_digest(PROJECT / os.fsdecode(name)), name) for name in names)
    return hashlib.sha256(b"".join(lines)).hexdigest() if names else None


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
    return datetime.fromtimestamp(times[-1], UTC) if times else None


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
        arguments: of git.
        given: its standard input.

    Raises:
        GitError: git is not installed, fails, or does not answer in time.
    """
    # Git runs programs that a repository's settings name, so it refuses those of other users. We run code of this
    # repository already.
    command = ["git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-C", str(PROJECT), *arguments]
    environment = {name: value for name, value in os.environ.items() if name not in REPOSITORY_VARIABLES}
    # No other repository around this folder counts, and another user's index is not refreshed on disk.
    environment |= {"GIT_CEILING_DIRECTORIES": str(PROJECT.parent), "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    environment["GIT_NO_REPLACE_OBJECTS"] = "1"  # a commit is what its name says
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=GIT_PATIENCE, env=environment)
    except subprocess.TimeoutExpired:
        raise GitError(f"git {arguments[0]}: no answer within {GIT_PATIENCE} s") from None
    except OSError as error:
        raise GitError(f"git: {error.strerror}; is it installed?") from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"status {done.returncode}"]
        raise GitError(f"git {arguments[0]}: {lines[0]}")
    return done.stdout


def _git_output(*arguments: str) -> bytes | None:
    """What git prints; None if it fails."""
    try:
        return _git(*arguments)
    except GitError:
        return None


def _output(*command: str) -> bytes | None:
    """What a command prints; None if it fails or is not installed."""
    try:
        return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return None
