"""What an RO-Crate says of a study: its jobs, files and parameters in the words of the profile Provenance Run Crate.

Pure: entities of JSON-LD from jobs and their manifests. Entities that several jobs share, such as a value of a setting,
have one identifier and appear once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
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
TERMS = {
    name: f"https://w3id.org/ro/terms/workflow-run#{name}"
    for name in ("ParameterConnection", "connection", "environment", "sha256", "sourceParameter", "targetParameter")
}
"""What the context of RO-Crate 1.1 lacks; said in the crate itself, so that it is read without a network."""
PAPER = "https://arxiv.org/abs/2405.14313"
LICENCE = "https://spdx.org/licenses/MIT"
LANGUAGE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
WORKFLOW, AGENT, ENGINE, RUN = "workflow/Snakefile", "#agent", "https://snakemake.github.io/", "#run"
COMPLETED = {"actionStatus": "http://schema.org/CompletedActionStatus"}
SHOWN = ("figure", "table", "spreadsheet", "page")
"""Subcommands that make what people look at: the outputs of the workflow."""
FORMATS = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".npy": "application/octet-stream",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".safetensors": "application/octet-stream",
    ".tex": "application/x-tex",
    ".toml": "application/toml",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


@dataclass(frozen=True)
class Record:
    """A job that was done, and what is on record of it."""

    job: Job
    manifest: Manifest


@dataclass(frozen=True)
class Content:
    """A file of the crate.

    Attributes:
        sha256, size: of its bytes.
        name: what it is, in a few words.
        description: more words, such as a caption.
        about: identifier of what it describes, if anything.
    """

    sha256: str
    size: int
    name: str
    description: str = ""
    about: str = ""


@dataclass(frozen=True)
class Link:
    """Outputs of one subcommand, by their ending, that another one reads; ``reader`` is "" for the workflow's own."""

    maker: str
    ending: str
    reader: str

    @property
    def source(self) -> str:
        """The identifier of what the maker makes."""
        return f"#{self.maker}/output{self.ending}"

    @property
    def target(self) -> str:
        """The identifier of what the reader reads."""
        return f"#{self.reader or 'workflow'}/{'input' if self.reader else 'output'}/{self.maker}{self.ending}"

    @property
    def identifier(self) -> str:
        """Of the connection between them."""
        return f"#connection/{self.maker}{self.ending}/{self.reader or 'workflow'}"


class Description:
    """The entities of a crate.

    Args:
        title: of the study.
        records: of all its jobs.
        contents: every file of the crate, by its path there.
        studies: those of them that are the study as it was given.
        versions: of the project and of Snakemake.
    """

    def __init__(
        self,
        title: str,
        records: Iterable[Record],
        contents: Mapping[Path, Content],
        studies: Iterable[Path],
        versions: Mapping[str, str],
    ) -> None:
        self.title = title
        self.records = list(records)
        self.contents = contents
        self.studies = list(studies)
        self.versions = versions
        self.makers = {path: record.job.subcommand for record in self.records for path in record.job.outputs}
        self.subcommands = list(dict.fromkeys(record.job.subcommand for record in self.records))

    def root(self) -> Entity:
        """Properties of the crate as a whole."""
        trainings = sum(record.job.subcommand == "train" for record in self.records)
        return {
            "name": self.title,
            "description": f"A study of smooth pseudo-labeling: {trainings} trainings and the figures, tables and page "
            "made from them, with the code, and with a record of every job. README.md says how to read it.",
            "datePublished": self.ended,
            "license": {"@id": LICENCE},
            "author": {"@id": AGENT},
            "publisher": {"@id": AGENT},
            "citation": {"@id": PAPER},
            "conformsTo": refs(PROFILES),
            "mainEntity": {"@id": WORKFLOW},
            "mentions": refs([RUN, *(_action(record) for record in self.records), "#organisation"]),
        }

    @cached_property
    def begun(self) -> str:
        """When the first job began."""
        return min(record.manifest.begun for record in self.records)

    @cached_property
    def ended(self) -> str:
        """When the last job ended."""
        return max(record.manifest.ended for record in self.records)

    def files(self) -> Iterator[Entity]:
        """All files."""
        played = self._roles()
        for path, content in self.contents.items():
            entity = {
                "@id": identifier(path),
                "@type": "File",
                "name": content.name,
                "description": content.description or None,
                "about": {"@id": content.about} if content.about else None,
                "sha256": content.sha256,
                "contentSize": str(content.size),
                "encodingFormat": FORMATS.get(path.suffix, "text/plain"),
                "exampleOfWork": refs(played.get(path, ())),
                "sdDatePublished": self.ended,
            }
            yield _said(entity | (self._workflow() if str(path) == WORKFLOW else {}))

    def others(self) -> list[Entity]:
        """Everything that is no file, each once."""
        entities = [*self._context(), *self._tools(), *self._formal_parameters(), *self._connections()]
        for record in self.records:
            entities += self._done(record)
        entities += self._whole_run()
        return list({entity["@id"]: _said(entity) for entity in entities}.values())

    def _context(self) -> Iterator[Entity]:
        for profile, name in PROFILES.items():
            yield {"@id": profile, "@type": "CreativeWork", "name": name, "version": name.rsplit(" ", 1)[1]}
        yield {"@id": LICENCE, "@type": "CreativeWork", "name": "MIT License", "url": LICENCE}
        yield {
            "@id": PAPER,
            "@type": "ScholarlyArticle",
            "name": "Smooth Pseudo-Labeling",
            "identifier": "arXiv:2405.14313",
            "url": PAPER,
        }
        hosts = ", ".join(sorted({record.manifest.host for record in self.records}))
        yield {
            "@id": AGENT,
            "@type": "Organization",
            "name": f"Those who ran the study, on {hosts}",
            "url": next((identifier(path) for path in self.contents if path.name == "paper.html"), WORKFLOW),
        }
        yield {
            "@id": LANGUAGE,
            "@type": "ComputerLanguage",
            "name": "Snakemake",
            "identifier": {"@id": "https://doi.org/10.1093/bioinformatics/bts480"},
            "url": {"@id": "https://snakemake.readthedocs.io"},
        }

    def _workflow(self) -> Entity:
        inputs, outputs = ["#workflow/input/study"], [link.target for link in self._links if not link.reader]
        return {
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
            "conformsTo": {"@id": "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"},
            "programmingLanguage": {"@id": LANGUAGE},
            "version": self.versions["spl"],
            "license": {"@id": LICENCE},
            "url": WORKFLOW,
            "hasPart": refs(_tool(name) for name in self.subcommands),
            "step": refs(f"#step/{name}" for name in self.subcommands),
            "input": refs(inputs),
            "output": refs(outputs),
            "connection": refs(link.identifier for link in self._links if not link.reader),
        }

    def _tools(self) -> Iterator[Entity]:
        """Each subcommand, as a program and as a step; and the packages that programs need."""
        for position, name in enumerate(self.subcommands):
            done = [record for record in self.records if record.job.subcommand == name]
            read = [link for link in self._links if link.reader == name]
            made = [link.source for link in self._links if link.maker == name]
            packages = {package: None for record in done for package in record.manifest.packages.items()}
            valued = {_parameter(name, key): None for record in done for key, _ in parameters(record.manifest)}
            yield {
                "@id": _tool(name),
                "@type": "SoftwareApplication",
                "name": f"spl {name}",
                "softwareVersion": self.versions["spl"],
                "url": "workflow/spl/cli.py",
                "input": refs([*(link.target for link in read), *valued]),
                "output": refs(made),
                "softwareRequirements": refs(_release(*package) for package in packages),
            }
            yield {
                "@id": f"#step/{name}",
                "@type": "HowToStep",
                "name": name,
                "position": str(position),
                "workExample": {"@id": _tool(name)},
                "connection": refs(link.identifier for link in read),
            }
            for package, version in packages:
                address = _release(package, version)
                yield {
                    "@id": address,
                    "@type": "SoftwareApplication",
                    "name": package,
                    "softwareVersion": version,
                    "url": address,
                }

    @cached_property
    def _links(self) -> list[Link]:
        """Who reads what of whom, each once."""
        read = (
            Link(self.makers[path], path.suffix, record.job.subcommand)
            for record in self.records
            for path in record.job.inputs
            if path in self.makers
        )
        shown = (Link(maker, path.suffix, "") for path, maker in self.makers.items())
        return list(dict.fromkeys([*read, *(link for link in shown if link.maker in SHOWN)]))

    def _roles(self) -> dict[Path, list[str]]:
        """What each file is an example of: an output of its maker, an input of its readers."""
        roles = {path: [f"#{maker}/output{path.suffix}"] for path, maker in self.makers.items()}
        roles |= {path: ["#workflow/input/study"] for path in self.studies}
        read = {path: set[str]() for path in self.makers}
        for record in self.records:
            for path in record.job.inputs:
                if path in self.makers:
                    read[path].add(record.job.subcommand)
        for path, maker in self.makers.items():
            readers = [*sorted(read[path]), *([""] if maker in SHOWN else [])]
            roles[path] += [Link(maker, path.suffix, reader).target for reader in readers]
        return roles

    def _formal_parameters(self) -> Iterator[Entity]:
        made = {f"#{maker}/output{path.suffix}": f"{maker}, {path.suffix}" for path, maker in self.makers.items()}
        read = {link.target: f"{link.maker}, {link.ending}" for link in self._links}
        for parameter, name in {"#workflow/input/study": "study", **made, **read}.items():
            yield _formal(parameter, name, "File")
        values: dict[tuple[str, str], list[Any]] = {}
        for record in self.records:
            for key, value in parameters(record.manifest):
                values.setdefault((record.job.subcommand, key), []).append(value)
        for (subcommand, key), found in values.items():
            yield _formal(_parameter(subcommand, key), key, _kind(found))

    def _connections(self) -> Iterator[Entity]:
        for link in self._links:
            yield {
                "@id": link.identifier,
                "@type": "ParameterConnection",
                "sourceParameter": {"@id": link.source},
                "targetParameter": {"@id": link.target},
            }

    def _done(self, record: Record) -> Iterator[Entity]:
        """A job as an action, and the values that belong to it."""
        job, manifest = record.job, record.manifest
        given = [
            property_value(_parameter(job.subcommand, key), key, value)
            | {"exampleOfWork": {"@id": _parameter(job.subcommand, key)}}
            for key, value in parameters(manifest)
        ]
        where = [property_value(f"#{name}", name, value) for name, value in circumstances(manifest)]
        variables = [property_value(f"#environment/{name}", name, one) for name, one in manifest.environment.items()]
        outside = [
            {
                "@id": f"#input/{sha256}",
                "@type": "CreativeWork",
                "name": Path(path).name,
                "description": "Read by a job; not a part of this crate.",
                "sha256": sha256,
            }
            for path, sha256 in manifest.inputs.items()
            if Path(path) not in self.makers
        ]
        read = [identifier(Path(path)) for path in manifest.inputs if Path(path) in self.makers]
        yield {
            "@id": _action(record),
            "@type": "CreateAction",
            "name": f"spl {job.subcommand}: {job.name}",
            "description": f"The job that made {job.name} of the study.",
            "instrument": {"@id": _tool(job.subcommand)},
            "object": refs([*read, *(one["@id"] for one in (*outside, *given))]),
            "result": refs(identifier(path) for path in job.outputs),
            "startTime": manifest.begun,
            "endTime": manifest.ended,
            **COMPLETED,
            "agent": {"@id": AGENT},
            "environment": refs(one["@id"] for one in variables),
            "additionalProperty": refs(one["@id"] for one in where),
            "subjectOf": {"@id": identifier(job.manifest)},
        }
        yield {
            "@id": f"#control/{quote(job.name)}",
            "@type": "ControlAction",
            "name": f"Snakemake had {job.name} made",
            "instrument": {"@id": f"#step/{job.subcommand}"},
            "object": {"@id": _action(record)},
            **COMPLETED,
        }
        yield from (*given, *where, *variables, *outside)

    def _whole_run(self) -> Iterator[Entity]:
        """The run of the workflow, and how Snakemake went about it."""
        shown = [record for record in self.records if record.job.subcommand in SHOWN]
        times = {"startTime": self.begun, "endTime": self.ended, "agent": {"@id": AGENT}}
        yield {
            "@id": RUN,
            "@type": "CreateAction",
            "name": f"The workflow: {self.title}",
            "description": "All jobs of the study, from the first that began to the last that ended.",
            "instrument": {"@id": WORKFLOW},
            "object": refs(map(identifier, self.studies)),
            "result": refs(identifier(path) for record in shown for path in record.job.outputs),
            **times,
            **COMPLETED,
        }
        yield {
            "@id": ENGINE,
            "@type": "SoftwareApplication",
            "name": "Snakemake",
            "softwareVersion": self.versions["snakemake"],
            "url": ENGINE,
        }
        yield {
            "@id": "#organisation",
            "@type": "OrganizeAction",
            "name": "Snakemake ran the workflow",
            "instrument": {"@id": ENGINE},
            "object": refs(f"#control/{quote(record.job.name)}" for record in self.records),
            "result": {"@id": RUN},
            **times,
            **COMPLETED,
        }


def parameters(manifest: Manifest) -> list[tuple[str, Any]]:
    """The values that a job was given, by name; the fingerprint of its code is a circumstance."""
    return [(key, value) for key, value in _flat(manifest.parameter) if key != "code"]


def circumstances(manifest: Manifest) -> list[tuple[str, Any]]:
    """With which code and packages, and on which machine a job ran, by name."""
    found = {
        "code": {"fingerprint": manifest.code.fingerprint, **dict(manifest.repository or ())},
        "lock": manifest.lock,
        "host": manifest.host,
        "slurm_job": manifest.slurm_job,
        "hardware": manifest.hardware.model_dump(exclude_unset=True),
        "packages": manifest.packages,
    }
    return list(_flat(found))


def property_value(place: str, name: str, value: Any) -> Entity:
    """One value of something; equal values have one identifier."""
    text = canonical({"": value})[4:-1]
    tail = text if len(text) <= LONGEST else hashlib.sha256(text.encode()).hexdigest()
    return {"@id": f"{place}={quote(tail, safe='')}", "@type": "PropertyValue", "name": name, "value": value}


LONGEST = 64
"""Of a value that its identifier shows."""


def identifier(path: Path) -> str:
    """Of a file of the crate."""
    return quote(path.as_posix())


def refs(identifiers: Iterable[str]) -> Entity | list[Entity] | None:
    """References to entities, a single one without a list around it; None to none."""
    found = [{"@id": one} for one in dict.fromkeys(identifiers)]
    return found[0] if len(found) == 1 else found or None


def _flat(content: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """What is known of the content, by dotted names; a list is one value, as JSON."""
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        elif value is not None:
            yield f"{before}{key}", json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value


def _kind(values: Iterable[Any]) -> str:
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return "Boolean"
    return "Number" if kinds <= {int, float} else "Text"


def _formal(parameter: str, name: str, kind: str) -> Entity:
    return {
        "@id": parameter,
        "@type": "FormalParameter",
        "name": name,
        "additionalType": kind,
        "conformsTo": {"@id": "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"},
    }


def _parameter(subcommand: str, key: str) -> str:
    return f"#{subcommand}/{quote(key)}"


def _tool(subcommand: str) -> str:
    return f"#spl-{subcommand}"


def _action(record: Record) -> str:
    return f"#job/{quote(record.job.name)}"


def _release(package: str, version: str) -> str:
    if package == "python":
        return f"https://www.python.org/downloads/release/python-{version.replace('.', '')}/"
    return f"https://pypi.org/project/{package}/{version}/"


def _said(entity: Entity) -> Entity:
    """An entity without what is not known of it."""
    return {key: value for key, value in entity.items() if value is not None}
