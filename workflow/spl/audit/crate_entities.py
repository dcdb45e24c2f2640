"""The entities of a study's RO-Crate, as JSON-LD in the terms of the profile Provenance Run Crate 0.5.

A subcommand of ``spl`` is a tool and a step of the workflow; a job is an action of its tool, with its inputs, outputs,
parameter and circumstances. Entities that several jobs share, such as a value of a setting, have one identifier and
appear once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from spl.campaign.job import Job, canonical
from spl.provenance.manifest import Manifest

Entity = dict[str, Any]

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate 0.5",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate 0.5",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate 0.5",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate 1.0",
}
# Terms that the context of RO-Crate 1.1 lacks; the crate defines them itself, so that no reader needs a network.
TERMS = {name: f"https://w3id.org/ro/terms/workflow-run#{name}" for name in ("environment", "sha256")}
PAPER = "https://arxiv.org/abs/2405.14313"
LICENCE = "https://spdx.org/licenses/MIT"
LANGUAGE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
WORKFLOW, AGENT, RUN = "workflow/Snakefile", "#agent", "#run"
COMPLETED = "http://schema.org/CompletedActionStatus"
# Subcommands whose results are those of the whole workflow.
SHOWN = ("figure", "table", "spreadsheet", "page")
FORMATS = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".md": "text/markdown",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".safetensors": "application/octet-stream",
    ".tex": "application/x-tex",
    ".toml": "application/toml",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}
# Characters of a value that its identifier may contain; longer values are hashed.
LONGEST = 64


@dataclass(frozen=True)
class Record:
    """A finished job with its manifest."""

    job: Job
    manifest: Manifest


@dataclass(frozen=True)
class Content:
    """A file of the crate.

    Attributes:
        sha256, size: of its bytes.
        name: what it is, in a few words.
        description: in more words, such as a caption.
        about: identifier of the entity that it describes; "" if none.
    """

    sha256: str
    size: int
    name: str
    description: str = ""
    about: str = ""


@dataclass(frozen=True)
class CrateEntities:
    """Everything that the crate describes.

    Attributes:
        title: of the study.
        records: of all its jobs.
        contents: every file of the crate, by its path there.
        studies: paths of the files that the study was read from.
        versions: of "spl" and "snakemake".
    """

    title: str
    records: Sequence[Record]
    contents: Mapping[Path, Content]
    studies: Sequence[Path]
    versions: Mapping[str, str]

    @cached_property
    def times(self) -> dict[str, str]:
        """When the first job began and when the last job ended."""
        return {
            "startTime": min(record.manifest.begun for record in self.records),
            "endTime": max(record.manifest.ended for record in self.records),
        }

    @cached_property
    def subcommands(self) -> dict[str, list[Record]]:
        """The jobs of each subcommand."""
        groups: dict[str, list[Record]] = {}
        for record in self.records:
            groups.setdefault(record.job.subcommand, []).append(record)
        return groups

    def root(self) -> Entity:
        """Properties of the crate as a whole."""
        runs = len(self.subcommands.get("train", ()))
        return {
            "name": self.title,
            "description": f"A study of smooth pseudo-labeling: {runs} training runs with the figures, tables and page "
            "built from them, the code, and a record of every job. README.md explains how to read it.",
            "datePublished": self.times["endTime"],
            "license": {"@id": LICENCE},
            "author": {"@id": AGENT},
            "publisher": {"@id": AGENT},
            "citation": {"@id": PAPER},
            "conformsTo": refs(PROFILES),
            "mainEntity": {"@id": WORKFLOW},
            "mentions": refs([RUN, *(_action(record) for record in self.records)]),
        }

    def files(self) -> Iterator[Entity]:
        """All files."""
        for path, content in self.contents.items():
            file = _entity(
                identifier(path),
                "File",
                name=content.name,
                description=content.description or None,
                about={"@id": content.about} if content.about else None,
                sha256=content.sha256,
                contentSize=str(content.size),
                encodingFormat=FORMATS.get(path.suffix, "text/plain"),
                sdDatePublished=self.times["endTime"],
            )
            yield file | (self._workflow() if file["@id"] == WORKFLOW else {})

    def others(self) -> list[Entity]:
        """All entities that are not files, each once."""
        written = {path for record in self.records for path in record.job.outputs}
        entities = [*self._context(), *self._tools(), self._run()]
        for record in self.records:
            entities += _job(record, written)
        return list({entity["@id"]: entity for entity in entities}.values())

    def _context(self) -> Iterator[Entity]:
        for profile, name in PROFILES.items():
            yield _entity(profile, "CreativeWork", name=name, version=name.rsplit(" ", 1)[1])
        yield _entity(LICENCE, "CreativeWork", name="MIT License", url=LICENCE)
        title = "Smooth Pseudo-Labeling"
        yield _entity(PAPER, "ScholarlyArticle", name=title, identifier="arXiv:2405.14313", url=PAPER)
        hosts = ", ".join(sorted({record.manifest.host for record in self.records}))
        page = next((identifier(path) for path in self.contents if path.name == "paper.html"), WORKFLOW)
        yield _entity(AGENT, "Organization", name=f"Those who ran the study, on {hosts}", url=page)
        yield _entity(
            LANGUAGE,
            "ComputerLanguage",
            name="Snakemake",
            version=self.versions["snakemake"],
            identifier={"@id": "https://doi.org/10.1093/bioinformatics/bts480"},
            url={"@id": "https://snakemake.readthedocs.io"},
        )

    def _workflow(self) -> Entity:
        """Properties of the Snakefile beside those of every file."""
        return {
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
            "conformsTo": {"@id": "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"},
            "programmingLanguage": {"@id": LANGUAGE},
            "version": self.versions["spl"],
            "license": {"@id": LICENCE},
            "url": WORKFLOW,
            "hasPart": refs(map(_tool, self.subcommands)),
            "step": refs(f"#step/{name}" for name in self.subcommands),
        }

    def _tools(self) -> Iterator[Entity]:
        """Each subcommand as a program and as a step, and the packages that the program needs."""
        for position, (name, records) in enumerate(self.subcommands.items()):
            packages = {
                _release(*package): package for record in records for package in record.manifest.packages.items()
            }
            yield _entity(
                _tool(name),
                "SoftwareApplication",
                name=f"spl {name}",
                softwareVersion=self.versions["spl"],
                url="workflow/spl/cli/rules.py",
                softwareRequirements=refs(packages),
            )
            example = {"@id": _tool(name)}
            yield _entity(f"#step/{name}", "HowToStep", name=name, position=str(position), workExample=example)
            for address, (package, version) in packages.items():
                yield _entity(address, "SoftwareApplication", name=package, softwareVersion=version, url=address)

    def _run(self) -> Entity:
        """The run of the whole workflow."""
        shown = [path for name in SHOWN for record in self.subcommands.get(name, ()) for path in record.job.outputs]
        return _entity(
            RUN,
            "CreateAction",
            name=f"The workflow: {self.title}",
            description="All jobs of the study.",
            instrument={"@id": WORKFLOW},
            object=refs(map(identifier, self.studies)),
            result=refs(map(identifier, shown)),
            agent={"@id": AGENT},
            actionStatus=COMPLETED,
            **self.times,
        )


def _job(record: Record, written: Container[Path]) -> list[Entity]:
    """A job as an action, and the entities that it refers to.

    ``written`` holds the outputs of all jobs; inputs that are not among them are not files of the crate.
    """
    job, manifest = record.job, record.manifest
    values = [property_value(f"#{job.subcommand}/{quote(key)}", key, value) for key, value in parameters(manifest)]
    places = [property_value(f"#{quote(key)}", key, value) for key, value in circumstances(manifest)]
    variables = [
        property_value(f"#environment/{quote(name)}", name, value) for name, value in manifest.environment.items()
    ]
    files = [identifier(Path(path)) for path in manifest.inputs if Path(path) in written]
    external = [
        _entity(
            f"#input/{sha256}",
            "CreativeWork",
            name=Path(path).name,
            description="Read by a job; not part of this crate.",
            sha256=sha256,
        )
        for path, sha256 in manifest.inputs.items()
        if Path(path) not in written
    ]
    action = _entity(
        _action(record),
        "CreateAction",
        name=f"spl {job.subcommand}: {job.name}",
        description=f"The job that wrote {job.name} of the study.",
        instrument={"@id": _tool(job.subcommand)},
        object=refs([*files, *(entity["@id"] for entity in (*external, *values))]),
        result=refs(map(identifier, job.outputs)),
        startTime=manifest.begun,
        endTime=manifest.ended,
        actionStatus=COMPLETED,
        agent={"@id": AGENT},
        environment=refs(entity["@id"] for entity in variables),
        additionalProperty=refs(entity["@id"] for entity in places),
        subjectOf={"@id": identifier(job.manifest)},
    )
    return [action, *values, *places, *variables, *external]


def parameters(manifest: Manifest) -> list[tuple[str, Any]]:
    """The values of a job's parameter by dotted name, without the fingerprint of its code, which is a circumstance."""
    return [(key, value) for key, value in _flat(manifest.parameter) if key != "code"]


def circumstances(manifest: Manifest) -> list[tuple[str, Any]]:
    """Code, packages and machine of a job, by dotted name."""
    content = {
        "code": {"fingerprint": manifest.code.fingerprint, **dict(manifest.repository or ())},
        "lock": manifest.lock,
        "host": manifest.host,
        "slurm_job": manifest.slurm_job,
        "hardware": manifest.hardware.model_dump(exclude_unset=True),
        "packages": manifest.packages,
    }
    return list(_flat(content))


def property_value(place: str, name: str, value: Any) -> Entity:
    """A named value; equal values of one place have one identifier."""
    text = canonical({"": value})[4:-1]
    tail = text if len(text) <= LONGEST else hashlib.sha256(text.encode()).hexdigest()
    return _entity(f"{place}={quote(tail, safe='')}", "PropertyValue", name=name) | {"value": value}


def identifier(path: Path) -> str:
    """The identifier of a file of the crate."""
    return quote(path.as_posix())


def refs(identifiers: Iterable[str]) -> Entity | list[Entity] | None:
    """References to entities; a single reference without a list around it, None instead of an empty list."""
    references = [{"@id": name} for name in dict.fromkeys(identifiers)]
    return references[0] if len(references) == 1 else references or None


def _entity(identifier: str, kind: str, /, **properties: Any) -> Entity:
    """An entity, without the properties that are None."""
    return {
        "@id": identifier,
        "@type": kind,
        **{key: value for key, value in properties.items() if value is not None},
    }


def _flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested mappings by dotted name, without None; a list is one value, as JSON."""
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value


def _tool(subcommand: str) -> str:
    return f"#spl-{subcommand}"


def _action(record: Record) -> str:
    return f"#job/{quote(record.job.name)}"


def _release(package: str, version: str) -> str:
    if package == "python":
        return f"https://www.python.org/downloads/release/python-{quote(version.replace('.', ''))}/"
    return f"https://pypi.org/project/{quote(package)}/{quote(version, safe='+')}/"
