"""The subcommands of ``spl`` that the rules of the workflow call, one for each rule."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spl.errors import InputError

if TYPE_CHECKING:
    from spl.attempts.journal import Attempt
    from spl.training.evaluation import Evaluation

app = typer.Typer()
CALLED = "Called by the rules"

Parameter = Annotated[
    str, typer.Option(help="Canonical JSON of exactly what the job uses; `snakemake -p` prints it for every job.")
]
Output = Annotated[Path, typer.Option(help="File, folder or stem to write.")]


@app.command(rich_help_panel=CALLED)
def download(source: Annotated[str, typer.Argument(help="Key of the data set's source.")], output: Output) -> None:
    """Download a file of a published data set; the name of the output says which."""
    from spl.data.datasets import SOURCES
    from spl.data.downloads import download

    published = SOURCES[source].files if source in SOURCES else None
    if published is None or output.name not in published.layouts[0]:
        raise InputError(f"{source}: no published data set with a file {output.name}")
    download(published.torchvision, output)


@app.command(rich_help_panel=CALLED)
def data(
    parameter: Parameter,
    output: Output,
    files: Annotated[list[Path] | None, typer.Argument(help="The data set's files, or the user's own folder.")] = None,
) -> None:
    """Bring a data set into canonical form."""
    from spl.data.datasets import write_dataset
    from spl.study.files import DATA_FILES

    content, given = _read(parameter), files or []
    output.mkdir(parents=True, exist_ok=True)
    with _recorded("data", content, given, _inside(output, DATA_FILES), output):
        write_dataset(content["source"], output, given, **content["options"])


@app.command(rich_help_panel=CALLED)
def split(parameter: Parameter, data: Path, output: Output) -> None:
    """Draw the labelled images of one fold."""
    from spl.data.splits import write_fold
    from spl.study.files import DATA_FILES

    content = _read(parameter)
    with _recorded("split", content, _inside(data, DATA_FILES), [output], output):
        write_fold(content["draw"], data, output)


@app.command(rich_help_panel=CALLED)
def calibrate(parameter: Parameter, reference: Path, smooth: Path, output: Output) -> None:
    """Measure the loss weights of a smooth method from the metrics of two short runs."""
    from spl.analysis.calibration import write_calibration

    content = _read(parameter)
    with _recorded("calibrate", content, [reference, smooth], [output], output):
        write_calibration(content, reference, smooth, output)


@app.command(rich_help_panel=CALLED)
def train(
    parameter: Parameter,
    data: Path,
    split: Path,
    output: Output,
    checkpoints: Annotated[
        Path, typer.Option(help="Folder for this run's checkpoints and the record of its attempts.")
    ],
    calibration: Annotated[Path | None, typer.Argument(help="Weights of a smooth method that is calibrated.")] = None,
    checkpoint_interval: Annotated[
        float | None,
        typer.Option(
            help="Seconds between two checkpoints; five minutes if not given.", envvar="SPL_CHECKPOINT_INTERVAL"
        ),
    ] = None,
) -> None:
    """Train one run and evaluate it on the way; started again, it goes on from its last checkpoint.

    Ctrl-C, SIGTERM and SIGUSR1 make it save its state and end with status 75.
    """
    from spl.training import instructions

    content = _read(parameter)
    instructions.limit(content["settings"]["instructions"])  # before torch is imported
    from spl.attempts.attempt import attempt
    from spl.attempts.journal import read_attempts
    from spl.provenance.identity import run_identity
    from spl.study.files import DATA_FILES, RUN_FILES
    from spl.training.checkpoints import INTERVAL

    interval = INTERVAL if checkpoint_interval is None else checkpoint_interval
    inputs = [*_inside(data, DATA_FILES), split, *([calibration] if calibration else [])]
    with _recorded("train", content, inputs, _inside(output, RUN_FILES), output) as attempts:
        identity = run_identity(content, data, split, calibration)
        attempt(content, data, split, calibration, output, checkpoints, identity, interval, _report, _tell)
        attempts += read_attempts(checkpoints)


def _tell(line: str) -> None:
    from spl.training.processes import rank

    if rank() == 0:
        print(line, flush=True)


def _report(evaluation: Evaluation) -> None:
    _tell(f"step {evaluation.step}: error {100 * evaluation.measures['test_error']:.2f} %")


@app.command(rich_help_panel=CALLED)
def analyse(parameter: Parameter, runs: Path, output: Output) -> None:
    """Summarise the runs of an experiment, one row each."""
    from spl.analysis.confusion import write_summary
    from spl.study.files import SUMMARISED

    content = _read(parameter)
    done = (run for run in content["runs"] if run not in content["missing"])
    inputs = [runs / run / name for run in done for name in SUMMARISED]
    with _recorded("analyse", content, inputs, [output], output):
        write_summary(content, runs, output)


@app.command(rich_help_panel=CALLED)
def figure(parameter: Parameter, output: Output, inputs: Annotated[list[Path] | None, typer.Argument()] = None) -> None:
    """Draw one figure as PDF, PNG and the CSV that it shows."""
    from spl.figures.style import save_figure
    from spl.study.files import ENDINGS

    content, given = _read(parameter), inputs or []
    made = [output.with_name(output.name + ending) for ending in ENDINGS["figure"]]
    with _recorded("figure", content, given, made, made[0]):
        drawing, shown = importlib.import_module(content["module"]).draw(content["given"], given)
        save_figure(drawing, shown, output)


@app.command(rich_help_panel=CALLED)
def table(parameter: Parameter, output: Output, inputs: Annotated[list[Path] | None, typer.Argument()] = None) -> None:
    """Build one table as CSV, Markdown and LaTeX."""
    from spl.study.files import ENDINGS
    from spl.tables.layout import save_table

    content, given = _read(parameter), inputs or []
    made = [output.with_name(output.name + ending) for ending in ENDINGS["table"]]
    with _recorded("table", content, given, made, made[0]):
        built = importlib.import_module(content["module"]).build(content["given"], given)
        save_table(built, content["title"], content["caption"], output)


@app.command(rich_help_panel=CALLED)
def spreadsheet(parameter: Parameter, output: Output, inputs: list[Path]) -> None:
    """Write the random-label benchmark as a workbook."""
    from spl.tables.spreadsheet import write_spreadsheet

    content = _read(parameter)
    with _recorded("spreadsheet", content, inputs, [output], output):
        write_spreadsheet(content["given"], inputs, output)


@app.command(rich_help_panel=CALLED)
def page(parameter: Parameter, results: Path, output: Output) -> None:
    """Put everything on one page."""
    from spl.page.parameter import TEMPLATE
    from spl.page.render import page_inputs, write_page
    from spl.provenance.records import records

    content = _read(parameter)
    with _recorded("page", content, [results / path for path in page_inputs(content)], [output], output):
        write_page(content, TEMPLATE, results, records(content["trained"], results / "runs"), output)


@app.command(rich_help_panel=CALLED)
def seal(results: Annotated[Path, typer.Argument(help="Folder of a study's results.")]) -> None:
    """Seal all manifests of a study with one digest, in ROOT.sha256, and print it."""
    from spl.provenance.seal import write_seal

    print(write_seal(results))


@app.command(rich_help_panel=CALLED)
def crate(parameter: Parameter, studies: list[Path], output: Output) -> None:
    """Put all results of a study, their manifests and the code into one RO-Crate."""
    from spl.code.subcommands import check_code
    from spl.provenance.crate import write_crate

    content = _read(parameter)
    check_code("crate", content)  # no manifest: the crate is made of them
    write_crate(content, studies, output)


def _read(parameter: str) -> dict[str, Any]:
    try:
        content = json.loads(parameter)
    except json.JSONDecodeError as error:
        raise InputError(f"--parameter: expected JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError("--parameter: expected a JSON object")
    return content


def _recorded(
    subcommand: str, parameter: dict[str, Any], inputs: Iterable[Path], outputs: Iterable[Path], output: Path
) -> AbstractContextManager[list[Attempt]]:
    from spl.provenance.manifest import manifest_path, recorded

    return recorded(subcommand, parameter, inputs, outputs, manifest_path(output))


def _inside(folder: Path, files: Iterable[str]) -> list[Path]:
    return [folder / name for name in files]
