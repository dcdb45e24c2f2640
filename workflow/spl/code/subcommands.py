"""Which modules do the work of each subcommand, and the fingerprint of the code behind a job."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from spl.code import fingerprint
from spl.code.equivalence import representative
from spl.errors import InputError

# The function that does the work of a job, as "module:function"; it is called with parameter, inputs and outputs.
ENTRIES = {
    "data": "spl.data.prepare:write_dataset",
    "split": "spl.data.splits:write_fold",
    "train": "spl.training.run:train_run",
    "calibrate": "spl.analysis.calibration:write_calibration",
    "analyse": "spl.analysis.summary:write_summary",
    "figure": "spl.figures.style:write_figure",
    "table": "spl.tables.layout:write_table",
    "spreadsheet": "spl.tables.spreadsheet:write_spreadsheet",
    "page": "spl.page.render:write_page",
    "crate": "spl.audit.crate:write_crate",
}

MODULE = re.compile(r"(?!.{201})[\w-]+(\.[\w-]+)*", re.ASCII)


def entry(subcommand: str) -> Callable[..., None]:
    """The function that does the work of a subcommand."""
    module, _, function = ENTRIES[subcommand].partition(":")
    work: Callable[..., None] = getattr(importlib.import_module(module), function)
    return work


def entry_modules(subcommand: str, content: Mapping[str, Any]) -> tuple[str, ...]:
    """The modules from which a job's code is reached: the subcommand's own, and the one that its parameter names.

    Args:
        subcommand: of ``spl``.
        content: the job's parameter; it names the data source, the method, or the module of the figure or table.

    Raises:
        InputError: what it has there is no name of a module.
    """
    own = ENTRIES[subcommand].partition(":")[0]
    if subcommand == "data":
        return own, f"spl.data.sources.{_name(content, 'source').replace('-', '_')}"
    if subcommand == "train":
        return own, f"spl.methods.{_name(content, 'method').replace('-', '_')}"
    return (own, _name(content, "module")) if "module" in content else (own,)


def _name(content: Mapping[str, Any], key: str) -> str:
    """The name of a module in a parameter, which in a received manifest may be anything."""
    name = content[key]
    if isinstance(name, str) and MODULE.fullmatch(name):
        return name
    from spl.text.printable import brief  # no job loads it, since it is no part of what the job computes

    raise InputError(f"parameter.{key}: expected the name of a module, got {brief(repr(name))}")


def with_code(subcommand: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """A job's parameter with ``code``, the fingerprint of the code that the job will run."""
    return {**content, "code": representative(subcommand, present_code(subcommand, content))}


def present_code(subcommand: str, content: Mapping[str, Any]) -> str:
    """The fingerprint of all code that can influence a job, as it is now."""
    return _fingerprint(entry_modules(subcommand, content))


def code_modules(subcommand: str, content: Mapping[str, Any]) -> list[str]:
    """The modules that a job's code consists of, in alphabetical order."""
    return sorted(fingerprint.closure(entry_modules(subcommand, content)))


def code_packages(subcommand: str, content: Mapping[str, Any]) -> frozenset[str]:
    """The top-level names of other packages that a job's code imports."""
    return fingerprint.imported_packages(entry_modules(subcommand, content))


def certain_packages(subcommand: str, content: Mapping[str, Any]) -> frozenset[str]:
    """Of these, the names of packages that every such job imports, whatever it does."""
    return _certain_packages(entry_modules(subcommand, content))


def certain_files(subcommand: str, content: Mapping[str, Any]) -> frozenset[str]:
    """Of a job's code, the files that every such job loads, whatever it does, below the project's folder."""
    return _certain_files(entry_modules(subcommand, content))


def code_texts(subcommand: str, content: Mapping[str, Any]) -> dict[Path, str]:
    """The sha256 of each file of a job's code, as it was read for the fingerprint."""
    return fingerprint.module_texts(entry_modules(subcommand, content))


def check_code(subcommand: str, content: Mapping[str, Any]) -> None:
    """Refuse to do a job with other code than was planned, or was declared equivalent to it.

    Raises:
        InputError: the code was edited since.
    """
    if "code" not in content:
        raise InputError("parameter: expected code, the fingerprint of the planned code")
    present = with_code(subcommand, content)["code"]
    if representative(subcommand, content["code"]) != present:
        raise InputError(
            f"code of spl {subcommand}: expected the planned code {content['code'][:12]}, found {present[:12]}: "
            "it was edited since the plan was made; start Snakemake again"
        )


def check_loaded(subcommand: str, content: Mapping[str, Any]) -> None:
    """Refuse to record a job for which code was loaded that its fingerprint does not hold.

    Raises:
        InputError: naming the modules.
    """
    modules = list(sys.modules.values())
    if foreign := fingerprint.foreign_modules(entry_modules(subcommand, content), modules):
        raise InputError(f"spl {subcommand}: loaded code that is no part of its fingerprint: {', '.join(foreign)}")


@cache
def _fingerprint(entries: tuple[str, ...]) -> str:
    return fingerprint.fingerprint(entries)


@cache
def _certain_files(entries: tuple[str, ...]) -> frozenset[str]:
    modules = fingerprint.modules_imported_at_once(entries)
    return frozenset(str(fingerprint.module_path(name).relative_to(fingerprint.PROJECT)) for name in modules)


@cache
def _certain_packages(entries: tuple[str, ...]) -> frozenset[str]:
    return fingerprint.packages_imported_at_once(entries)
