"""The seal of a study: a statement about its results, whose digest can be published and signed.

The seal, ``ROOT.sha256``, has a line ``sha256  path`` for each result, so that ``sha256sum --check`` compares all of
them, and for each job a comment ``# sha256  manifest`` with the digest of what its manifest states
(:func:`spl.provenance.manifest.statement`). It contains no times and no machines: results that are made again to the
same bytes have the same seal. It reveals a result and its manifest that were edited together, provided that its own
sha256 was published, or that it was signed.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from spl.attempts.plain_file import read_plain
from spl.campaign.job import MANIFEST
from spl.errors import InputError
from spl.provenance.digests import digests
from spl.provenance.files import files_below, write_whole
from spl.provenance.ledger import MADE, noted_statement
from spl.provenance.links import check_place, link_problem, linked
from spl.provenance.manifest import MOST_OF_MANIFEST, read_manifest, reproducible_outputs, statement
from spl.provenance.signature import SIGNATURE, UNSIGNED, Signature, check_signature
from spl.text.printable import in_lines

ROOT_FILE = "ROOT.sha256"
# Folders below results/<study> that the seal leaves out: they hold no results, or copies of sealed results.
OUTSIDE = ("logs", "checkpoints", "campaign", "partial", "crate")
# Bytes of all manifests of a study: those of 10,000 runs have 140 MB. Read, they take some times as much.
MOST_OF_MANIFESTS = 2**29
NAMED = 20  # manifests that a refusal names
LONGEST = 4096  # characters of a path, as on Linux: a longer one has no file, and may have a million folders
NOT_SEALED = "not sealed: `spl audit` prints the commands that make these results again"
NOTHING_VOUCHES = (
    "No seal or job record supports these results. To check them, recompute: `spl audit --rerun-cheap`, --rerun-sample "
    "or --rerun; or compare them with what was published: `spl audit --digest`"
)
LINE = re.compile(r"(# )?([0-9a-f]{64})  (.+)")
ACCEPTED = re.compile(rf"# accepted  (.+?{re.escape(MANIFEST)}): (.+)")


@dataclass(frozen=True)
class SealContent:
    """What a seal says.

    Attributes:
        sha256: of each result, and of the statement of each manifest, by path below the study's folder.
        accepted: why a person sealed a job's results that no job had vouched for, by manifest.
        unreadable: the lines that are neither, or that vouch for a manifest that is not sealed.
    """

    sha256: Mapping[str, str]
    accepted: Mapping[str, str]
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seal:
    """The results of a study compared with its seal, as their manifests record them.

    Attributes:
        state: "intact"; "broken" if a result differs from the seal; "foreign" if the seal is not the published one;
            "missing" if there is a page, or anything in the place of the seal, and no readable seal; "absent" if there
            is nothing.
        digest: sha256 of the seal; "" if there is none.
        changed: results and manifests that were changed, added or removed since the study was sealed.
        unvouched: manifests among them that no job wrote as they are; without a seal, among all of them, if jobs noted
            what they wrote.
        accepted: as in :class:`SealContent`.
        signature: of the seal.
        own: of a published seal, the study's own; None if this is its own.
        unknown: whether there are results, and neither a readable seal nor notes of jobs to vouch for them.
    """

    state: Literal["intact", "broken", "foreign", "missing", "absent"]
    digest: str = ""
    changed: tuple[str, ...] = ()
    unvouched: tuple[str, ...] = ()
    accepted: Mapping[str, str] = field(default_factory=dict)
    signature: Signature = UNSIGNED
    own: Seal | None = None
    unknown: bool = False


def write_seal(results: Path, accept: str | None = None) -> str:
    """Seal all results below a study's folder; returns the digest to publish.

    Nothing is sealed that was neither in the last seal nor written by a job.

    Args:
        results: folder of the study.
        accept: why a person vouches for everything else; the seal repeats it.

    Raises:
        InputError: nothing is to be sealed, or more than any study has; a result is not as its manifest records it, or
            lies behind a link; a manifest cannot be read; no job vouches for one, and nobody does; or there is no place
            for the seal.
    """
    check_place(results)
    jobs, links = _listing(results)
    if links:
        raise InputError(in_lines([*map(link_problem, links), NOT_SEALED]))
    if unprintable := [name for name in jobs if not name.isprintable()]:
        raise InputError(f"{results}: {unprintable[0]!r}: expected only printable names of manifests")
    if not jobs:
        raise InputError(f"{results}: expected the results of a study, with manifests to seal")
    if accept is not None and not (accept.strip() and accept.isprintable()):
        raise InputError("--accept: expected the reason, in one line")
    _check_results(results, jobs)
    seal = results / ROOT_FILE
    for path in (seal, seal.with_name(ROOT_FILE + SIGNATURE)):
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: expected a file or nothing")
    sealed = _believed(results)
    stated = {manifest: entries[manifest] for manifest, entries in jobs.items()}
    unvouched = _unvouched(results, stated, sealed)
    if unvouched and accept is None:
        raise InputError(in_lines(_refusal(results, jobs, unvouched, sealed)))
    kept = {
        name: why for name, why in sealed.accepted.items() if name in jobs and stated[name] == sealed.sha256.get(name)
    }
    text = _text(jobs, kept | dict.fromkeys(unvouched, accept or ""))
    if not sealed.sha256 or seal.read_bytes() != text.encode():
        seal.with_name(ROOT_FILE + SIGNATURE).unlink(missing_ok=True)  # it was of another seal
    write_whole(seal, text)
    return hashlib.sha256(text.encode()).hexdigest()


def check_seal(results: Path, published: str | Path | None = None) -> Seal:
    """Compare the manifests of a study with its seal, and the seal with the published one.

    Results are compared as their manifests record them; whether they are as recorded is the audit's verdict on a job.

    Args:
        results: folder of the study.
        published: digest of the seal as published elsewhere, or a published seal to compare with beside the study's
            own; None if it was not published.

    Raises:
        InputError: the manifests would fill memory.
    """
    own_place = results / ROOT_FILE
    path = published if isinstance(published, Path) else own_place
    own_seal = None if path == own_place else check_seal(results)
    content = None if path == own_place and path.is_symlink() else _read(path)
    jobs, _ = _listing(results)
    if content is None:
        noted = (results / MADE).is_dir()
        unknown = bool(jobs) and not noted and own_seal is None
        if not any(map(os.path.lexists, (own_place, results / "paper.html", results / f"paper{MANIFEST}"))):
            return Seal("absent", unknown=unknown, own=own_seal)
        stated = {name: jobs[name][name] for name in jobs} if noted else {}
        unvouched = _unvouched(results, stated, SealContent({}, {}))
        return Seal("missing", unvouched=unvouched, unknown=unknown, own=own_seal)
    own = hashlib.sha256(path.read_bytes()).hexdigest()
    present = {name: sha256 for entries in jobs.values() for name, sha256 in entries.items()}
    differing = {
        name for name in content.sha256.keys() | present.keys() if content.sha256.get(name) != present.get(name)
    }
    changed = (*sorted(differing, key=lambda name: (name.endswith(MANIFEST), name)), *content.unreadable)
    signature = check_signature(path)
    doubted = jobs if signature.state == "wrong" and (results / MADE).is_dir() else differing
    believed = SealContent({}, {}) if signature.state == "wrong" else content
    unvouched = _unvouched(results, {name: jobs[name][name] for name in jobs if name in doubted}, believed)
    state: Literal["intact", "broken", "foreign"] = "broken" if changed else "intact"
    if isinstance(published, str) and published != own:
        state = "foreign"
    return Seal(state, own, changed, unvouched, content.accepted, signature, own_seal)


def unvouched(results: Path, manifests: Iterable[str]) -> tuple[str, ...]:
    """Of some manifests, by path below a study's folder, those that nothing vouches for: neither the study's seal nor a
    note of the job that wrote it. No seal vouches for what seals leave out, such as partial results."""
    stated = {name: _entries(results, Path(name))[name] for name in manifests}
    last = _believed(results).sha256
    sealed = {name: sha256 for name, sha256 in last.items() if name.split("/")[0] not in OUTSIDE}
    return _unvouched(results, stated, SealContent(sealed, {}))


def _believed(results: Path) -> SealContent:
    """What the seal of a study vouches for: nothing if it is a link, or its signature wrong."""
    seal = results / ROOT_FILE
    if seal.is_symlink() or check_signature(seal).state == "wrong":
        return SealContent({}, {})
    return _read(seal) or SealContent({}, {})


def _unvouched(results: Path, stated: Mapping[str, str], last: SealContent) -> tuple[str, ...]:
    """The manifests whose statements are neither in the last seal nor what a job noted."""
    known = ((name, (last.sha256.get(name), noted_statement(results, name))) for name in stated)
    return tuple(name for name, known_as in known if stated[name] not in known_as)


def _refusal(
    results: Path, jobs: Mapping[str, Mapping[str, str]], unvouched: Sequence[str], last: SealContent
) -> Iterable[str]:
    for name in unvouched[:NAMED]:
        files = [path for path, sha256 in jobs[name].items() if path != name and last.sha256.get(path) != sha256]
        sealed = "not as it was sealed" if name in last.sha256 else "not in the last seal"
        yield f"{results / name}: {sealed}, and no job wrote it like this{': ' * bool(files)}{', '.join(files)}"
    if len(unvouched) > NAMED:
        yield f"{results}: {len(unvouched) - NAMED} more of them, which `spl audit --json` names"
    accept = f'say why they are right: spl seal {results} --accept "WHY"'
    if not last.sha256 and not (results / MADE).is_dir():  # the audit has no advice, since nothing is known to be wrong
        yield f"not sealed. {NOTHING_VOUCHES}. Then {accept}"
    else:
        yield f"not sealed: make these results again, as `spl audit` advises, or {accept}"


def _check_results(results: Path, jobs: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse to seal results that are not as recorded in their manifests; results not kept count as recorded."""
    recorded = {name: sha256 for manifest, one in jobs.items() for name, sha256 in one.items() if name != manifest}
    problems = [f"{results / name}: not a manifest of this study" for name, one in jobs.items() if not one[name]]
    present = digests((results / name for name in recorded), results / "logs" / "digests.json", quick=False)
    problems += [
        f"{results / name}: not as its manifest records it"
        for name, sha256 in recorded.items()
        if present[results / name] not in (None, sha256)
    ]
    if problems:
        raise InputError(in_lines([*problems, NOT_SEALED]))


def _listing(results: Path) -> tuple[dict[str, dict[str, str]], list[Path]]:
    """By manifest: the sha256 of its statement and of its results, by path below the study's folder. And all links to
    folders, to manifests and to these results, behind which nothing is listed.

    A manifest that cannot be read, or that lists files elsewhere, manifests, or results that another one lists, has an
    empty statement and no results.

    Raises:
        InputError: the manifests would fill memory.
    """
    manifests, links = list[Path](), list[Path]()
    outside = {results / name for name in OUTSIDE}
    for path in files_below(results, lambda folder: folder not in outside):
        if path.is_symlink():
            links += [path] * (path not in outside and (path.name.endswith(MANIFEST) or path.is_dir()))
        elif path.name.endswith(MANIFEST):
            manifests.append(path)
    sizes = (path.lstat().st_size for path in manifests)  # of one file by each of its names
    if sum(size for size in sizes if size <= MOST_OF_MANIFEST) > MOST_OF_MANIFESTS:  # of larger ones none is read
        raise InputError(f"{results}: expected manifests of at most {MOST_OF_MANIFESTS:,} bytes together")
    jobs = {str(path): _entries(results, path) for path in sorted(path.relative_to(results) for path in manifests)}
    listed = Counter(name for entries in jobs.values() for name in entries)
    disputed = {manifest for manifest, entries in jobs.items() if any(listed[name] > 1 for name in entries)}
    jobs |= {manifest: {manifest: ""} for manifest in disputed}
    written = (results / name for entries in jobs.values() for name in entries)
    return jobs, sorted({*links, *linked(written, results).values()})


def _entries(results: Path, path: Path) -> dict[str, str]:
    home = ("results", results.absolute().name)
    try:
        manifest = read_manifest(results / path)
        stated = statement(manifest)
    except (InputError, OSError, ValueError):
        return {str(path): ""}
    if any(len(output) > LONGEST for output in manifest.outputs):
        return {str(path): ""}
    outputs = {Path(output).parts: sha256 for output, sha256 in reproducible_outputs(manifest).items()}
    if any(parts[:2] != home or ".." in parts or not "".join(parts).isprintable() for parts in outputs):
        return {str(path): ""}
    if any(parts[-1].endswith(MANIFEST) for parts in outputs):  # whose lines in a seal are those of manifests
        return {str(path): ""}
    return {str(path): stated, **{str(Path(*parts[2:])): sha256 for parts, sha256 in outputs.items()}}


def _text(jobs: Mapping[str, Mapping[str, str]], accepted: Mapping[str, str]) -> str:
    lines = []
    for manifest, entries in jobs.items():
        lines += [f"{'# ' * (name == manifest)}{sha256}  {name}" for name, sha256 in entries.items()]
        if manifest in accepted:
            lines.append(f"# accepted  {manifest}: {accepted[manifest]}")
    return "".join(f"{line}\n" for line in lines)


def _read(path: Path) -> SealContent | None:
    """A seal, whatever ends its lines and whatever comments are between them; None without readable text."""
    try:
        lines = read_plain(path).decode().split("\n")
    except (OSError, UnicodeDecodeError):
        return None
    sha256, accepted, unreadable = dict[str, str](), dict[str, str](), []
    vouched = dict[str, int]()  # for which manifest each line is somebody's word
    for number, line in enumerate((line.rstrip("\r") for line in lines), start=1):
        if entry := LINE.fullmatch(line):
            comment, digest, name = entry.groups()
            if name in sha256 or bool(comment) != name.endswith(MANIFEST) or not name.isprintable():
                unreadable.append(f"line {number} of {path.name}")
            sha256[name] = digest
        elif (entry := ACCEPTED.fullmatch(line)) and line.isprintable() and entry[1] not in accepted:
            accepted[entry[1]] = entry[2]
            vouched[entry[1]] = number
        elif entry or (line and not line.startswith("#")):
            unreadable.append(f"line {number} of {path.name}")
    unreadable += [f"line {number} of {path.name}" for name, number in vouched.items() if name not in sha256]
    return SealContent(sha256, accepted, tuple(unreadable))
