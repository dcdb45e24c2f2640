"""The command ``spl``: one subcommand for each rule of the workflow; those for people are in :mod:`spl.people`."""

from __future__ import annotations

import errno
import importlib
import io
import json
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spl.errors import FailedBeforeError, InputError, InterruptedTrainingError, NotFiniteError

if TYPE_CHECKING:
    from spl.evaluation import Evaluation
    from spl.journal import Attempt

app = typer.Typer()
CALLED = "Called by the rules"

Parameter = Annotated[
    str, typer.Option(help="Canonical JSON of exactly what the job uses; `snakemake -p` prints it for every job.")
]
Output = Annotated[Path, typer.Option(help="File, folder or stem to write.")]


@app.command(rich_help_panel=CALLED)
def download(source: Annotated[str, typer.Argument(help="Key of the data set's source.")], output: Output) -> None:
    """Download a file of a published data set; the name of the output says which."""
    from spl.datasets import SOURCES
    from spl.published import download

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
    from spl.datasets import write_dataset
    from spl.products import DATA_FILES

    content, given = _read(parameter), files or []
    output.mkdir(parents=True, exist_ok=True)
    with _recorded("data", content, given, _inside(output, DATA_FILES), output):
        write_dataset(content["source"], output, given, **content["options"])


@app.command(rich_help_panel=CALLED)
def split(parameter: Parameter, data: Path, output: Output) -> None:
    """Draw the labelled images of one fold."""
    from spl.products import DATA_FILES
    from spl.splits import write_fold

    content = _read(parameter)
    with _recorded("split", content, _inside(data, DATA_FILES), [output], output):
        write_fold(content["draw"], data, output)


@app.command(rich_help_panel=CALLED)
def calibrate(parameter: Parameter, reference: Path, smooth: Path, output: Output) -> None:
    """Measure the loss weights of a smooth method from the metrics of two short runs."""
    from spl.calibration import write_calibration

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
    from spl import instructions

    content = _read(parameter)
    instructions.limit(content["settings"]["instructions"])  # before torch is imported
    from spl.attempt import attempt
    from spl.checkpoints import INTERVAL
    from spl.journal import read_attempts
    from spl.products import DATA_FILES, RUN_FILES

    interval = INTERVAL if checkpoint_interval is None else checkpoint_interval
    inputs = [*_inside(data, DATA_FILES), split, *([calibration] if calibration else [])]
    with _recorded("train", content, inputs, _inside(output, RUN_FILES), output) as attempts:
        attempt(content, data, split, calibration, output, checkpoints, interval, _report, _tell)
        attempts += read_attempts(checkpoints)


def _tell(line: str) -> None:
    from spl.distributed import rank

    if rank() == 0:
        print(line, flush=True)


def _report(evaluation: Evaluation) -> None:
    _tell(f"step {evaluation.step}: error {100 * evaluation.measures['test_error']:.2f} %")


@app.command(rich_help_panel=CALLED)
def analyse(parameter: Parameter, runs: Path, output: Output) -> None:
    """Summarise the runs of an experiment, one row each."""
    from spl.confusion import write_summary
    from spl.products import SUMMARISED

    content = _read(parameter)
    done = (run for run in content["runs"] if run not in content["missing"])
    inputs = [runs / run / name for run in done for name in SUMMARISED]
    with _recorded("analyse", content, inputs, [output], output):
        write_summary(content, runs, output)


@app.command(rich_help_panel=CALLED)
def figure(parameter: Parameter, output: Output, inputs: Annotated[list[Path] | None, typer.Argument()] = None) -> None:
    """Draw one figure as PDF, PNG and the CSV that it shows."""
    from spl.figures.style import save
    from spl.products import ENDINGS

    content, given = _read(parameter), inputs or []
    made = [output.with_name(output.name + ending) for ending in ENDINGS["figure"]]
    with _recorded("figure", content, given, made, made[0]):
        drawing, shown = importlib.import_module(content["module"]).draw(content["given"], given)
        save(drawing, shown, output)


@app.command(rich_help_panel=CALLED)
def table(parameter: Parameter, output: Output, inputs: Annotated[list[Path] | None, typer.Argument()] = None) -> None:
    """Build one table as CSV, Markdown and LaTeX."""
    from spl.products import ENDINGS
    from spl.tables.form import save

    content, given = _read(parameter), inputs or []
    made = [output.with_name(output.name + ending) for ending in ENDINGS["table"]]
    with _recorded("table", content, given, made, made[0]):
        built = importlib.import_module(content["module"]).build(content["given"], given)
        save(built, content["title"], content["caption"], output)


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
    from spl.paper.contents import TEMPLATE
    from spl.paper.page import page_inputs, write_page

    content = _read(parameter)
    with _recorded("page", content, [results / path for path in page_inputs(content)], [output], output):
        write_page(content, TEMPLATE, results, output)


@app.command(rich_help_panel=CALLED)
def seal(results: Annotated[Path, typer.Argument(help="Folder of a study's results.")]) -> None:
    """Seal all manifests of a study with one digest, in ROOT.sha256, and print it."""
    from spl.provenance.seal import write_seal

    print(write_seal(results))


@app.command(rich_help_panel=CALLED)
def crate(parameter: Parameter, studies: list[Path], output: Output) -> None:
    """Put all results of a study, their manifests and the code into one RO-Crate."""
    from spl.provenance.crate import write_crate
    from spl.provenance.entries import check_code

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


INTERRUPTED = 75
"""The status of a training that saved its state on request (EX_TEMPFAIL: try again)."""
REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)
"""Of a system that does not let us read or write: no fault of the code, which a traceback would show."""
STATUS = {InputError: 2, NotFiniteError: 1, FailedBeforeError: 1, InterruptedTrainingError: INTERRUPTED}


def main() -> None:
    """Run the command; what a person can understand ends with clear lines: status 2 for mistakes in what was given."""
    from spl.people import HELP, people

    command = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=HELP)
    command.add_typer(people)
    command.add_typer(app)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # names of files need not be text
    try:
        command()
    except tuple(STATUS) as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        sys.exit(next(status for kind, status in STATUS.items() if isinstance(error, kind)))
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        print(f"error: {error.filename or 'what is to be written'}: {error.strerror}", file=sys.stderr)
        sys.exit(1)
