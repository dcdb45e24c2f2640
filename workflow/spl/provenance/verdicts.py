"""Whether results are what the present study, code, data and packages make: one verdict for each job, and why.

Nothing is believed of a file but its bytes; of a job, its manifest, which the seal vouches for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Literal

from spl.campaign.job import Job
from spl.code.equivalence import reasons, representative
from spl.code.subcommands import present_code
from spl.errors import InputError
from spl.provenance import machine
from spl.provenance.manifest import Manifest, read_manifest
from spl.provenance.seal import OUTSIDE, ROOT_FILE
from spl.study.files import MANIFEST

Verdict = Literal["fresh", "stale", "tampered", "broken-chain", "orphan", "unrecorded", "missing"]
OWN = ("missing", "unrecorded", "tampered", "stale")
"""Verdicts about a job itself, and not about what it was made from."""


@dataclass(frozen=True)
class Node:
    """What is said of a job, or of a file that no job makes.

    Attributes:
        name: of the job, or the file's path.
        verdict: exactly one.
        why: what differs, each with the file or key; nothing of a fresh node.
        kinds: of a stale node, which of "code", "config", "data" and "env".
        notes: what a reader should know of a fresh node, too: a declared equivalence, raw data that are not here.
        upstream: names of the nodes that it was made from.
        broken_by: of a broken chain, the nodes that break it, with their verdicts.
        files: its outputs.
        manifest: if it has a readable one.
    """

    name: str
    verdict: Verdict
    why: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    broken_by: tuple[tuple[str, Verdict], ...] = ()
    files: tuple[Path, ...] = ()
    manifest: Manifest | None = field(default=None, repr=False)


def audit(jobs: Mapping[str, Job], digest: Callable[[Path], str | None]) -> dict[str, Node]:
    """Judge jobs, each together with all that it was made from.

    Args:
        jobs: by name; with each job those whose outputs it reads.
        digest: the sha256 of what lies at a path; None if nothing does.

    Returns:
        by name, each behind what it was made from.
    """
    makers = {path: job.name for job in jobs.values() for path in job.outputs}
    graph = {name: {makers[path] for path in job.inputs if path in makers} for name, job in jobs.items()}
    judged: dict[str, Node] = {}
    for name in TopologicalSorter(graph).static_order():
        upstream = {one: judged[one] for one in sorted(graph[name])}
        judged[name] = _judge(jobs[name], upstream, makers, digest)
    return judged


def upstream_of(jobs: Mapping[str, Job], wanted: Iterable[str]) -> dict[str, Job]:
    """Jobs and all jobs that they were made from, in the order of all."""
    makers = {path: job.name for job in jobs.values() for path in job.outputs}
    found, waiting = set[str](), list(wanted)
    while waiting:
        if (name := waiting.pop()) not in found:
            found.add(name)
            waiting += [makers[path] for path in jobs[name].inputs if path in makers]
    return {name: job for name, job in jobs.items() if name in found}


def orphans(jobs: Mapping[str, Job], results: Path) -> Iterator[Node]:
    """What lies among a study's results and is none: a folder, if nothing in it is a result, or a file."""
    known = {path for job in jobs.values() for path in (*job.outputs, job.manifest)} | {results / ROOT_FILE}
    folders = {parent for path in known for parent in path.parents}
    waiting = [results] if results.is_dir() else []
    while waiting:
        for path in sorted(waiting.pop().iterdir()):
            if path in known or path in {results / name for name in OUTSIDE}:
                continue
            if path.is_dir() and path in folders:
                waiting.append(path)
            else:
                why = "a manifest of no job" if path.name.endswith(MANIFEST) else "no job of this study makes it"
                yield Node(str(path), "orphan", (why,), files=(path,))


def _judge(
    job: Job, upstream: Mapping[str, Node], makers: Mapping[Path, str], digest: Callable[[Path], str | None]
) -> Node:
    def node(verdict: Verdict, *why: str, **more: Any) -> Node:
        return Node(job.name, verdict, why, upstream=tuple(upstream), files=job.outputs, **more)

    present = {str(path): digest(path) for path in job.outputs}
    if absent := [path for path, found in present.items() if found is None]:
        return node("missing", *(f"{path} is not there" for path in absent))
    try:
        manifest = read_manifest(job.manifest)
    except FileNotFoundError:
        return node("unrecorded", f"{job.manifest} is not there")
    except (InputError, OSError) as error:
        return node("unrecorded", str(error))
    if manifest.subcommand != job.subcommand or manifest.outputs.keys() != present.keys():
        return node("unrecorded", f"{job.manifest} is another job's", manifest=manifest)
    if edited := [path for path, found in present.items() if manifest.outputs[path] != found]:
        return node("tampered", *(f"{path} is not what was written" for path in edited), manifest=manifest)
    read = {str(path): digest(path) for path in job.inputs}
    remade = {path for path in read if (maker := makers.get(Path(path))) is None or upstream[maker].verdict == "fresh"}
    stale = {
        "code": list(_changed_code(job, manifest)),
        "config": list(_changed_parameter(json.loads(job.parameter), manifest.parameter)),
        "data": list(_changed_inputs(manifest, read, remade, makers)),
        "env": list(_changed_packages(manifest)),
    }
    # The code that ran and the code that is here: either may be the newer one.
    here = present_code(job.subcommand, json.loads(job.parameter))
    declared = [reasons(job.subcommand, code) for code in (manifest.code.fingerprint, here)]
    notes = (
        *(f"made by code that is declared equivalent: {one}" for one in dict.fromkeys([*declared[0], *declared[1]])),
        *(f"{path} is not here: not compared" for path, one in read.items() if not one),
    )
    if kinds := tuple(kind for kind, why in stale.items() if why):
        return node("stale", *(one for why in stale.values() for one in why), kinds=kinds, manifest=manifest)
    if broken := dict(root for one in upstream.values() for root in _roots(one)):
        why = (f"{name} is {verdict}" for name, verdict in broken.items())
        return node("broken-chain", *why, manifest=manifest, broken_by=tuple(broken.items()))
    return node("fresh", notes=notes, manifest=manifest)


def _roots(node: Node) -> tuple[tuple[str, Verdict], ...]:
    """Where a chain is broken: at a node itself, or at those that broke it."""
    if node.verdict == "fresh":
        return ()
    return node.broken_by or ((node.name, node.verdict),)


def _changed_code(job: Job, manifest: Manifest) -> Iterator[str]:
    planned, recorded = json.loads(job.parameter)["code"], str(manifest.parameter.get("code", "none"))
    if planned != recorded:
        yield f"code: {recorded[:12]} became {planned[:12]}"
    elif representative(job.subcommand, manifest.code.fingerprint) != recorded:
        yield f"code: {manifest.code.fingerprint[:12]} ran, and not {recorded[:12]}"


def _changed_parameter(present: Any, recorded: Any, key: str = "") -> Iterator[str]:
    """Each key whose value differs, with both."""
    if isinstance(present, dict) and isinstance(recorded, dict):
        for name in sorted(present.keys() | recorded.keys()):
            if key or name != "code":
                where = f"{key}.{name}" if key else name
                yield from _changed_parameter(present.get(name, ABSENT), recorded.get(name, ABSENT), where)
    elif _text(present) != _text(recorded):  # true, 1 and 1.0 are three
        yield f"{key}: {_brief(recorded)} became {_brief(present)}"


ABSENT = object()


def _text(value: Any) -> str:
    return "nothing" if value is ABSENT else json.dumps(value, ensure_ascii=False)


def _brief(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _changed_inputs(
    manifest: Manifest, read: Mapping[str, str | None], remade: Collection[str], makers: Mapping[Path, str]
) -> Iterator[str]:
    """What a job read and is not the same now, as far as it is known to be right now; the same raw data may move."""
    before, now = (
        {path: one for path, one in these.items() if path not in others and Path(path) not in makers}
        for these, others in ((manifest.inputs, read), (read, manifest.inputs))
    )
    moved = (
        before.keys() | now.keys()
        if sorted(map(str, before.values())) == sorted(map(str, now.values()))
        else set[str]()
    )
    for path in sorted(read.keys() | manifest.inputs.keys()):
        if path in moved:
            continue
        if path not in manifest.inputs:
            yield f"{path} was not read"
        elif path not in read:
            yield f"{path} was read, and is not asked for"
        elif path in remade and read[path] not in (None, manifest.inputs[path]):
            yield f"{path} is not what was read"


def _changed_packages(manifest: Manifest) -> Iterator[str]:
    """What a job imported at another version than the lock file's; it leaves out what a build of torch brings along."""
    for name, expected in machine.locked().items():
        version = manifest.packages.get(name, expected)
        if machine.essential(name, version) != expected:
            yield f"{name}: {version} was imported, {expected} is locked"
