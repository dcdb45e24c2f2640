"""A study without Snakemake: its jobs in order, all in one process."""

import json
from contextlib import chdir
from graphlib import TopologicalSorter
from pathlib import Path
from threading import Lock

from spl.campaign.jobs import jobs
from spl.campaign.plan_file import write_plan_file
from spl.paper.selection import exhibits
from spl.study.plan import make_plan
from spl.study.reading import read_study, read_yaml

DO_JOBS = Path(__file__).with_name("do_jobs.py")
CWD = Lock()
"""Threads share the folder that a process is in."""


def write_plan(project, study):
    """Write the plan file of a study in a project; returns its path there, and the jobs by name in order."""
    with CWD, chdir(project.folder):
        plan = make_plan(read_study(Path(study)))
        planned = jobs(plan, exhibits(plan, study))
        file = write_plan_file(planned, read_yaml(Path(study)), Path("results", plan.study.name))
    maker = {path: name for name, job in planned.items() for path in job.outputs}
    graph = {name: [maker[path] for path in job.inputs if path in maker] for name, job in planned.items()}
    return file, {name: planned[name] for name in TopologicalSorter(graph).static_order()}


def do_jobs(project, study, level, wanted=lambda job: True, on=(), **environment):
    """Do the jobs of a study that are wanted, perhaps below an emulator.

    Args:
        project: its folder.
        study: path of the study in it.
        level: of instructions, for all jobs.
        wanted: whether to do a job.
        on: the emulator's command.
        environment: more variables.
    """
    file, ordered = write_plan(project, study)
    names = project.folder / "jobs.json"
    names.write_text(json.dumps([name for name, job in ordered.items() if wanted(job)]))
    done = project.run("python", DO_JOBS, level, file, names, on=on, **environment)
    assert done.returncode == 0, done.stderr[-4000:]
