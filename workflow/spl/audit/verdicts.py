"""One verdict for each job: whether its results follow from the present study, code, data and packages, and why not.

A verdict rests on the bytes of all files and on the job's manifest, which the seal protects.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

from spl.audit.batches import other_batches
from spl.audit.changes import changed_values
from spl.audit.copies import copied_runs
from spl.audit.evidence.contradictions import Digest, contradictions
from spl.audit.evidence.forms import ran_present_code
from spl.audit.parallel import agreeing
from spl.audit.plausibility import unknown_packages
from spl.audit.result_files import read_script
from spl.campaign.job import MANIFEST, Job
from spl.code.equivalence import reasons, representative
from spl.code.subcommands import present_code
from spl.errors import InputError
from spl.page.circumstances import read_circumstances
from spl.provenance import machine
from spl.provenance.links import link_problem, linked_jobs
from spl.provenance.manifest import Manifest, own_manifest
from spl.provenance.seal import OUTSIDE, ROOT_FILE
from spl.provenance.signature import SIGNATURE

Verdict = Literal[
    "fresh", "recorded", "stale", "tampered", "contradictory", "broken-chain", "orphan", "unrecorded", "missing"
]
# Those that vouch for results; the second is given in an archive alone
SOUND = ("fresh", "recorded")


@dataclass(frozen=True)
class Node:
    """The verdict on a job, or on a file that belongs to no job.

    Attributes:
        name: of the job, or the file's path.
        verdict: exactly one.
        why: each difference, with its file or key; () for a fresh node.
        kinds: of a stale node: which of "code", "config", "data" and "env" differ.
        notes: remarks that do not change the verdict, such as a declared equivalence or absent raw data.
        upstream: names of the jobs whose outputs it reads.
        broken_by: of a broken chain: the upstream jobs that are not fresh themselves, with their verdicts.
        subcommand: of ``spl``; "" for a file that belongs to no job.
        files: its outputs.
        links: of a tampered node: links that its results or its manifest lie behind.
        manifest: None if it has no readable manifest of its own.
    """

    name: str
    verdict: Verdict
    why: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    broken_by: tuple[tuple[str, Verdict], ...] = ()
    subcommand: str = ""
    files: tuple[Path, ...] = ()
    links: tuple[Path, ...] = ()
    manifest: Manifest | None = field(default=None, repr=False)


def audit(
    jobs: Mapping[str, Job],
    digest: Digest,
    archive: bool = False,
    agreed: set[str] | None = None,
    beside: Mapping[str, Job] | None = None,
) -> dict[str, Node]:
    """Judge each job, and all jobs upstream of it.

    Args:
        jobs: by name; complete, so that the jobs upstream of each are among them.
        digest: the sha256 of the file or folder at a path; None if there is none.
        archive: whether results that are not kept count as their manifests record them: such a job, fresh otherwise,
            is "recorded".
        agreed: as in :func:`spl.audit.evidence.contradictions.contradictions`.
        beside: all jobs of the study, of which the others are as their manifests record them: no two runs may share
            what they cannot.

    Returns:
        by name, each after the jobs upstream of it.
    """
    if archive:
        unkept = unkept_outputs(jobs, digest)
        judged = audit(jobs, lambda path: digest(path) or unkept.get(path), agreed=agreed, beside=beside)
        recorded = {
            name: replace(node, verdict="recorded")
            for name, node in judged.items()
            if node.verdict == "fresh" and not unkept.keys().isdisjoint(node.files)
        }
        return judged | recorded
    makers = _makers(jobs)
    graph = {name: {makers[str(path)] for path in job.inputs if str(path) in makers} for name, job in jobs.items()}
    nodes: dict[str, Node] = {}
    links, agreed = linked_jobs(jobs), set() if agreed is None else agreed
    if not agreed:  # else the last audit left little to read
        agreed |= agreeing([job for name, job in jobs.items() if name not in links], digest)
    # A pipe in the place of a result would be waited for
    readable = {name: job for name, job in jobs.items() if not any(_is_strange(path, digest) for path in job.outputs)}
    others = {name: job for name, job in (beside or {}).items() if name not in jobs}
    behind_links = linked_jobs(others)
    others = {name: job for name, job in others.items() if name not in behind_links}
    beside_them = recorded_outputs(others.values())

    def known(path: Path) -> str | None:
        return digest(path) or beside_them.get(path)

    copied, alike = copied_runs(readable | others, known)
    disagreeing = other_batches(readable | others, known)
    for name in TopologicalSorter(graph).static_order():
        upstream = {maker: nodes[maker] for maker in sorted(graph[name])}
        impossible = [*copied.get(name, ()), *disagreeing.get(name, ())]
        evidence = impossible, alike.get(name, []), agreed, links.get(name, ())
        nodes[name] = _verdict_on(jobs[name], upstream, makers, digest, *evidence)
    return nodes


def unkept_outputs(jobs: Mapping[str, Job], digest: Digest) -> dict[Path, str]:
    """The sha256 of each result that is not here, from the manifest of its job."""
    links = linked_jobs(jobs)
    recorded = recorded_outputs(job for name, job in jobs.items() if name not in links and _lacks(job, digest))
    # A pipe or a folder in its place is no missing result
    return {path: sha256 for path, sha256 in recorded.items() if digest(path) is None and not path.exists()}


def _lacks(job: Job, digest: Digest) -> bool:
    return any(digest(path) is None for path in job.outputs)


def recorded_outputs(jobs: Iterable[Job]) -> dict[Path, str]:
    """The sha256 of each result of some jobs, from their manifests, as far as they have one."""
    found: dict[Path, str] = {}
    for job in jobs:
        with suppress(InputError):
            outputs = own_manifest(job).outputs
            found |= {path: outputs[str(path)] for path in job.outputs}
    return found


def _is_strange(path: Path, digest: Digest) -> bool:
    """Whether something else than a file or a folder of images lies at a path, such as a pipe."""
    return digest(path) is None and path.exists()


def recorded_output(job: Job, path: Path) -> str:
    """The sha256 of a result of a job, from its manifest.

    Raises:
        InputError: the manifest is missing, unreadable or another job's.
    """
    return own_manifest(job).outputs[str(path)]


def upstream_of(jobs: Mapping[str, Job], names: Iterable[str]) -> dict[str, Job]:
    """Jobs and all jobs upstream of them, in the order of ``jobs``."""
    makers = _makers(jobs)
    chosen, waiting = set[str](), list(names)
    while waiting:
        if (name := waiting.pop()) not in chosen:
            chosen.add(name)
            waiting += [makers[str(path)] for path in jobs[name].inputs if str(path) in makers]
    return {name: job for name, job in jobs.items() if name in chosen}


def orphans(jobs: Mapping[str, Job], results: Path) -> Iterator[Node]:
    """Files below a study's folder that belong to no job; a folder without any result in it counts as one.

    Nothing behind a link is an orphan of the study: it may be anybody's. A link in the place of a folder of results is
    named by the verdicts on these results.
    """
    known = {path for job in jobs.values() for path in (*job.outputs, job.manifest)}
    known |= {results / ROOT_FILE, results / f"{ROOT_FILE}{SIGNATURE}"}
    folders = {parent for path in known for parent in path.parents}
    waiting = [results] if results.is_dir() else []
    while waiting:
        for path in sorted(waiting.pop().iterdir()):
            if path in known or path in {results / name for name in OUTSIDE}:
                continue
            if path in folders and path.is_symlink():
                continue
            if path in folders and path.is_dir():
                waiting.append(path)
            else:
                why = "no job has this manifest" if path.name.endswith(MANIFEST) else "no job of this study writes it"
                yield Node(str(path), "orphan", (why,), files=(path,))


def _makers(jobs: Mapping[str, Job]) -> dict[str, str]:
    """The name of the job that writes each file; by path as a text, which is found far faster."""
    return {str(path): job.name for job in jobs.values() for path in job.outputs}


def _verdict_on(
    job: Job,
    upstream: Mapping[str, Node],
    makers: Mapping[str, str],
    digest: Digest,
    impossible: list[str],
    alike: list[str],
    agreed: set[str],
    links: tuple[Path, ...],
) -> Node:
    def node(verdict: Verdict, why: Iterable[str] = (), **more: Any) -> Node:
        outline: dict[str, Any] = {"upstream": tuple(upstream), "subcommand": job.subcommand, "files": job.outputs}
        return Node(job.name, verdict, tuple(why), **outline, **more)

    if links:
        return node("tampered", map(link_problem, links), links=links)
    outputs = {str(path): digest(path) for path in job.outputs}
    if absent := [path for path, sha256 in outputs.items() if sha256 is None]:
        words = {True: "is no file that can be read", False: "is missing"}
        return node("missing", (f"{path} {words[os.path.lexists(path)]}" for path in absent))
    try:
        manifest = own_manifest(job)
    except InputError as error:
        return node("unrecorded", [str(error)])
    if edited := [path for path, sha256 in outputs.items() if manifest.outputs[path] != sha256]:
        return node("tampered", (f"{path} was modified after the job wrote it" for path in edited), manifest=manifest)
    if folders := [path for path in job.outputs if path.is_dir()]:  # of which no evidence would be read
        return node("tampered", (f"{path} is a folder; expected a file" for path in folders), manifest=manifest)
    # Their bytes are in no seal, so that what the page loads with them must not be able to change what it shows.
    scripts = (path for path in job.outputs if path not in job.reproducible and path.exists())
    if hostile := [path for path in scripts if not _holds_data_alone(path)]:
        return node("tampered", (f"{path} holds more than data" for path in hostile), manifest=manifest)
    if contradicted := [*contradictions(job, manifest, digest, agreed), *impossible]:
        return node("contradictory", contradicted, manifest=manifest)
    inputs = {str(path): digest(path) for path in job.inputs}
    differences = _differences(job, manifest, inputs, upstream, makers)
    if kinds := tuple(kind for kind, lines in differences.items() if lines):
        lines = (line for kind in kinds for line in differences[kind])
        return node("stale", lines, kinds=kinds, manifest=manifest)
    if roots := dict(root for parent in upstream.values() for root in _roots(parent)):
        lines = (f"the upstream job {name} is {verdict}" for name, verdict in roots.items())
        return node("broken-chain", lines, broken_by=tuple(roots.items()), manifest=manifest)
    return node("fresh", notes=(*_notes(job, manifest, inputs), *alike), manifest=manifest)


def _holds_data_alone(circumstances: Path) -> bool:
    try:
        read_circumstances(read_script(circumstances))
    except (OSError, ValueError):
        return False
    return True


def _differences(
    job: Job,
    manifest: Manifest,
    inputs: Mapping[str, str | None],
    upstream: Mapping[str, Node],
    makers: Mapping[str, str],
) -> dict[str, list[str]]:
    """The differences between what a job was run with and what it would be run with now, by kind.

    ``inputs`` holds the present sha256 of each input.
    """
    planned = job.content
    raw = {path for path in {*inputs, *manifest.inputs} if path not in makers}
    # An output of a job that is not fresh says nothing about this job: its verdict is a broken chain.
    comparable = {path for path in inputs if path in raw or upstream[makers[path]].verdict == "fresh"}
    return {
        "code": list(_changed_code(job, planned, manifest)),
        "config": [] if _is_canonical(manifest.parameter, job) else list(changed_values(planned, manifest.parameter)),
        "data": [*_changed_inputs(manifest.inputs, inputs, comparable, raw), *_swapped_inputs(job, manifest)],
        "env": [*_changed_packages(manifest), *_unstated_packages(job, manifest), *_foreign_code(manifest)],
    }


def _changed_code(job: Job, planned: Mapping[str, Any], manifest: Manifest) -> Iterator[str]:
    recorded = str(manifest.parameter.get("code", "none"))
    if planned["code"] != recorded:
        yield f"code: {recorded[:12]} became {planned['code'][:12]}"
    elif representative(job.subcommand, manifest.code.fingerprint) != recorded:
        yield f"code: {manifest.code.fingerprint[:12]} was run instead of the planned {recorded[:12]}"


def _is_canonical(parameter: Mapping[str, Any], job: Job) -> bool:
    """Whether a parameter is that of a job; far faster than a comparison that names what differs."""
    return json.dumps(parameter, sort_keys=True, separators=(",", ":")) == job.parameter


def _changed_inputs(
    recorded: Mapping[str, str], present: Mapping[str, str | None], comparable: set[str], raw: set[str]
) -> Iterator[str]:
    """A line for each input that was added, removed or changed since a job read its inputs.

    Raw data that lie at other paths, but with the same contents, are the same data. Those that are not here may be any
    of those that were read: a note says that they were not compared.

    Args:
        recorded: sha256 of each file as the job read it, by path.
        present: sha256 of each file that the job would read now; None if it is not there.
        comparable: paths whose contents are compared.
        raw: paths of files that no job writes.
    """
    added, removed = present.keys() - recorded.keys(), recorded.keys() - present.keys()
    new, old = ([of.get(path) for path in paths & raw] for of, paths in ((present, added), (recorded, removed)))
    here = Counter(sha256 for sha256 in new if sha256)
    same = here <= Counter(old) if None in new else here == Counter(old)
    moved = (added | removed) & raw if same else set[str]()
    for path in sorted((present.keys() | recorded.keys()) - moved):
        if path in added:
            yield f"{path} is a new input"
        elif path in removed:
            yield f"{path} is no longer an input"
        elif path in comparable and present[path] not in (None, recorded[path]):
            yield f"{path} was modified after the job read it"


def _swapped_inputs(job: Job, manifest: Manifest) -> Iterator[str]:
    """A line if a job read its inputs in another order, or one of them several times, as by a plan of somebody's own:
    what each is taken for depends on its place, except for raw data, which are known by name and sha256."""
    if job.subcommand == "data" and not manifest.order:
        return
    planned, read = list(map(str, job.inputs)), manifest.order or list(manifest.inputs)
    if set(planned) == manifest.inputs.keys() and planned != read:
        pairs = zip_longest(read, planned, fillvalue="nothing")
        taken, expected = next(pair for pair in pairs if pair[0] != pair[1])
        yield f"{taken} was read in the place of {expected}"


def _changed_packages(manifest: Manifest) -> Iterator[str]:
    """A line for each package of another version than in the lock file; packages that it does not list are left out."""
    for name, expected in machine.locked().items():
        version = manifest.packages.get(name, expected)
        if machine.essential(name, version) != expected:
            yield f"{name}: {version} was used, {expected} is in the lock file"


def _unstated_packages(job: Job, manifest: Manifest) -> Iterator[str]:
    """A line for each package that the manifest of equivalent code lacks; that of the present code would contradict
    itself."""
    if manifest.code.fingerprint != present_code(job.subcommand, job.content) and ran_present_code(job, manifest):
        for name in unknown_packages(job, manifest):
            yield f"{name}: no version is on record; the present code, declared equivalent, imports it"


def _foreign_code(manifest: Manifest) -> Iterator[str]:
    """A line for each file that Python ran for a job, and that no package and no commit holds."""
    for path, sha256 in manifest.process.customised.items():
        yield f"{path}: Python ran this site customisation ({sha256[:12]}) when it started"
    for name, path in manifest.process.shadowing.items():
        yield f"{path}: was loaded as {name}, and belongs neither to Python nor to its packages"


def _roots(node: Node) -> tuple[tuple[str, Verdict], ...]:
    """Where a chain is broken: at this node, or upstream of it."""
    if node.verdict == "fresh":
        return ()
    return node.broken_by or ((node.name, node.verdict),)


def _notes(job: Job, manifest: Manifest, inputs: Mapping[str, str | None]) -> Iterator[str]:
    # Both the code that was run and the present code may be the one declared equivalent.
    present = present_code(job.subcommand, job.content)
    codes = manifest.code.fingerprint, present
    for reason in dict.fromkeys(reason for code in codes for reason in reasons(job.subcommand, code)):
        yield f"code declared equivalent: {reason}"
    if absent := [path for path, sha256 in inputs.items() if sha256 is None]:
        several, them = ("is", "it was") if len(absent) == 1 else (f"and {len(absent) - 1} more are", "they were")
        yield f"{absent[0]} {several} not on this machine, so {them} not compared"
