"""A whole study on one of several processors: this machine's own, or one that an emulator is."""

import shutil

from one_process import do_jobs
from project import Project

STUDY = "tests/studies/processors.yaml"
EXHIBITS = {"figures/fig1", "figures/fig4", "tables/table1"}
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
    project.edit(STUDY, "instructions: avx2", f"instructions: {level}")
    do_jobs(project, STUDY, level, is_wanted, on, **environment)
    return project


def is_wanted(job):
    """All but most figures and tables, and the page of them."""
    return job.subcommand != "page" and (not job.name.startswith(("figures/", "tables/")) or job.name in EXHIBITS)


def results(project):
    """All that was made but the manifests, by path."""
    return {path: content for path, content in project.products("processors").items() if "manifest" not in path}
