"""The circumstances of a job: processor, devices and packages."""

from __future__ import annotations

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

from spl.code.fingerprint import PROJECT
from spl.errors import InputError

LOCK, CONDA = PROJECT / "envs" / "requirements.lock", PROJECT / "envs" / "environment.yaml"
# Environment variables that decide how libraries round.
DETERMINISM = (
    *("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR", "CUBLAS_WORKSPACE_CONFIG"),
    # What users set beside those that we set: other names of them, products in fewer bits, other kernels.
    *("DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "NVIDIA_TF32_OVERRIDE"),
    *("MKL_ENABLE_INSTRUCTIONS", "OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES", "GLIBC_TUNABLES"),
)


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


def _output(*command: str) -> bytes | None:
    """What a command prints; None if it fails or is not installed."""
    try:
        return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return None
