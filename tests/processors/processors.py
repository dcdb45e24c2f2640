"""A whole study on one of several processors: this machine's own, or one that an emulator is."""

import json
import shutil
from graphlib import TopologicalSorter
from pathlib import Path

from project import Project

from spl.campaign.jobs import jobs
from spl.paper.selection import exhibits
from spl.study.plan import make_plan
from spl.study.reading import read_study

STUDY = "tests/studies/processors.yaml"
RESULTS = Path("results/processors")
SHOWN = {"fig1", "fig4", "table1"}
"""A figure of a formula, one of splits, and a table of runs."""
NATIVE = ()
NEHALEM = ("qemu-x86_64", "-cpu", "Nehalem")
"""A processor of 2008, with SSE4 and neither AVX nor fused multiplication and addition."""
HASWELL = ("valgrind", "--tool=none", "--quiet")
"""Intel's of 2013, with AVX2: what valgrind lets programs see, whichever processor and maker is below."""
PACKAGES = {"qemu-x86_64": "qemu-user", "valgrind": "valgrind"}


def obstacle(processor):
    """Why a processor cannot be had here, or None."""
    if processor and not shutil.which(processor[0]):
        return f"{processor[0]} is not installed: apt-get install {PACKAGES[processor[0]]}"
    return None


def make(folder, level, on=NATIVE, **environment):
    """Make the study at a level of instructions on a processor, in a copy of the project."""
    project = Project(folder)
    project.study = folder / STUDY
    project.edit(STUDY, "instructions: avx2", f"instructions: {level}")
    (folder / "jobs.json").write_text(json.dumps(commands(project.study)))
    done = project.run("python", Path(__file__).with_name("do_jobs.py"), level, "jobs.json", on=on, **environment)
    assert done.returncode == 0, done.stderr[-4000:]
    return project


def results(project):
    """All that was made but the manifests, by path."""
    return {path: content for path, content in project.products("processors").items() if "manifest" not in path}


def commands(study):
    """Arguments of `spl` for each job of a study, as the workflow's rules give them; of figures and tables, some."""
    plan = make_plan(read_study(study))
    planned = jobs(plan, exhibits(plan, str(study)))
    maker = {path: name for name, job in planned.items() for path in job.outputs}
    order = TopologicalSorter({name: [maker[path] for path in job.inputs] for name, job in planned.items()})
    return [arguments for name in order.static_order() if (arguments := command(planned[name]))]


def command(job):
    """Arguments for one job; none for what is not made here."""
    first, folder = job.outputs[0], job.outputs[0].parent
    match job.subcommand:
        case "data":
            given = [*job.inputs, "--output", folder]
        case "split":
            given = [job.inputs[0].parent, "--output", first]
        case "train":
            kept = RESULTS / "checkpoints" / folder.relative_to(RESULTS / "runs")
            given = [job.inputs[0].parent, *job.inputs[2:], "--output", folder, "--checkpoints", kept]
        case "calibrate":
            given = [*job.inputs, "--output", first]
        case "analyse":
            given = [RESULTS / "runs", "--output", first]
        case "figure" | "table" if first.stem in SHOWN:
            given = [*job.inputs, "--output", first.with_suffix("")]
        case _:
            return None
    return [job.subcommand, "--parameter", job.parameter, *map(str, given)]
