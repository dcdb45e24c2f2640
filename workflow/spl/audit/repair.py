"""The commands that make the results of a study fresh, in the order in which to run them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Sequence
from itertools import chain, count, groupby
from pathlib import Path

from spl.audit.verdicts import SOUND, Node
from spl.provenance.seal import ROOT_FILE
from spl.text.shell import shell_word

# Subcommands whose jobs do not read each other's results
EXHIBITS = ("figure", "table", "spreadsheet")


def repair(
    nodes: Iterable[Node],
    study: str,
    default: str,
    results: Path,
    touch: bool,
    targets: Iterable[Path] = (),
    forged: Collection[str] = (),
    unkept: Collection[str] = (),
    unsealed: bool = False,
    unknown: bool = False,
) -> Iterator[str]:
    """The commands that make all results fresh, in order; none if they are fresh.

    Jobs that are not fresh themselves are forced, since Snakemake may not notice; jobs of one kind together, after the
    jobs upstream of them, so that what lies between two forced jobs is run again only if its inputs changed. Where
    results lie behind links, the commands only put there what the links lead to; it is judged by the next audit.

    Args:
        nodes: of the whole audit, each after the nodes upstream of it.
        study: its file.
        default: the study that Snakemake uses if none is given.
        results: folder of the study.
        touch: whether Snakemake has no records here, so that it must first accept the files as they are.
        targets: one file of each job to make fresh; none for the whole study.
        forged: names of jobs whose results differ from the seal though no job wrote them like this. They are made
            again, even if they look fresh.
        unkept: names of recorded jobs with results that are not kept here, and that jobs to be done read. Data and
            labelled sets are made before Snakemake accepts what is here, or it would train all runs again from them.
        unsealed: whether the study has a page and no intact seal.
        unknown: whether nothing here vouches for what is here, so that it would not be sealed.
    """
    audited = list(nodes)
    option = _study_option(study, default)
    goal = " ".join(shell_word(str(path)) for path in targets) or "all"
    if strays := [shell_word(str(path)) for node in audited if node.verdict == "orphan" for path in node.files]:
        # Moved, not deleted: the user may want them
        folder = shell_word(_unused(f"{results}-orphans", lambda path: path.is_dir() and not path.is_symlink()))
        yield f"mkdir -p {folder} && mv --backup=numbered --target-directory={folder} -- {' '.join(strays)}"
    if links := dict.fromkeys(link for node in audited for link in node.links):
        yield from map(_unlink, links)
        return
    sources = [node for node in audited if node.name in unkept and node.subcommand in ("data", "split")]
    if sources:
        yield f"snakemake --force {' '.join(shell_word(str(node.files[0])) for node in sources)}{option}"
    if sources or (touch and any(node.verdict not in ("missing", "orphan") for node in audited)):
        yield f"snakemake {goal} {ACCEPT}{option}"
    read = {name for node in audited if node.verdict != "missing" for name in node.upstream}
    for _, kind in groupby(audited, key=lambda node: "exhibit" if node.subcommand in EXHIBITS else node.subcommand):
        if files := [
            shell_word(str(node.files[0]))
            for node in kind
            if _needs_force(node, read) or node.name in forged or (node.name in unkept and node not in sources)
        ]:
            yield f"snakemake --force {' '.join(files)}{option}"
    remade = any(node.verdict not in (*SOUND, "orphan") or node.name in forged for node in audited)
    if remade:
        yield f"snakemake {goal}{option}"
    # The first seal is written by Snakemake; later ones only if the page has changed, not if other results have.
    if not unknown and (unsealed or (remade and (results / ROOT_FILE).exists())):
        yield f"spl seal {shell_word(str(results))}"


# Options with which Snakemake notes files as up to date, without computing anything
ACCEPT = "--touch --forceall"


def repair_lines(commands: Sequence[str]) -> Iterator[str]:
    """The commands that make results fresh, below a sentence on the first one where its purpose is not plain."""
    if any(ACCEPT in command for command in commands):
        yield (
            "Snakemake has no records in this folder, so it would compute all results again; the command with --touch "
            "computes nothing, and makes it take the files as they are:"
        )
    yield from (f"  {command}" for command in commands)


def _unlink(link: Path) -> str:
    """The command that puts what a link leads to in its place; or nothing, if that is no file, or a folder around it.

    ``cp`` writes through no link, neither one that waits for the copy nor one inside of it.
    """
    place, copy = shell_word(str(link)), shell_word(_unused(f"{link}.copy"))
    around = link.is_dir() and Path(os.path.realpath(link.parent)).is_relative_to(os.path.realpath(link))
    if around or not (link.is_file() or link.is_dir()):
        return f"rm -- {place}"
    return f"cp --remove-destination -LRT -- {place} {copy} && rm -- {place} && mv -T -- {copy} {place}"


def _unused(name: str, fit: Callable[[Path], bool] = lambda path: False) -> str:
    """The first of NAME, NAME-2, NAME-3 and so on at which nothing lies that is not fit to be written to, such as a
    link that waits there."""
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    return next(one for one in names if fit(Path(one)) or not os.path.lexists(one))


def snakemake(files: Iterable[str], study: str, default: str) -> str:
    """The command that makes files of a study; ``default`` is the study that Snakemake uses if none is given."""
    return f"snakemake {' '.join(map(shell_word, files))}{_study_option(study, default)}"


def _study_option(study: str, default: str) -> str:
    # With --config study=..., Snakemake executes nothing that the file contains.
    return "" if study == default else f" --config {study_setting(study)}"


def study_setting(study: str) -> str:
    """A study as the word that follows Snakemake's ``--config``."""
    return shell_word(f"study={_as_config(study)}")


def _needs_force(node: Node, read: Container[str]) -> bool:
    """Whether Snakemake may leave a job as it is; it makes missing files by itself unless their readers are there."""
    return node.verdict in ("stale", "tampered", "contradictory", "unrecorded") or (
        node.verdict == "missing" and node.name in read
    )


def _as_config(path: str) -> str:
    """A path such that Snakemake's ``--config`` reads it: as YAML, after stripping quotes from its ends."""
    return path if re.fullmatch(r"[\w./][\w./ =+-]*\.ya?ml", path) else f" {json.dumps(path, ensure_ascii=False)} "
