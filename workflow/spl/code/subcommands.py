"""Which functions do the work of each subcommand, and the fingerprint of the code behind them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from spl.code.equivalence import representative
from spl.code.fingerprint import fingerprint, reach
from spl.errors import InputError

_ENTRIES = {
    "data": ("spl.data.datasets:write_dataset",),
    "split": ("spl.data.splits:write_fold",),
    # Of what is around a training, which may end it and start it again: what calls it, and what carries its state.
    "train": (
        *("spl.training.run:train_run", "spl.attempts.attempt:attempt()", "spl.training.instructions:limit"),
        *("spl.training.processes:launch", "spl.training.checkpoints:Checkpoints"),
    ),
    "calibrate": ("spl.analysis.calibration:write_calibration",),
    "analyse": ("spl.analysis.confusion:write_summary",),
    "figure": ("spl.figures.style:save_figure",),
    "table": ("spl.tables.layout:save_table",),
    "page": ("spl.page.render:write_page",),
    "crate": ("spl.provenance.crate:write_crate",),
}


def with_code(subcommand: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """A job's parameter with ``code``, the fingerprint of the code that the job will run."""
    return {**content, "code": representative(subcommand, present_code(subcommand, content))}


def present_code(subcommand: str, content: Mapping[str, Any]) -> str:
    """The fingerprint of all code that can influence a job, as it is now.

    Args:
        subcommand: of ``spl``.
        content: the job's parameter; it decides which reader, method or builder counts.
    """
    entries, choices = _entries(subcommand, content)
    return _fingerprint(tuple(entries), tuple(choices.items()))


def code_modules(subcommand: str, content: Mapping[str, Any]) -> list[str]:
    """The modules that a job's code stands in, "spl.training.loop" for one, in alphabetical order."""
    return sorted({name.split(":")[0] for name in reach(*_entries(subcommand, content))})


def code_packages(subcommand: str, content: Mapping[str, Any]) -> frozenset[str]:
    """The names under which a job's code imports other packages."""
    return frozenset().union(*(one.packages for one in reach(*_entries(subcommand, content)).values()))


def check_code(subcommand: str, content: Mapping[str, Any]) -> None:
    """Refuse to do a job with other code than was planned, or was declared equivalent to it.

    Raises:
        InputError: the code was edited since.
    """
    if "code" not in content:
        raise InputError("--parameter: expected code, the fingerprint of the planned code")
    present = with_code(subcommand, content)["code"]
    if representative(subcommand, content["code"]) != present:
        raise InputError(
            f"code of spl {subcommand}: expected what was planned, {content['code'][:12]}, found {present[:12]}: "
            "it was edited since; start Snakemake again"
        )


def _entries(subcommand: str, content: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    entries, choices = [f"spl.cli.rules:{subcommand}()", *_ENTRIES.get(subcommand, ())], {}
    if subcommand == "data":
        choices["spl.data.datasets:SOURCES"] = content["source"]
    elif subcommand == "train":
        choices["spl.methods.methods:METHODS"] = content["method"]
    elif subcommand in BUILDERS:
        entries.append(f"{content['module']}:{BUILDERS[subcommand]}")
    return entries, choices


BUILDERS = {"figure": "draw", "table": "build", "spreadsheet": "write_spreadsheet"}
"""What a module of figures or tables calls the function that does the work."""


@cache
def _fingerprint(entries: tuple[str, ...], choices: tuple[tuple[str, str], ...]) -> str:
    return fingerprint(entries, dict(choices))
