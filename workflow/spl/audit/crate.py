"""The RO-Crate of a study: a folder with all results, their manifests and the code, and a description of each file.

Paths in the crate are those in the manifests: they lead from a table to its runs without anything else.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from rocrate.model.metadata import WORKFLOW_PROFILE
from rocrate.rocrate import ROCrate

from spl.audit.crate_check import BYTECODE, METADATA
from spl.audit.crate_entities import TERMS, WORKFLOW, Content, CrateEntities, Record, refs
from spl.audit.report import MOST
from spl.audit.verdicts import audit
from spl.campaign.job import Job
from spl.campaign.jobs import jobs
from spl.campaign.registration import looks_file, registration_file
from spl.campaign.strict_json import json_differences, parse_json
from spl.code.equivalence import DECLARED
from spl.code.fingerprint import PROJECT
from spl.errors import InputError
from spl.paper.exhibit import Exhibit
from spl.paper.selection import exhibit_caption, exhibits
from spl.provenance import machine
from spl.provenance.digests import digests
from spl.provenance.files import digest, files_below
from spl.provenance.links import check_place, linked
from spl.provenance.seal import ROOT_FILE, check_seal
from spl.provenance.signature import SIGNATURE, SIGNERS
from spl.study.plan import Plan, make_plan
from spl.study.reading import check_study

# Files and folders of the project that the crate contains, if they exist.
CODE = (
    *("workflow", "envs", "LICENSE", "pyproject.toml"),
    *(str(path.relative_to(PROJECT)) for path in (DECLARED, SIGNERS)),
)
# Bytes above which a file is hard-linked instead of copied, if possible: runs leave gigabytes that nobody edits.
LARGE = 2**20
README = Path(__file__).with_name("crate_readme.md")


def write_crate(parameter: Mapping[str, Any], studies: Sequence[Path], output: Path) -> None:
    """Write all results of a study, their manifests and the code into one described folder, whole or not at all.

    Args:
        parameter: ``study``, the whole study as JSON.
        studies: the files that the study was read from.
        output: the folder, which is replaced.

    Raises:
        InputError: a job is not fresh, the seal not intact or its signature wrong; a file is a link; or the place of
            the results depends on the reader.
    """
    plan = make_plan(check_study(json.loads(parameter["study"]), "--parameter"))
    shown = exhibits(plan, "--parameter")
    results = Path("results") / plan.study.name
    check_place(results)
    _check_no_links(results, studies)
    records = fresh_records(jobs(plan, shown), results)
    if (seal := check_seal(results)).state != "intact":
        raise InputError(f"{results / ROOT_FILE}: expected an intact seal of these manifests, found it {seal.state}")
    if seal.signature.state == "wrong":
        raise InputError(f"{results / ROOT_FILE}: {seal.signature.words}")
    building = output.with_name(f".{output.name}.{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        _fill(building, plan, shown, records, studies)
        shutil.rmtree(output, ignore_errors=True)
        building.replace(output)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _check_no_links(results: Path, studies: Sequence[Path]) -> None:
    """Refuse to copy what somebody else may have chosen, as by links among results that were sent.

    The study's files, which a person names, may be links, and so may folders above them and that of the results. Links
    to the results of jobs make these tampered.

    Raises:
        InputError: a file to be copied is a link, or lies behind one.
    """
    beside = (place(study) for study in studies for place in (registration_file, looks_file))
    signature = results / (ROOT_FILE + SIGNATURE)
    code = linked((PROJECT / path for path in _code(PROJECT)), PROJECT)
    if links := [*(path for path in (signature, *beside) if path.is_symlink()), *code.values()]:
        raise InputError(f"{links[0]} is a link; expected a file, as a crate is published")


def fresh_records(planned: Mapping[str, Job], results: Path) -> list[Record]:
    """The jobs of a study with their manifests.

    Raises:
        InputError: a job is not fresh.
    """
    paths = (path for job in planned.values() for path in (*job.outputs, *job.inputs))
    sha256 = digests(paths, results / "logs" / "digests.json", quick=False)
    nodes = audit(planned, sha256.__getitem__)
    if wrong := [node for node in nodes.values() if node.verdict != "fresh"]:
        first, *others = wrong
        also = [f"{node.name}: {node.verdict}" for node in others[:MOST]]
        also += [f"{len(others) - MOST} more"] * (len(others) > MOST)
        problem = ", ".join([f"{first.name}: {first.verdict}: {first.why[0]}", *also])
        raise InputError(f"{problem}; `spl audit` prints the commands to repair them")
    return [Record(job, manifest) for job in planned.values() if (manifest := nodes[job.name].manifest)]


def _fill(
    folder: Path, plan: Plan, shown: Mapping[str, Exhibit], records: list[Record], studies: Sequence[Path]
) -> None:
    """Copy all files into the crate's folder, and describe them."""
    originals = {Path("study") / f"{number}-{path.name}": path for number, path in enumerate(studies, start=1)}
    sources = _sources(plan, records, originals) | {path: PROJECT / path for path in _code(PROJECT)}
    for path, source in sources.items():
        put(source, folder / path)
    texts = _texts(plan, next(iter(originals)))
    for path, text in texts.items():
        (folder / path).write_text(text, encoding="utf-8")
    paths = {path: folder / path for path in (*sources, *texts)}
    metadata = _metadata(paths, plan, shown, records, list(originals))
    (folder / METADATA).write_text(metadata, encoding="utf-8")


def unlike_written(plan: Plan, shown: Mapping[str, Exhibit], records: list[Record], study: Path) -> list[str]:
    """A line for whatever in the present crate is not as this program writes it for the same study and results.

    Seal and manifests vouch for results; this compares everything else that follows from them, but for times and
    machines, which manifests alone tell: the crate's texts, its code, and each name and description in its metadata.

    Args:
        plan: of the study.
        shown: its exhibits.
        records: of all its jobs.
        study: its file in the crate.
    """
    if study.parent != Path("study"):
        return [f"{study}: expected the study of this crate, as in --study study/1-STUDY.yaml"]
    sources = _sources(plan, records, {study: study})
    if absent := [path for path in sources if not path.is_file()]:
        return [f"{path}: missing" for path in absent]
    written = {path: (PROJECT / path).read_bytes() for path in _code(PROJECT)}
    written |= {path: text.encode() for path, text in _texts(plan, study).items()}
    unlike = {path for path in {*written, *_code(Path())} if not _holds(path, written.get(path))}
    # Of a file that differs, nothing is read for its description either
    alike = {path: path for path in {*sources, *written} - unlike}
    metadata = _metadata(alike, plan, shown, records, [study])
    return [
        *(f"{path}: not as this program writes it" for path in sorted(unlike)),
        *_unlike_metadata(METADATA.read_text(encoding="utf-8"), metadata),
    ]


def _holds(path: Path, content: bytes | None) -> bool:
    """Whether a file has this content; it is read only if it is as long, since somebody may have left a longer one."""
    if content is None or not path.is_file() or path.stat().st_size != len(content):
        return False
    return path.read_bytes() == content


def _unlike_metadata(present: str, written: str) -> Iterator[str]:
    """A line for each property of an entity that differs."""
    if present == written:
        return
    graphs = (parse_json(text)["@graph"] for text in (present, written))
    try:
        here, there = ({entity["@id"]: entity for entity in graph} for graph in graphs)
        differences = list(json_differences(here, there))
    except (LookupError, TypeError, ValueError, RecursionError):  # entities that are none, or nested too deeply
        differences = []
    for key, mine, theirs in differences:
        yield f"{METADATA}: {key} is {mine:.60}, this program writes {theirs:.60}"
    if not differences:
        yield f"{METADATA}: not as this program writes it"


def _seal(plan: Plan) -> Path:
    return Path("results") / plan.study.name / ROOT_FILE


def _sources(plan: Plan, records: list[Record], originals: Mapping[Path, Path]) -> dict[Path, Path]:
    """Where each file of a crate but the code is copied from, by its place there.

    ``originals`` are the files that the study was read from.
    """
    written = [path for record in records for path in (*record.job.outputs, record.job.manifest)]
    signature = _seal(plan).with_name(ROOT_FILE + SIGNATURE)
    frozen = {
        place(path): place(original)
        for path, original in originals.items()
        for place in (registration_file, looks_file)
    }
    optional = {path: source for path, source in {signature: signature, **frozen}.items() if source.is_file()}
    return {path: path for path in (*written, _seal(plan))} | dict(originals) | optional


def _texts(plan: Plan, study: Path) -> dict[Path, str]:
    """The texts that are written for a crate; ``study`` is the first file of the study there."""
    readme = README.read_text(encoding="utf-8").format(
        name=plan.study.name, study=shlex.quote(str(study)), seal=digest(_seal(plan))
    )
    resolved = json.dumps(plan.study.model_dump(mode="json"), indent=1) + "\n"
    return {Path("README.md"): readme, Path("study/resolved.json"): resolved}


def _metadata(
    paths: Mapping[Path, Path],
    plan: Plan,
    shown: Mapping[str, Exhibit],
    records: list[Record],
    originals: Sequence[Path],
) -> str:
    """The metadata of a crate of these files, by their place there."""
    hashes = {path: record.manifest.outputs[str(path)] for record in records for path in record.job.outputs}
    seal = _seal(plan)
    words = {
        **dict(_words(plan, shown, records)),
        **{path: {"name": "The study, as its author wrote it"} for path in originals},
        **{
            place(path): {"name": "What was registered before the first run, or a record of looks"}
            for path in originals
            for place in (registration_file, looks_file)
        },
        Path("study/resolved.json"): {"name": "The study, with all defaults"},
        Path("README.md"): {"name": "How to read this crate", "about": "./"},
        Path(WORKFLOW): {"name": "The workflow; its rules are in workflow/rules/"},
        seal: {"name": "The seal: the sha256 of every result of the study, and of what each manifest states"},
        seal.with_name(ROOT_FILE + SIGNATURE): {"name": "The signature of the seal"},
    }
    contents = {
        path: Content(
            hashes.get(path) or digest(file),
            file.stat().st_size,
            **{"name": str(path), **words.get(path, {})},
        )
        for path, file in sorted(paths.items())
    }
    versions = {"spl": version("smooth-pseudo-labeling"), "snakemake": machine.locked()["snakemake"]}
    return _described(CrateEntities(plan.study.title, records, contents, originals, versions))


def _code(project: Path) -> list[Path]:
    """The files of the code in a clone or in a crate, relative to its folder."""
    paths = [path for name in CODE for path in files_below(project / name)]
    files = (path.relative_to(project) for path in paths if path.is_file())
    return sorted(path for path in files if not any(part.endswith((BYTECODE, ".egg-info")) for part in path.parts))


def _words(plan: Plan, shown: Mapping[str, Exhibit], records: list[Record]) -> Iterator[tuple[Path, dict[str, str]]]:
    """Name and description of each file of a job."""
    for job in (record.job for record in records):
        exhibit = shown.get(Path(job.name).name) if job.subcommand in ("figure", "table", "spreadsheet") else None
        for path in job.outputs:
            if exhibit:
                name = f"{exhibit.title}. {exhibit.heading}"
                yield path, {"name": name, "description": exhibit_caption(plan, exhibit)}
            else:
                yield path, {"name": f"{job.name}: {path.name}"}
        yield job.manifest, {"name": f"Manifest of {job.name}", "description": "What the job read and wrote, and how."}


def put(source: Path, place: Path) -> None:
    """Copy a file; hard-link it instead if it is large and the file system allows it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if source.stat().st_size > LARGE:
        try:
            place.hardlink_to(source)
            return
        except OSError:  # another file system, or one without links
            pass
    shutil.copyfile(source, place)


def _described(description: CrateEntities) -> str:
    """The metadata of a crate, as JSON-LD."""
    crate = ROCrate()
    crate.metadata.extra_terms.update(TERMS)
    crate.metadata["conformsTo"] = refs([crate.metadata.PROFILE, WORKFLOW_PROFILE])
    for key, value in description.root().items():
        crate.root_dataset[key] = value
    for entity in description.files():
        crate.add_file(dest_path=unquote(entity["@id"]), properties=entity)
    for entity in description.others():
        crate.add_jsonld(entity)
    return json.dumps(crate.metadata.generate(), indent=4, sort_keys=True)
