"""The subcommands of ``spl`` that start scripts in ``benchmarks/``: how fast this machine is, what its GPU can do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from spl.cli.panel import command, studies
from spl.errors import InputError

app = typer.Typer()
DEMO, PAPER = Path("config/demo.yaml"), Path("config/paper.yaml")
# By the option that asks for it instead of the step of training
SCRIPTS = {"--plan": "planning", "--audit": "audit", "--images": "images", "--device": "rates"}
BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@command(
    app, "spl bench --study config/paper.yaml --device cuda", "spl bench --quick --json", "spl bench --plan",
    "spl bench --audit", "spl bench --images",
)  # fmt: skip
def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="Smaller batch, fewer repetitions, shorter measurements.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    device: Annotated[
        str | None,
        typer.Option(help="cuda or cpu: measure how fast this machine trains the runs of a study, for spl plan."),
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option(
            help="Study to measure for; default: config/paper.yaml for cuda, config/demo.yaml for cpu.",
            autocompletion=studies,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="File for the measured rates; default: among the study's results.")
    ] = None,
    semilearn: Annotated[Path | None, typer.Option(help="Python interpreter with semilearn, to compare with.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Measure planning in place of training.")] = False,
    audit: Annotated[bool, typer.Option("--audit", help="Measure an audit of 5 GB in place of training.")] = False,
    images: Annotated[
        bool, typer.Option("--images", help="Measure reading of JPEG files in place of training.")
    ] = False,
) -> None:
    """Measure the speed of training, as ratios that hold on any machine; or, with --device, that of this machine."""
    from rich import print as show

    if device not in (None, "cuda", "cpu"):
        raise InputError(f"--device {device}: expected cuda or cpu")
    if device is None and (study or output):
        raise InputError("--study and --output need --device cuda or --device cpu")
    wanted = {"--plan": plan, "--audit": audit, "--images": images, "--device": device, "--semilearn": semilearn}
    chosen = [option for option, value in wanted.items() if value]
    if len(chosen) > 1:
        raise InputError(f"{chosen[0]} cannot be combined with {chosen[1]}")
    script = next((SCRIPTS[option] for option in chosen if option in SCRIPTS), "step")
    options = ["--quick"] * quick + (["--semilearn", str(semilearn)] if semilearn else [])
    if device:
        options += [str(study or (PAPER if device == "cuda" else DEMO)), device]
        options += ["--output", str(output)] if output else []
    measured = _output(script, *options)
    if as_json:
        print(measured, end="")
    elif not device:  # which has told everything while it measured
        show(json.loads(measured))


@command(app, "spl check-device", "spl check-device --device cpu --steps 4 --network wrn-10-1 --batch 2")
def check_device(
    device: Annotated[str, typer.Option(help="cuda, or cpu to see what the checks are.")] = "cuda",
    steps: Annotated[int, typer.Option(help="Steps of each training run.", min=2)] = 100,
    network: Annotated[str, typer.Option(help="Network that is trained.")] = "wrn-28-2",
    batch: Annotated[int, typer.Option(help="Labelled images per step.", min=1)] = 64,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check that a GPU trains as it must: repeated, killed and resumed, and as a graph to the same bytes."""
    options = ["--steps", str(steps), "--network", network, "--batch", str(batch)]
    checked = _output("check_device", device, *options)
    found = json.loads(checked)
    if as_json:
        print(checked, end="")
    else:
        for precision, speed in found["speed"].items():
            print(f"{precision}: " + ", ".join(f"{name} {value:,}" for name, value in speed.items()))
        print(f"{found['device']}, torch {found['torch']}: {found['verdict']}")
    raise typer.Exit(0 if found["passed"] else 1)


def _output(script: str, *options: str) -> str:
    """What a script prints.

    Raises:
        InputError: the package was installed without the scripts.
        typer.Exit: it failed, and said why.
    """
    path = BENCHMARKS / f"{script}.py"
    if not path.is_file():
        raise InputError(f"{path}: not found; benchmarks and checks run in a checkout of the project only")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}  # they import others
    done = subprocess.run([sys.executable, path, *options], stdout=subprocess.PIPE, text=True, env=environment)
    if done.returncode:
        raise typer.Exit(done.returncode)
    return done.stdout
