"""The subcommands of ``spl`` for errors of any code base: the paper's comparison of methods, and the folds it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from spl.cli.panel import command, terminal
from spl.errors import InputError

app = typer.Typer()

ErrorSource = Annotated[
    Path,
    typer.Argument(
        help="CSV file with the columns method, fold, error (or error_percent), and if there, seed and dataset; a "
        "table or a summary of this project; or a folder of TorchSSL's or USB's logs."
    ),
]
Baseline = Annotated[
    str | None, typer.Option(help="The method that others are compared with; default: the first method.")
]
BestErrors = Annotated[
    bool, typer.Option("--best", help="Of logs and summaries: the best error of each run, not the last.")
]
PrintedForm = Annotated[
    Literal["table", "markdown", "latex", "json"], typer.Option("--format", help="How the numbers are printed.")
]


@command(
    app, "spl compare errors.csv", "spl compare errors.csv --baseline FixMatch --margin 0.5",
    "spl compare saved_models --format markdown", "spl compare results/demo/tables/table7.csv --format latex",
)  # fmt: skip
def compare(
    errors: ErrorSource,
    baseline: Baseline = None,
    margin: Annotated[
        float | None, typer.Option(help="Also test whether gains lie within so many points, either way.")
    ] = None,
    best: BestErrors = False,
    form: PrintedForm = "table",
) -> None:
    """Compare methods by the paper's protocol, run for run: gains, intervals, exact tests, corrected p-values."""
    from spl.analysis.compare import compare_methods
    from spl.analysis.error_files import read_errors
    from spl.cli.comparison import print_comparisons

    share = _points("--margin", margin)
    found = read_errors(errors, best)
    print_comparisons(found, compare_methods(found, baseline, share), share, form, terminal())


@command(app, "spl power pilot.csv", "spl power pilot.csv --gain 1.0 --plot power.svg")
def power(
    errors: ErrorSource,
    gain: Annotated[
        float | None, typer.Option(help="The gain to show, in points; default: the gain of each method in the pilot.")
    ] = None,
    baseline: Baseline = None,
    best: BestErrors = False,
    seed: Annotated[int, typer.Option(help="Seed of the simulated studies.", min=0)] = 0,
    plot: Annotated[Path | None, typer.Option(help="Also draw the power by folds: a .png or .svg file.")] = None,
    form: PrintedForm = "table",
) -> None:
    """Say how many folds a comparison needs for a power of 80 % and 90 %, from the differences of a pilot."""
    from spl.analysis.error_files import read_errors
    from spl.analysis.power import power_of_methods
    from spl.cli.comparison import print_powers
    from spl.cli.plotting import load_matplotlib

    load_matplotlib()
    from spl.figures.power import check_plot, draw_power, save_plot

    share = _points("--gain", gain)
    if plot:
        check_plot(plot)
    found = read_errors(errors, best)
    powers = power_of_methods(found, share, baseline, seed)
    print_powers(found, powers, form, terminal())
    if plot:
        save_plot(draw_power(powers), plot)


def _points(option: str, points: float | None) -> float | None:
    """An option in points of error as a share."""
    if points is None:
        return None
    if not 0 < points < 100:
        raise InputError(f"{option} {points:g}: expected points of error, more than 0 and less than 100")
    return round(points / 100, 10)
