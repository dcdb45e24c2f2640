"""How an audit is presented: the tree from a figure down to the data, and the problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from spl.audit.deviations import RegistrationCheck
from spl.audit.sources import abridged, source_lines
from spl.audit.verdicts import SOUND, Node, Verdict
from spl.campaign.job import MANIFEST
from spl.provenance.manifest import resumptions
from spl.provenance.seal import NAMED, NOTHING_VOUCHES, Seal
from spl.text.printable import brief, printable
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


def is_untouched(nodes: Collection[Node]) -> bool:
    """Whether no job was done yet, of so many that a line for each would hide it."""
    return len(nodes) > MANY and all(map(_is_undone, nodes))


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


def published_lines(published: str | None, alike: str, unlike: Sequence[str] | None) -> Iterator[str]:
    """That results are as published, in the words of ``alike``, or how they differ; no line if nothing was compared."""
    if unlike is not None:
        yield f"not the bytes that were published in {published}:" if unlike else alike
        yield from unlike


def crate_lines(unlike: Sequence[str] | None, beside: Sequence[str]) -> Iterator[str]:
    """Whether a crate is as it should be, and what else lies there; no line outside of a crate."""
    if unlike is not None:
        count = f"{len(unlike)} difference{'s' * (len(unlike) > 1)}"
        yield f"crate: {count if unlike else 'as it describes itself, and as this program writes it'}"
        yield from (f"  ✗ {brief(line, ROOM)}" for line in unlike[:NAMED])
        if beside:
            yield f"  not compared: {', '.join(beside)}"


def unadvised_lines(why: str | None) -> Iterator[str]:
    """Why no commands are advised; no line if they are."""
    if why:
        yield f"no commands are advised: {why}"


def repository_lines(nodes: Collection[Node]) -> Iterator[str]:
    """Lines on what ran that no commit holds, and on runs that were resumed."""
    yield from source_lines([node.manifest for node in nodes if node.manifest])
    if count := sum(map(bool, map(_resumed, nodes))):
        yield f"{count} run{'s were' if count > 1 else ' was'} resumed from checkpoints: `spl audit RUN` has the steps"


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
    unadvised: str | None = None,
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
        "no repair": unadvised,
        "unlike published": unlike_published,
        "unlike crate": unlike_crate,
        "beside crate": list(beside_crate),
        "registration": registered and {"kept": not registered.deviations, **vars(registered)},
    }


def is_fresh(nodes: Iterable[Node]) -> bool:
    """Whether every node is fresh; in an archive, fresh or recorded."""
    return all(node.verdict in SOUND for node in nodes)


def run_line(node: Node, known: Mapping[str, str] | None) -> Text:
    """A run behind a number: its error, the seeds of its labels and its training, its code and its machine.

    ``known`` is from its row of a summary; None for a run that calibrates, which has none, and for a row in doubt.
    """
    line = _line(node, remarks=_resumed(node))
    if known:
        described = (
            f"    error {known['error']} %; {known['labels']} labels drawn by seed "
            f"{known['split_seed']} (splits/{known['split']}.json), training seed {known['seed']}"
        )
        line.append("\n").append(plain(brief(described, ROOM)))
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
