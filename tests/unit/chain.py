"""A chain of three jobs and one aside, fabricated: what an audit and a seal are about, in milliseconds."""

import json
from pathlib import Path

from spl.campaign.job import Job
from spl.code.fingerprint import PROJECT
from spl.code.subcommands import certain_packages, code_texts, present_code
from spl.provenance.files import digest
from spl.provenance.machine import locked, normalised
from spl.provenance.manifest import Code, Manifest

RESULTS = Path("results/fake")
KIND = "spreadsheet"  # of which no audit compares anything but bytes
CODE = present_code(KIND, {})
# What every such job imports.
PACKAGES = {
    name: version for name, version in locked().items()
    if name in {"python", *map(normalised, certain_packages(KIND, {}))}
}  # fmt: skip


def process(subcommand, content):
    """What a manifest says of the process of a job: that it loaded its code."""
    return {"files": {str(path.relative_to(PROJECT)): text for path, text in code_texts(subcommand, content).items()}}


def job(name, inputs, **parameter):
    made = RESULTS / f"{name}.json"
    content = json.dumps({"code": CODE, **parameter})
    return Job(name, KIND, content, tuple(map(Path, inputs)), (made,))


CHAIN = {
    one.name: one
    for one in (
        job("first", ["raw.gz"], seed=0),
        job("second", [RESULTS / "first.json"], seed=1, draw={"labels": 4}),
        job("third", [RESULTS / "second.json", RESULTS / "first.json"]),
        job("aside", []),
    )
}


def write(one, **changes):
    """The manifest of a job, from what lies there."""
    known = {
        "subcommand": KIND, "parameter": json.loads(one.parameter), "code": Code(fingerprint=CODE, modules=[]),
        "inputs": {str(path): digest(path) for path in one.inputs},
        "outputs": {str(path): digest(path) for path in one.outputs},
        "repository": None, "lock": "", "packages": PACKAGES, "hardware": {}, "environment": {}, "host": "",
        "slurm_job": None, "begun": "2026-01-01T00:00:00+00:00", "ended": "2026-01-01T00:00:01+00:00",
        "process": process(changes.get("subcommand", KIND), {}),
    }  # fmt: skip
    one.manifest.write_text(Manifest(**known | changes).model_dump_json())


def make():
    """Do all jobs of the chain."""
    RESULTS.mkdir(parents=True)
    Path("raw.gz").write_text("raw")
    for name, one in CHAIN.items():
        one.outputs[0].write_text(json.dumps(name))
    for one in CHAIN.values():
        write(one)
