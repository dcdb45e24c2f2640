"""A job of a plan file, done and recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spl.campaign.job import Job
from spl.campaign.plan_file import read_job
from spl.code.loading import compile_from_text
from spl.errors import InputError

# Subcommands whose command line is a plan file and the name of a job in it, and nothing else.
PLAIN = ("data", "split", "calibrate", "analyse", "figure", "table", "spreadsheet")


def planned(subcommand: str, plan: Path, name: str) -> Job:
    """The job of this name in a plan file; the code of this process is from now on what its source texts say."""
    compile_from_text()
    return read_job(plan, name, subcommand)


def do(subcommand: str, plan: Path, name: str, *more: Any) -> None:
    """Do a job and record it; ``more`` is what it gets beside parameter, inputs and outputs."""
    from spl.cli.plotting import load_matplotlib
    from spl.code.subcommands import check_loaded, code_packages, entry
    from spl.provenance.recording import altered_inputs, recorded

    job = planned(subcommand, plan, name)
    content = job.content
    if "matplotlib" in code_packages(subcommand, content):
        load_matplotlib()
    with recorded(job):
        job.outputs[0].parent.mkdir(parents=True, exist_ok=True)
        try:
            entry(subcommand)(content, job.inputs, job.outputs, *more)
        except Exception as error:
            if lines := altered_inputs(job):  # as after a copy that broke off: no fault of the code
                from spl.text.printable import in_lines

                raise InputError(in_lines(lines)) from error
            raise
        check_loaded(subcommand, content)
