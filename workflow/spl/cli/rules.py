"""The subcommands of ``spl`` that the rules of the workflow call: each does one job of a plan file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spl.cli.jobs import do, planned
from spl.errors import InputError

if TYPE_CHECKING:
    from spl.training.evaluation import Evaluation

app = typer.Typer()
CALLED = "Called by the rules"

PlanFile = Annotated[Path, typer.Argument(help="Plan file that Snakemake wrote: results/STUDY/campaign/plan-*.json.")]
Name = Annotated[str, typer.Argument(help="Name of the job in it, such as figures/fig4.")]


@app.command(rich_help_panel=CALLED)
def download(
    source: Annotated[str, typer.Argument(help="Key of the data set's source.")],
    output: Annotated[Path, typer.Option(help="File to write; its name tells which file of the data set.")],
) -> None:
    """Download a file of a published data set."""
    from spl.data.downloads import download
    from spl.data.registry import SOURCES

    published = SOURCES[source].files if source in SOURCES else None
    if published is None or output.name not in published.layouts[0]:
        raise InputError(f"{source}: no published data set with a file {output.name}")
    download(published.torchvision, output)


@app.command(rich_help_panel=CALLED)
def data(plan: PlanFile, name: Name) -> None:
    """Bring a data set into canonical form."""
    do("data", plan, name)


@app.command(rich_help_panel=CALLED)
def split(plan: PlanFile, name: Name) -> None:
    """Draw the labelled images of one fold."""
    do("split", plan, name)


@app.command(rich_help_panel=CALLED)
def calibrate(plan: PlanFile, name: Name) -> None:
    """Measure the loss weights of a smooth method from the metrics of short runs, a pair on each fold."""
    do("calibrate", plan, name)


@app.command(rich_help_panel=CALLED)
def train(
    plan: PlanFile,
    name: Name,
    checkpoints: Annotated[
        Path, typer.Option(help="Folder for this run's checkpoints and the journal of its attempts.")
    ],
    checkpoint_interval: Annotated[
        float | None,
        typer.Option(help="Seconds between two checkpoints; 300 by default.", envvar="SPL_CHECKPOINT_INTERVAL"),
    ] = None,
) -> None:
    """Train one run, with evaluations; started again, it resumes from its last checkpoint.

    On Ctrl-C, SIGTERM, SIGUSR1, and when its terminal is closed, it saves its state and exits with status 75.
    """
    from spl.attempts.journal import refusal_recorded

    with refusal_recorded(checkpoints):
        _train(plan, name, checkpoints, checkpoint_interval)


def _train(plan: Path, name: str, checkpoints: Path, checkpoint_interval: float | None) -> None:
    from spl.training import instructions

    job = planned("train", plan, name)
    content = job.content
    instructions.limit(content["settings"]["instructions"])  # before torch is imported
    from spl.attempts.attempt import attempt
    from spl.attempts.journal import read_attempts
    from spl.code.subcommands import check_loaded
    from spl.provenance.identity import run_identity
    from spl.provenance.recording import recorded
    from spl.study.files import RunInputs
    from spl.training.checkpoints import INTERVAL

    interval = INTERVAL if checkpoint_interval is None else checkpoint_interval
    with recorded(job) as record:
        inputs, output = RunInputs.of(content, job.inputs), job.outputs[0].parent
        identity = run_identity(content, inputs)
        digest = record.inputs[str(job.inputs[0])]
        attempt(content, inputs, output, checkpoints, identity, digest, interval, _report, _tell)
        record.attempts.extend(read_attempts(checkpoints))
        check_loaded("train", content)


def _tell(line: str) -> None:
    from spl.training.processes import rank

    if rank() == 0:
        print(line, flush=True)


def _report(evaluation: Evaluation) -> None:
    _tell(f"step {evaluation.step}: error {100 * evaluation.measures['test_error']:.2f} %")


@app.command(rich_help_panel=CALLED)
def analyse(plan: PlanFile, name: Name) -> None:
    """Summarise the runs of an experiment, one row each."""
    do("analyse", plan, name)


@app.command(rich_help_panel=CALLED)
def figure(plan: PlanFile, name: Name) -> None:
    """Draw one figure as PDF and PNG, with a CSV of the numbers that it shows."""
    do("figure", plan, name)


@app.command(rich_help_panel=CALLED)
def table(plan: PlanFile, name: Name) -> None:
    """Build one table as CSV, Markdown and LaTeX."""
    do("table", plan, name)


@app.command(rich_help_panel=CALLED)
def spreadsheet(plan: PlanFile, name: Name) -> None:
    """Write the random-label benchmark as a workbook."""
    do("spreadsheet", plan, name)


@app.command(rich_help_panel=CALLED)
def page(plan: PlanFile, name: Name) -> None:
    """Put everything on one page."""
    from spl.provenance.records import quotations

    # Manifests are no inputs of the page: they hold hosts and times, on which no result depends.
    do("page", plan, name, quotations(planned("page", plan, name).content))


@app.command(rich_help_panel=CALLED)
def crate(
    plan: PlanFile,
    studies: Annotated[list[Path], typer.Argument(help="The files that the study was read from.")],
    output: Annotated[Path, typer.Option(help="Folder to write.")],
) -> None:
    """Put all results of a study, their manifests and the code into one RO-Crate."""
    from spl.audit.crate import write_crate
    from spl.campaign.plan_file import read_plan_file

    study, _ = read_plan_file(plan)
    write_crate({"study": json.dumps(study)}, studies, output)
