"""The command ``spl``: one subcommand for each rule of the workflow, and ``plan`` for people."""

from __future__ import annotations

import importlib
import io
import json
import re
import sys
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spl.errors import FailedBeforeError, InputError, InterruptedTrainingError, NotFiniteError

if TYPE_CHECKING:
    from rich.console import Console

    from spl.evaluation import Evaluation
    from spl.journal import Attempt

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

Parameter = Annotated[
    str, typer.Option(help="Canonical JSON of exactly what the job uses; `snakemake -p` prints it for every job.")
]
StudyFile = Annotated[Path, typer.Argument(help="The study's YAML file.")]
LIVE = 5
"""Seconds between two looks at a campaign."""
Output = Annotated[Path, typer.Option(help="File, folder or stem to write.")]


@app.command()
def download(source: Annotated[str, typer.Argument(help="Key of the data set's source.")], output: Output) -> None:
    """Download a file of a published data set; the name of the output says which."""
    from spl.datasets import SOURCES
    from spl.published import download

    published = SOURCES[source].files if source in SOURCES else None
    if published is None or output.name not in published.layouts[0]:
        raise InputError(f"{source}: no published data set with a file {output.name}")
    download(published.torchvision, output)


@app.command()
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


@app.command()
def split(parameter: Parameter, data: Path, output: Output) -> None:
    """Draw the labelled images of one fold."""
    from spl.products import DATA_FILES
    from spl.splits import write_fold

    content = _read(parameter)
    with _recorded("split", content, _inside(data, DATA_FILES), [output], output):
        write_fold(content["draw"], data, output)


@app.command()
def calibrate(parameter: Parameter, reference: Path, smooth: Path, output: Output) -> None:
    """Measure the loss weights of a smooth method from the metrics of two short runs."""
    from spl.calibration import write_calibration

    content = _read(parameter)
    with _recorded("calibrate", content, [reference, smooth], [output], output):
        write_calibration(content, reference, smooth, output)


@app.command()
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


@app.command()
def analyse(parameter: Parameter, runs: Path, output: Output) -> None:
    """Summarise the runs of an experiment, one row each."""
    from spl.confusion import write_summary
    from spl.products import SUMMARISED

    content = _read(parameter)
    done = (run for run in content["runs"] if run not in content["missing"])
    inputs = [runs / run / name for run in done for name in SUMMARISED]
    with _recorded("analyse", content, inputs, [output], output):
        write_summary(content, runs, output)


@app.command()
def figure(parameter: Parameter, output: Output, inputs: Annotated[list[Path] | None, typer.Argument()] = None) -> None:
    """Draw one figure as PDF, PNG and the CSV that it shows."""
    from spl.figures.style import save
    from spl.products import ENDINGS

    content, given = _read(parameter), inputs or []
    made = [output.with_name(output.name + ending) for ending in ENDINGS["figure"]]
    with _recorded("figure", content, given, made, made[0]):
        drawing, shown = importlib.import_module(content["module"]).draw(content["given"], given)
        save(drawing, shown, output)


@app.command()
def table(parameter: Parameter, output: Output, inputs: Annotated[list[Path] | None, typer.Argument()] = None) -> None:
    """Build one table as CSV, Markdown and LaTeX."""
    from spl.products import ENDINGS
    from spl.tables.form import save

    content, given = _read(parameter), inputs or []
    made = [output.with_name(output.name + ending) for ending in ENDINGS["table"]]
    with _recorded("table", content, given, made, made[0]):
        built = importlib.import_module(content["module"]).build(content["given"], given)
        save(built, content["title"], content["caption"], output)


@app.command()
def spreadsheet(parameter: Parameter, output: Output, inputs: list[Path]) -> None:
    """Write the random-label benchmark as a workbook."""
    from spl.tables.spreadsheet import write_spreadsheet

    content = _read(parameter)
    with _recorded("spreadsheet", content, inputs, [output], output):
        write_spreadsheet(content["given"], inputs, output)


@app.command()
def page(parameter: Parameter, results: Path, output: Output) -> None:
    """Put everything on one page."""
    from spl.paper.contents import TEMPLATE
    from spl.paper.page import page_inputs, write_page

    content = _read(parameter)
    with _recorded("page", content, [results / path for path in page_inputs(content)], [output], output):
        write_page(content, TEMPLATE, results, output)


@app.command()
def seal(results: Annotated[Path, typer.Argument(help="Folder of a study's results.")]) -> None:
    """Seal all manifests of a study with one digest, in ROOT.sha256, and print it."""
    from spl.provenance.seal import write_seal

    print(write_seal(results))


@app.command()
def digest(study: StudyFile = Path("config/demo.yaml")) -> None:
    """Print one sha256 over all results of a study: the same wherever the same bytes came out."""
    from spl.provenance.audited import digest_of, read_audited

    print(digest_of(read_audited(study)))


@app.command()
def audit(
    targets: Annotated[
        list[str] | None,
        typer.Argument(help="Figures, tables, runs, files or folders, by name or path; all of the study without any."),
    ] = None,
    study: Annotated[
        Path | None, typer.Option(help="The study's YAML file; found by the folder of the first target if not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Read only files whose size, times or inode changed since the last audit.")
    ] = False,
    seal: Annotated[str | None, typer.Option(help="The published digest that the seal must have.")] = None,
    why: Annotated[
        str | None,
        typer.Option(help="The runs behind a number: TABLE.csv:ROW,COLUMN, as in 'table1.csv:Smooth FixMatch,mean'."),
    ] = None,
    rerun: Annotated[str | None, typer.Option(help="A run to train again and to compare, by its path.")] = None,
) -> None:
    """Say whether results are what the present study, code, data and packages make; status 0 only if all is fresh."""
    from spl.provenance.audited import audit_cell, audit_rerun, audit_results, read_audited

    if seal is not None and not re.fullmatch("[0-9a-f]{64}", seal):
        raise InputError(
            f"--seal {seal}: expected a sha256, 64 digits in lower case, as `sha256sum ROOT.sha256` prints it"
        )
    if seal is not None and quick:
        raise InputError("--seal: expected without --quick, which believes what is remembered of files")
    if rerun and as_json:
        raise InputError("--rerun: expected without --json; its status says whether the same came out")
    asked = targets or []
    about = read_audited(study, next(iter(asked), why and why.partition(":")[0]))
    if rerun:
        fresh = audit_rerun(about, rerun, _console())
    elif why:
        fresh = audit_cell(about, why, quick, seal, None if as_json else _console())
    else:
        fresh = audit_results(about, asked, quick, seal, None if as_json else _console())
    if not fresh:
        raise typer.Exit(1)


@app.command()
def crate(parameter: Parameter, studies: list[Path], output: Output) -> None:
    """Put all results of a study, their manifests and the code into one RO-Crate."""
    from spl.provenance.crate import write_crate
    from spl.provenance.entries import check_code

    content = _read(parameter)
    check_code("crate", content)  # no manifest: the crate is made of them
    write_crate(content, studies, output)


@app.command()
def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="Smaller batch, fewer repetitions: training takes under a minute.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    semilearn: Annotated[Path | None, typer.Option(help="Also compare with semilearn, which this Python has.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Measure planning in place of training.")] = False,
    audit: Annotated[bool, typer.Option("--audit", help="Measure an audit of 5 GB in place of training.")] = False,
) -> None:
    """Measure the speed of training, as ratios that hold on any machine."""
    from rich import print as show

    if audit:
        from spl import audit_benchmark

        measured = audit_benchmark.measure(Path("config/paper.yaml"), 0.5 if quick else 5, 1 if quick else 3)
    elif plan:
        from spl import planning_benchmark

        measured = planning_benchmark.measure(Path("config/paper.yaml"), (2, 16), repetitions=1 if quick else 3)
    else:
        from spl import benchmark

        measured = benchmark.measure(repetitions=3 if quick else 9, quick=quick, semilearn=semilearn)
    print(json.dumps(measured, indent=1)) if as_json else show(measured)


@app.command()
def schema() -> None:
    """Print the JSON schema of a study, for editors; `config/study.schema.json` is a copy."""
    from spl.study import Study

    print(json.dumps(Study.model_json_schema(), indent=1))


@app.command()
def equivalent(
    subcommand: Annotated[str, typer.Argument(help="Whose code changed: train, figure, ...")],
    reason: Annotated[str, typer.Option(help="Why its results would be the same.")],
) -> None:
    """Declare that changed code makes the results that are there; writes `config/equivalent.yaml`."""
    from spl.provenance.declare import declare

    print(*declare(subcommand, reason, Path("results")), sep="\n")


@app.command()
def plan(
    study: StudyFile = Path("config/demo.yaml"),
    price: Annotated[float | None, typer.Option(help="Of an hour of a GPU (or core); shows costs, too.")] = None,
    observed: Annotated[
        bool, typer.Option("--observed", help="Compare what finished runs used with what they asked for.")
    ] = False,
) -> None:
    """List a study's runs, which experiments need each, what is done, and how many GPU-hours it takes."""
    from rich.table import Table

    from spl import usage
    from spl.paper.contents import items
    from spl.partial import run_state
    from spl.plan import make_plan, run_parameter
    from spl.study_file import read_study

    planned = make_plan(read_study(study))
    items(planned, str(study))
    results = Path("results") / planned.study.name
    listing = Table("run", "needed by", "state", title=f"{planned.study.title}: {len(planned.runs)} runs", box=None)
    states = {path: run_state(results / "runs" / path, run_parameter(planned, path)) for path in planned.runs}
    needs = dict(planned.experiments)
    for name, one in planned.calibrations.items():
        needs[f"calibration of {name}"] = [one.reference, one.smooth]
    for path, state in states.items():
        listing.add_row(path, ", ".join(name for name, runs in needs.items() if path in runs), state)
    console = _console()
    console.print(usage.observed(planned, results) if observed else listing)
    done = sum(state == "done" for state in states.values())
    console.print(f"{done} of {len(states)} runs done; {len(planned.splits)} labelled sets.")
    hours = usage.cost(planned, results)
    for what, amount in (("expected", hours.expected), ("by their time limits", hours.limit), ("used", hours.used)):
        if amount is None:
            continue
        costs = f", {amount * price:,.0f} at {price:g} an hour" if price is not None else ""
        console.print(f"{hours.device}-hours {what}: {amount:,.1f}{costs}")
    for name, key in planned.off.items():
        print(f"off: experiments.{name}: {key}", file=sys.stderr)


@app.command()
def status(
    study: StudyFile = Path("config/demo.yaml"),
    once: Annotated[bool, typer.Option("--once", help="Print it once, and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list of all runs, and end.")] = False,
) -> None:
    """Show what every run of a study is doing, until Ctrl-C."""
    from rich.live import Live

    from spl.plan import make_plan
    from spl.status import read_status, show
    from spl.study_file import read_study

    planned = make_plan(read_study(study))
    results = Path("results") / planned.study.name
    if as_json:
        print(json.dumps([vars(one) for one in read_status(planned, results)], indent=1))
        return
    console = _console()
    if once or not console.is_terminal:
        console.print(show(planned, read_status(planned, results)))
        return
    with suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        while True:
            live.update(show(planned, read_status(planned, results)), refresh=True)
            time.sleep(LIVE)


def _console() -> Console:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 300)


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
STATUS = {InputError: 2, NotFiniteError: 1, FailedBeforeError: 1, InterruptedTrainingError: INTERRUPTED}


def main() -> None:
    """Run the command; what a person can understand ends with clear lines: status 2 for mistakes in what was given."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # names of files need not be text
    try:
        app()
    except tuple(STATUS) as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        sys.exit(next(status for kind, status in STATUS.items() if isinstance(error, kind)))
