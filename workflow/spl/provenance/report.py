"""How an audit is presented: the tree from a figure down to the data, the problems, and commands that repair them."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain, count, groupby
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from spl.campaign.job import MANIFEST, Job
from spl.provenance.crate_check import may_run_what_differs
from spl.provenance.deviations import RegistrationCheck
from spl.provenance.links import depends_on_reader
from spl.provenance.manifest import resumptions
from spl.provenance.seal import NAMED, NOTHING_VOUCHES, ROOT_FILE, Seal
from spl.provenance.sources import abridged, source_lines
from spl.provenance.verdicts import SOUND, Node, Verdict
from spl.text.printable import brief, printable
from spl.text.shell import shell_word
from spl.text.terminal import plain

LOOKS: dict[Verdict, tuple[str, str]] = {
    "fresh": ("✓", "green"),
    "recorded": ("✓", "cyan"),
    "stale": ("~", "yellow"),
    "tampered": ("✗", "bold red"),
    "contradictory": ("✗", "red"),
    "broken-chain": ("…", "yellow"),
    "orphan": ("?", "magenta"),
    "unrecorded": ("?", "red"),
    "missing": ("–", "red"),
}
SEALS = {
    "intact": "intact",
    "broken": "broken",
    "missing": "missing or unreadable",
    "absent": "none yet: `snakemake all` writes it last",
    "foreign": "not the published one",
}

# Subcommands whose jobs do not read each other's results
EXHIBITS = ("figure", "table", "spreadsheet")


def tree(nodes: Mapping[str, Node], tops: Iterable[str]) -> Tree:
    """The nodes called ``tops`` and, indented, the nodes upstream of each; a node is expanded only once."""
    expanded = set[str]()

    def grow(name: str, branch: Tree) -> None:
        node = nodes[name]
        repeated = name in expanded and bool(node.upstream)
        twig = branch.add(_line(node, " (see above)" if repeated else "", _resumed(node)))
        if not repeated:
            expanded.add(name)
            for parent in node.upstream:
                grow(parent, twig)

    root = Tree("", hide_root=True)
    for top in tops:
        grow(top, root)
    return root


def problems(nodes: Iterable[Node]) -> list[RenderableType]:
    """A line for each node that is not fresh or has notes; one for all jobs not done yet, if they are many."""
    told = [node for node in nodes if node.verdict not in SOUND or node.notes]
    undone = [node for node in told if _is_undone(node)]
    if len(undone) <= MANY:
        return [_line(node) for node in told]
    counts = Counter(node.name.partition("/")[0] for node in undone)
    line = Text.assemble((f"{LOOKS['missing'][0]} ", LOOKS["missing"][1]), f"{len(undone)} jobs were not done yet: ")
    line.append(plain(", ".join(f"{count} {PLACES.get(place, place)}" for place, count in counts.items()), "dim"))
    return [line, *(_line(node) for node in told if not _is_undone(node))]


# So many undone jobs are told by a line each.
MANY = 12

# What jobs make, by the folder of their results
PLACES = {"data": "of data", "calibration": "of calibration", "analysis": "summaries", "paper": "page"}


def _is_undone(node: Node) -> bool:
    return node.verdict == "missing" and len(node.why) == len(node.files)


def _resumed(node: Node) -> list[str]:
    return resumptions(node.manifest.attempts) if node.manifest else []


def _line(node: Node, after: str = "", remarks: Sequence[str] = ()) -> Text:
    sign, colour = LOOKS[node.verdict]
    verdict = f"{node.verdict} ({', '.join(node.kinds)})" if node.kinds else node.verdict
    line = Text.assemble((f"{sign} ", colour), plain(node.name), " ", plain(verdict, colour), (after, "dim"))
    more = [f"and {len(node.why) - MOST} more"] if len(node.why) > MOST else []
    if details := [brief(detail, ROOM) for detail in (*node.why[:MOST], *more, *node.notes, *remarks)]:
        line.append(plain(f": {'; '.join(details)}", "dim"))
    return line


# Differences that are printed for one node, and characters of each; JSON has all of them.
MOST, ROOM = 3, 600


def summary(nodes: Iterable[Node], seal: Seal) -> str:
    """One line with the number of nodes of each verdict, and lines on the study's seal."""
    counted = Counter(node.verdict for node in nodes)
    counts = ", ".join(f"{counted[verdict]} {verdict}" for verdict in LOOKS if counted[verdict])
    return "\n".join(map(printable, [counts or "nothing to audit", *_seal_lines(seal)]))


def _seal_lines(seal: Seal, name: str = "seal") -> Iterator[str]:
    """The state of a seal, what differs from it, who wrote that, and what a person vouched for."""
    signed = f", {seal.signature.words}" if seal.digest else ""
    yield f"{name} {seal.digest[:12]}: {SEALS[seal.state]}{signed}".replace("seal :", "seal:")
    if seal.changed:
        yield f"  not as sealed: {abridged(seal.changed)}"
    if seal.unvouched:
        rest = "; jobs wrote the others" if len(seal.unvouched) < sum(map(_is_manifest, seal.changed)) else ""
        yield f"  no job wrote {abridged(seal.unvouched)} like this{rest}"
    elif seal.changed:
        yield "  jobs wrote all of these that are there"
    elif seal.unknown and name == "seal":  # beside a published seal, that one can vouch
        yield f"  {NOTHING_VOUCHES}"
    elif seal.state == "foreign":
        yield "  no result differs from this seal, so it was sealed again after it was published"
    for why, names in groupby(sorted(seal.accepted, key=seal.accepted.__getitem__), key=seal.accepted.__getitem__):
        yield f"  sealed on somebody's word: {abridged(list(names))}: {brief(why)}"
    if seal.own:
        yield from _seal_lines(seal.own, "the study's own seal")


def _is_manifest(name: str) -> bool:
    return name.endswith(MANIFEST)


def registration_lines(registered: RegistrationCheck | None) -> Iterator[str]:
    """Whether a registration was kept, and a line for each deviation and each note; no line without a registration."""
    if registered is None:
        return
    count = len(registered.deviations)
    outcome = f"{count} deviation{'s' if count > 1 else ''}" if count else "kept"
    yield f"registration {registered.digest[:12]}: {outcome}".replace("registration :", "registration:")
    yield from (f"  ✗ {brief(line, ROOM)}" for line in registered.deviations)
    yield from (f"  {brief(line, ROOM)}" for line in registered.notes)


def published_lines(published: str | None, unlike: Sequence[str] | None) -> Iterator[str]:
    """Whether results are as published, by a digest or by the listing in a file, and how they differ."""
    if unlike is not None:
        yield (
            f"not the bytes that were published in {published}:"
            if unlike
            else f"the same bytes as published in {published}"
        )
        yield from unlike


def crate_lines(unlike: Sequence[str] | None, beside: Sequence[str]) -> Iterator[str]:
    """Whether a crate is as it should be, and what else lies there; no line outside of a crate."""
    if unlike is not None:
        count = f"{len(unlike)} difference{'s' * (len(unlike) > 1)}"
        yield f"crate: {count if unlike else 'as it describes itself, and as this program writes it'}"
        yield from (f"  ✗ {brief(line, ROOM)}" for line in unlike[:NAMED])
        if may_run_what_differs(unlike):
            yield "  no commands are advised: they could run what differs here"
        if beside:
            yield f"  not compared: {', '.join(beside)}"


def repository_lines(nodes: Collection[Node]) -> Iterator[str]:
    """Lines on what ran that no commit holds, and on runs that were resumed."""
    yield from source_lines([node.manifest for node in nodes if node.manifest])
    if count := sum(map(bool, map(_resumed, nodes))):
        yield f"{count} run{'s were' if count > 1 else ' was'} resumed from checkpoints: `spl audit RUN` has the steps"


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
    if not unknown and (unsealed or (remade and (goal == "all" or (results / ROOT_FILE).exists()))):
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
    return "" if study == default else f" --config {shell_word(f'study={_as_config(study)}')}"


def _needs_force(node: Node, read: Container[str]) -> bool:
    """Whether Snakemake may leave a job as it is; it makes missing files by itself unless their readers are there."""
    return node.verdict in ("stale", "tampered", "contradictory", "unrecorded") or (
        node.verdict == "missing" and node.name in read
    )


def _as_config(path: str) -> str:
    """A path such that Snakemake's ``--config`` reads it: as YAML, after stripping quotes from its ends."""
    return path if re.fullmatch(r"[\w./][\w./ =+-]*\.ya?ml", path) else f" {json.dumps(path, ensure_ascii=False)} "


# Attributes of a node in the JSON form, beside its files
SHOWN = ("name", "verdict", "kinds", "why", "notes", "upstream")


def as_json(
    nodes: Mapping[str, Node],
    seal: Seal,
    commands: Iterable[str],
    registered: RegistrationCheck | None = None,
    unlike_published: Sequence[str] | None = None,
    unlike_crate: Sequence[str] | None = None,
    beside_crate: Sequence[str] = (),
) -> dict[str, Any]:
    """The audit as JSON."""
    return {
        "fresh": is_fresh(nodes.values()),
        "seal": asdict(seal),
        "nodes": [
            {name: getattr(node, name) for name in SHOWN}
            | {"files": [str(path) for path in node.files], "resumed": _resumed(node)}
            for node in nodes.values()
        ],
        "repository": list(repository_lines(nodes.values())),
        "repair": list(commands),
        "unlike published": unlike_published,
        "unlike crate": unlike_crate,
        "beside crate": list(beside_crate),
        "registration": registered and {"kept": not registered.deviations, **vars(registered)},
    }


def is_fresh(nodes: Iterable[Node]) -> bool:
    """Whether every node is fresh; in an archive, fresh or recorded."""
    return all(node.verdict in SOUND for node in nodes)


def job_names(jobs: Mapping[str, Job], target: str, results: Path) -> list[str]:
    """The names of the jobs that a target denotes: a file, a folder, or the last parts of names; none if it is
    something of the same name elsewhere.

    Args:
        jobs: by name.
        target: "fig4", "tables/table1.csv", "results/demo/figures/fig4.pdf", "runs/digits".
        results: folder of the study.
    """
    if (place := place_of_target(target, results)) is None:
        return []  # a verdict would be taken for one on what lies there
    if place == results:
        return list(jobs)
    if not place.is_relative_to(results):
        return []
    below = str(place.relative_to(results))
    exact = [name for name, job in jobs.items() if name == below or place in (*job.outputs, job.manifest)]
    names = exact or [name for name, job in jobs.items() if _contains(job, below)]
    files = [path for name in names for path in (*jobs[name].outputs, jobs[name].manifest)]
    return [] if any(_is_elsewhere(file, target, results) for file in files) else names


def place_of_target(target: str, results: Path) -> Path | None:
    """Where a target lies among the results of a study, if it is one; None if it names something else that is here.

    A target below the folder of the results is the path that it states. Of any other path that is here, it counts where
    it leads, through whatever links. A path that is not here may be part of a result's name.
    """
    path = below_here(target)
    if path.is_relative_to(results) and ".." not in path.parts:
        return path
    if not os.path.lexists(target):
        return results / path
    real, home = (Path(os.path.realpath(path)) for path in (target, results))
    if depends_on_reader(Path(target)) or not real.is_relative_to(home):
        return None
    return results / real.relative_to(home)


def _is_elsewhere(file: Path, target: str, results: Path) -> bool:
    """Whether a target names another file than a result when the result's ending is added to it."""
    name = Path(target).name
    whole = Path(target).with_name(file.name)
    return file.name.startswith(f"{name}.") and os.path.lexists(whole) and place_of_target(str(whole), results) != file


def below_here(target: str) -> Path:
    """A path as the jobs state it: relative to the present folder, if nothing on the way leads up again."""
    path = Path(target)
    return Path(os.path.relpath(path)) if path.is_absolute() and ".." not in path.parts else path


def _contains(job: Job, parts: str) -> bool:
    """Whether a job's name has these parts somewhere, or the path of one of its files has them last."""
    return f"/{parts}/" in f"/{job.name}/" or any(
        f"/{path}".endswith(f"/{parts}") for path in (*job.outputs, job.manifest)
    )


def run_line(node: Node, known: Mapping[str, Any] | None) -> Text:
    """A run behind a number: its error, the seeds of its labels and its training, its code and its machine.

    ``known`` is its row of a summary; None for a run that calibrates, which has none.
    """
    line = _line(node, remarks=_resumed(node))
    if known:
        described = (
            f"    error {100 * known['error_last']:.2f} %; {known['labels']} labels drawn by seed "
            f"{known['split_seed']} (splits/{known['split']}.json), training seed {known['seed']}"
        )
        line.append("\n").append(plain(described))
    if manifest := node.manifest:
        recorded = manifest.repository
        commit = f"commit {recorded.commit[:12]}" if recorded and recorded.commit else "no commit"
        dirty = " with uncommitted changes" if recorded and recorded.diff else ""
        dirty = ", changes unknown" if recorded and recorded.problem else dirty
        job = f", SLURM job {manifest.slurm_job}" if manifest.slurm_job else ""
        described = (
            f"    code {manifest.code.fingerprint[:12]} ({commit}{dirty}); {manifest.host}{job}, "
            f"{', '.join(manifest.hardware.gpus or [manifest.hardware.processor])}; {manifest.ended}"
        )
        line.append("\n").append(plain(brief(described, ROOM), "dim"))
    return line
