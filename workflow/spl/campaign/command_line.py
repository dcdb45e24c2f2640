"""What Snakemake's command line and environment may say about a study: its file, and nothing else."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from spl.errors import InputError
from spl.study.reading import read_yaml
from spl.study.schema import Study
from spl.text.printable import error_lines, say

PROFILE = "SNAKEMAKE_PROFILE"


def check_command_line(configfiles: Sequence[str], config: Mapping[str, object]) -> None:
    """Refuse studies that Snakemake would put together from several places, and ``spl`` could not read again.

    Args:
        configfiles: files that Snakemake has read.
        config: what ``--config`` says.

    Raises:
        InputError: several files, a setting beside the file, or a key without a value, as of an unset variable.
    """
    if len(configfiles) > 1:
        raise InputError(
            f"--configfile: expected one study, got {' and '.join(configfiles)}; put their settings into one file"
        )
    if empty := [key for key, value in config.items() if value in (None, "")]:
        raise InputError(f"--config {empty[0]}=: expected a value; is a variable of the shell unset?")
    if settings := [key for key in config if key in Study.model_fields]:
        raise InputError(
            f"--config {settings[0]}=...: expected study, partial, gpu_shares or gpu_type; settings belong "
            "into the study's file, where every command reads them"
        )


def start_without_profile(configfiles: Sequence[str]) -> None:
    """Start Snakemake again if a profile that only the environment names has chosen a study.

    It would plan another study than the same command does elsewhere. A profile that sets other options is left alone.

    Args:
        configfiles: files that Snakemake has read before it reads the workflow.
    """
    profile = os.environ.get(PROFILE)
    asked = any(argument.startswith(("--profile", "--configfile", "study=")) for argument in sys.argv)
    if not profile or not configfiles or asked or not _started_by_command():
        return
    say(
        f"{PROFILE}={profile} is ignored: it would choose the study; for its study: --profile {profile}",
        file=sys.stderr,
    )
    sys.stdout.flush()
    sys.stderr.flush()
    environment = {name: value for name, value in os.environ.items() if name != PROFILE}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def check_readable(study: Path) -> None:
    """End with the file and line of a mistake in a study's YAML; Snakemake's own reader names neither."""
    if study.is_file():
        try:
            read_yaml(study)
        except InputError as mistake:
            say(*error_lines(mistake), file=sys.stderr)
            raise SystemExit(2) from None


def check_targets(rules: Collection[str]) -> None:
    """Refuse a target of Snakemake's command line that is no rule and no path, with the names of all targets.

    Snakemake itself tells a workflow what was asked for only after it has read it.

    Args:
        rules: names of those that can be asked for.

    Raises:
        InputError: for the first such target.
    """
    if not _started_by_command():
        return
    for target in _targets(set(filter(_is_name, sys.argv[1:])) - set(rules)):
        near = difflib.get_close_matches(target, rules, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise InputError(f"{target}: no such target; {hint}The targets are {', '.join(rules)}")


def _targets(names: set[str]) -> Iterator[str]:
    """Those of the names that Snakemake takes for targets, and not for values of options."""
    if names:
        from snakemake.cli import get_argument_parser

        arguments, _ = get_argument_parser().parse_known_args(sys.argv[1:])
        yield from (target for target in arguments.targets if target in names)


def _is_name(argument: str) -> bool:
    return not argument.startswith("-") and not set(argument) & set("./=")


def _started_by_command() -> bool:
    """Whether this process was started as the command ``snakemake``, and not by a program that uses it as a library."""
    return "snakemake" in Path(sys.argv[0]).parts[-2:]
