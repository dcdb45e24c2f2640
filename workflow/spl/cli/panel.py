"""The interactive commands in the help of ``spl``: panel, examples, completions of studies; and where they print."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from typer.models import CommandFunctionType

if TYPE_CHECKING:
    from rich.console import Console

HELP = """Inspect a study, audit its results, and run single jobs of its workflow.

A study is a YAML file, such as config/demo.yaml. Its results lie below results/ in the current folder.
`spl COMMAND --help` shows examples; `spl --install-completion` lets the shell complete names of studies and results.
"""
PANEL = "Interactive commands"


def command(app: typer.Typer, *examples: str) -> Callable[[CommandFunctionType], CommandFunctionType]:
    """A subcommand of an app, with examples below its help."""
    return app.command(
        rich_help_panel=PANEL, epilog="\n\n".join(["Examples:", *(f"`{example}`" for example in examples)])
    )


def studies(incomplete: str) -> list[str]:
    """Completions of a path of a study."""
    return [str(path) for path in sorted(Path("config").glob("*.yaml")) if str(path).startswith(incomplete)]


def terminal() -> Console:
    """Where to print: as wide as the terminal, or wide enough for a file."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 300)
