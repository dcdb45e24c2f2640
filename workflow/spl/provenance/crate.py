"""The RO-Crate of a study: a folder that holds all results, their manifests and the code, and describes them.

Paths in it are those of the manifests, so that who has nothing else can follow them from a table to its runs. It
vouches for nothing that is not what its manifest says.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from rocrate.model.metadata import WORKFLOW_PROFILE
from rocrate.rocrate import ROCrate

from spl.campaign.jobs import Job, jobs
from spl.code.equivalence import DECLARED
from spl.errors import InputError
from spl.paper.catalogue import Exhibit
from spl.paper.selection import exhibit_caption, exhibits
from spl.provenance import machine
from spl.provenance.crate_entities import TERMS, WORKFLOW, Content, Description, Record, refs
from spl.provenance.files import digest
from spl.provenance.manifest import read_manifest
from spl.provenance.progress import watched
from spl.provenance.seal import ROOT_FILE, check_seal
from spl.study.plan import Plan, make_plan
from spl.study.reading import check_study

CODE = ("workflow", "envs", "LICENSE", "pyproject.toml", str(DECLARED.relative_to(machine.PROJECT)))
"""What the crate holds of the project, as far as it is there."""
LARGE = 2**20
"""Bytes of a file that is linked, if it can be, not copied: nobody edits it, and trainings leave gigabytes."""
LEFT_BEHIND = ("__pycache__", ".egg-info")
"""By Python and pip, between the code."""
EXHIBITS = ("figure", "table", "spreadsheet")
"""Subcommands that make an exhibit of the paper."""
README = Path(__file__).with_name("crate_readme.md")


def write_crate(parameter: Mapping[str, Any], studies: Sequence[Path], output: Path) -> None:
    """Put all results of a study into one folder that describes them, whole or not at all.

    Args:
        parameter: the canonical one.
        studies: the files that the study was read from.
        output: the folder, which is replaced.

    Raises:
        InputError: a job is not done, not on record, or its files are not those on record.
    """
    plan = make_plan(check_study(json.loads(parameter["study"]), "--parameter"))
    shown = exhibits(plan, "--parameter")
    records = vouched(jobs(plan, shown).values())
    results = Path("results") / plan.study.name
    if (seal := check_seal(results)).state != "intact":
        raise InputError(f"{results / ROOT_FILE}: expected the seal of these manifests, which is {seal.state}")
    building = output.with_name(f".{output.name}.{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        _fill(building, plan, shown, records, studies)
        shutil.rmtree(output, ignore_errors=True)
        building.replace(output)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def vouched(done: Iterable[Job]) -> list[Record]:
    """The jobs with their manifests, all of which hold.

    Raises:
        InputError: one does not, or is not there.
    """
    records = [Record(job, read_manifest(_there(job, job.manifest))) for job in done]
    reading = watched(records, len(records), "reading files")
    found = {path: digest(_there(record.job, path)) for record in reading for path in record.job.outputs}
    for record in records:
        job, manifest = record.job, record.manifest
        if manifest.parameter != json.loads(job.parameter):
            raise InputError(f"{job.manifest}: expected what is planned for {job.name}, found other settings or code")
        for path in job.outputs:
            if manifest.outputs.get(str(path)) != found[path]:
                raise InputError(
                    f"{path}: expected the sha256 in {job.manifest}, found {found[path][:12]}: it was changed since; "
                    + _again(job)
                )
        for path in job.inputs:
            if path in found and manifest.inputs.get(str(path)) != found[path]:
                raise InputError(f"{job.manifest}: made from another {path} than is there now; " + _again(job))
    return records


def _there(job: Job, path: Path) -> Path:
    if not path.exists():
        raise InputError(f"{path}: missing, so that nothing vouches for {job.name}; " + _again(job))
    return path


def _again(job: Job) -> str:
    return f"make it again: snakemake --force {job.outputs[0]}"


def _fill(
    folder: Path, plan: Plan, shown: Mapping[str, Exhibit], records: list[Record], studies: Sequence[Path]
) -> None:
    known = {path: record.manifest.outputs[str(path)] for record in records for path in record.job.outputs}
    given = {Path("study") / f"{place}-{path.name}": path for place, path in enumerate(studies, start=1)}
    sources = {path: path for path in (*known, *(record.job.manifest for record in records))}
    seal = Path("results") / plan.study.name / ROOT_FILE
    sources |= given | {seal: seal} | {path: machine.PROJECT / path for path in _code()}
    for path, source in sources.items():
        put(source, folder / path)
    written = {
        Path("README.md"): README.read_text(encoding="utf-8").format(name=plan.study.name),
        Path("study/resolved.json"): json.dumps(plan.study.model_dump(mode="json"), indent=1) + "\n",
    }
    for path, text in written.items():
        (folder / path).write_text(text, encoding="utf-8")
    said = dict(_said(plan, shown, records)) | {path: {"name": "The study, as it was given"} for path in given}
    said[seal] = {"name": "The seal: the sha256 of all manifests, below this folder"}
    said[Path(WORKFLOW)] = {"name": "The workflow, whose rules are below workflow/rules/"}
    said[Path("README.md")] = {"name": "How to read this", "about": "./"}
    said[Path("study/resolved.json")] = {"name": "The study, with all defaults"}
    contents = {
        path: Content(
            known.get(path) or digest(folder / path),
            (folder / path).stat().st_size,
            **{"name": str(path), **said.get(path, {})},
        )
        for path in (*sources, *written)
    }
    versions = {"spl": version("smooth-pseudo-labeling"), "snakemake": machine.locked()["snakemake"]}
    _describe(folder, Description(plan.study.title, records, contents, list(given), versions))


def _code() -> list[Path]:
    """The files of the project's own code, below its folder."""
    found = [path for name in CODE for path in (machine.PROJECT / name, *(machine.PROJECT / name).rglob("*"))]
    files = (path.relative_to(machine.PROJECT) for path in found if path.is_file())
    return sorted(path for path in files if not any(part.endswith(LEFT_BEHIND) for part in path.parts))


def _said(plan: Plan, shown: Mapping[str, Exhibit], records: Iterable[Record]) -> Iterator[tuple[Path, dict[str, str]]]:
    """What each file of a job is, in a few words and in more."""
    for record in records:
        job = record.job
        exhibit = shown[Path(job.name).name] if job.subcommand in EXHIBITS else None
        words = (
            {"name": f"{exhibit.title}. {exhibit.heading}", "description": exhibit_caption(plan, exhibit)}
            if exhibit
            else {}
        )
        for path in job.outputs:
            yield path, words or {"name": f"{job.name}: {path.name}"}
        yield job.manifest, {"name": f"Manifest of {job.name}", "description": "What the job read and made, and how."}


def put(source: Path, place: Path) -> None:
    """Give a file a second place: a large one as a link, if the file system can, any other as a copy."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if source.stat().st_size > LARGE:
        try:
            place.hardlink_to(source)
            return
        except OSError:  # another file system, or one without links
            pass
    shutil.copyfile(source, place)


def _describe(folder: Path, description: Description) -> None:
    """Write what describes the folder's files, which are there."""
    crate = ROCrate()
    crate.metadata.extra_terms.update(TERMS)
    crate.metadata["conformsTo"] = refs([crate.metadata.PROFILE, WORKFLOW_PROFILE])
    for key, value in description.root().items():
        crate.root_dataset[key] = value
    for entity in description.files():
        crate.add_file(dest_path=unquote(entity["@id"]), properties=entity)
    for entity in description.others():
        crate.add_jsonld(entity)
    crate.metadata.write(folder)
