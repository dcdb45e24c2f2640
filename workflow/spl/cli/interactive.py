"""The subcommands of ``spl`` for interactive use; :mod:`spl.cli.rules` has those that the rules call."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Mapping
from contextlib import chdir, suppress
from pathlib import Path
from typing import Annotated

import typer

from spl.cli.panel import command, studies, terminal
from spl.errors import InputError

app = typer.Typer()
DEMO = Path("config/demo.yaml")
# Seconds between two updates of `spl status`
LIVE = 5


def _results(context: typer.Context, incomplete: str) -> list[str]:
    """Completions of the name of a result."""
    from spl.audit.planned import plan_study

    try:
        return [name for name in plan_study(context.params.get("study")).jobs if name.startswith(incomplete)]
    except InputError:
        return []


StudyFile = Annotated[Path, typer.Argument(help="The study's YAML file.", autocompletion=studies)]


@command(app, "spl plan config/paper.yaml --price 2.5", "spl plan config/paper.yaml --runs")
def plan(
    study: StudyFile = DEMO,
    price: Annotated[float | None, typer.Option(help="Price of a GPU-hour (or core-hour); also prints costs.")] = None,
    rates: Annotated[
        Path | None,
        typer.Option(help="Rates of steps, measured by spl bench; default: those among the study's results."),
    ] = None,
    observed: Annotated[
        bool, typer.Option("--observed", help="Compare the resources that finished runs used with their requests.")
    ] = False,
    runs: Annotated[
        bool, typer.Option("--runs", help="List every run, its state and the experiments that need it.")
    ] = False,
) -> None:
    """Show a study's experiments, how many of their runs are done, the smallest p they allow, and the GPU-hours."""
    from spl.campaign import cost as usage
    from spl.campaign.hard_fold import hard_fold_message
    from spl.campaign.overview import count_line, default_note, experiment_table, run_table
    from spl.campaign.own_images import image_notes
    from spl.campaign.owner import check_owner
    from spl.campaign.parameters import run_parameter
    from spl.campaign.processor import check_processor
    from spl.campaign.rates import find_rates, read_rates
    from spl.campaign.run_state import run_state
    from spl.paper.selection import exhibits
    from spl.provenance.progress import with_progress
    from spl.study.plan import make_plan
    from spl.study.reading import read_study
    from spl.text.printable import say
    from spl.text.shell import shell_word
    from spl.text.terminal import show

    planned = make_plan(read_study(study))
    exhibits(planned, str(study))
    results = Path("results") / planned.study.name
    file = rates or find_rates(results)
    measured = read_rates(file) if file else None
    check_owner(study, results)
    paths = with_progress(planned.runs, len(planned.runs), "checking runs")
    states = {path: run_state(results / "runs" / path, run_parameter(planned, path)) for path in paths}
    check_processor(planned, [path for path, state in states.items() if state != "done"])
    console = terminal()
    listing = run_table if runs else experiment_table
    console.print(usage.observed(planned, results) if observed else listing(planned, states))
    if stale := next((state for state in states.values() if state.startswith("stale")), None):
        show(
            console,
            f"{stale}: these runs will be trained again, over their results. To keep both, give the changed setting "
            "under `variants` of an experiment, or the study another `name`.",
        )
    show(console, count_line(planned, states))
    if message := hard_fold_message(planned, results, [path for path, state in states.items() if state == "done"]):
        show(console, message)
    hours = usage.cost(planned, results, measured, chosen=rates is not None)
    console.print(usage.cost_table(hours, price))
    if note := default_note(planned, hours):
        show(console, note)
    if hours.expected.keys() & {usage.GUESS, usage.UNKNOWN}:
        show(
            console,
            "To measure the hours that are guessed or not given, on a machine like those that will train:",
            f"    spl bench --study {shell_word(str(study))} --device {'cuda' if hours.device == 'GPU' else 'cpu'}",
        )
    say(*(f"off: experiments.{name}: {key}" for name, key in planned.off.items()), file=sys.stderr)
    say(*image_notes(planned, results), file=sys.stderr)


@command(app, "spl status config/paper.yaml", "spl status config/paper.yaml --once")
def status(
    study: StudyFile = DEMO,
    once: Annotated[bool, typer.Option("--once", help="Print the status once and exit.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list of all runs and exit.")] = False,
) -> None:
    """Show the state of every run of a study; Ctrl-C ends it."""
    from rich.live import Live

    from spl.campaign.status import read_status, status_tables
    from spl.study.plan import make_plan
    from spl.study.reading import read_study

    planned = make_plan(read_study(study))
    results = Path("results") / planned.study.name
    if as_json:
        print(json.dumps([vars(run) for run in read_status(planned, results)], indent=1))
        return
    console = terminal()
    if once or not console.is_terminal:
        console.print(status_tables(planned, read_status(planned, results)))
        return
    with suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        while True:
            live.update(status_tables(planned, read_status(planned, results)), refresh=True)
            time.sleep(LIVE)


@command(
    app,
    "spl audit",
    "spl audit table1 fig4",
    "spl audit results/paper --quick",
    "spl audit results/digits --archive",
    'spl audit --why "table1.csv:Smooth FixMatch,mean"',
    "spl audit --rerun tables/table1.csv",
    "spl audit --rerun-cheap",
    "spl audit table1 --rerun-sample 3 --seed 7",
    "spl audit --digest config/demo.sha256",
)
def audit(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            help="Figures, tables, runs, files or folders, by name or path; default: all results of the study.",
            autocompletion=_results,
        ),
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option(
            help="The study's YAML file; default: derived from the folder of the first target.",
            autocompletion=studies,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Hash only files whose size, times or inode changed since the last audit.")
    ] = False,
    archive: Annotated[
        bool,
        typer.Option("--archive", help="Results that are not kept count as their manifests, which the seal covers."),
    ] = False,
    seal: Annotated[
        str | None, typer.Option(help="The published sha256 of the seal, or the path of the published seal.")
    ] = None,
    why: Annotated[
        str | None,
        typer.Option(
            help="Audit the runs behind one number: TABLE.csv:ROW,COLUMN or TABLE.csv:ROW,VALUE,COLUMN, as in "
            "'table1.csv:Smooth FixMatch,mean' and 'table9.csv:FixMatch,0.95,mean'."
        ),
    ] = None,
    published_digest: Annotated[
        str | None,
        typer.Option("--digest", help="Also compare with a published digest, or with the published list of jobs."),
    ] = None,
    rerun: Annotated[
        str | None, typer.Option(help="A result to compute again and to compare.", autocompletion=_results)
    ] = None,
    rerun_cheap: Annotated[
        bool, typer.Option("--rerun-cheap", help="Compute everything again but training runs, and compare.")
    ] = False,
    rerun_sample: Annotated[
        int | None, typer.Option(help="Retrain this many runs, drawn at random with --seed, and compare.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of --rerun-sample: any integer that nobody could foresee.")
    ] = None,
) -> None:
    """Check that results belong to the present study, code, data and packages; exit status 0 only if all are fresh."""
    from spl.audit.planned import plan_study
    from spl.audit.results import audit_results

    published: str | Path | None = seal
    if seal is not None and not re.fullmatch("[0-9a-f]{64}", seal):
        published = Path(seal)
        if not published.is_file():
            raise InputError(
                f"--seal {seal}: expected a file, or a sha256, 64 digits in lower case, as `sha256sum ROOT.sha256` "
                "prints it"
            )
    for option, given in (("--rerun", rerun), ("--why", why)):
        if given == "":
            raise InputError(f"{option}: expected a result, got nothing")
    compared = {"--seal": seal, "--digest": published_digest}
    others: dict[str, object] = {"--json": as_json, "--quick": quick, **compared, "--why": why}
    repeats = {"--rerun": rerun, "--rerun-cheap": rerun_cheap, "--rerun-sample": rerun_sample is not None}
    for option in (option for option, asked in repeats.items() if asked):
        _expect_without(option, others | ({targets[0]: True} if option == "--rerun" and targets else {}))
    if quick:
        _expect_without("--quick", compared)
    if why:
        _expect_without("--why", {"--digest": published_digest})
    if (rerun_sample is None) != (seed is None):
        raise InputError("--rerun-sample and --seed need each other, so that anyone can draw the same runs")
    chosen = [_from_here(target) for target in targets or ()]
    about = plan_study(study, next(iter(chosen), rerun or (why and why.partition(":")[0])), archive)
    console = None if as_json else terminal()
    if console and any(repeats.values()):
        from spl.audit.rerun import rerun_all_but_training, rerun_one, rerun_sampled_runs

        fresh = rerun_one(about, rerun, console) if rerun else True
        if rerun_cheap:
            fresh &= rerun_all_but_training(about, chosen, console)
        if rerun_sample is not None and seed is not None:
            fresh &= rerun_sampled_runs(about, chosen, rerun_sample, seed, console)
    elif why:
        from spl.audit.why import audit_cell

        fresh = audit_cell(about, why, quick, published, console)
    else:
        fresh = audit_results(about, chosen, quick, published, console, published_digest)
    if not fresh:
        raise typer.Exit(1)


def _expect_without(option: str, others: Mapping[str, object]) -> None:
    """Refuse others beside an option that would leave them without effect."""
    for other, value in others.items():
        if value:
            raise InputError(f"{option} cannot be combined with {other}")


def _from_here(target: str) -> str:
    """An absolute path below the current folder as a relative one, as results are named; everything else as it is."""
    path = Path(target)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else target


@command(app, "spl seal results/demo", "spl seal results/demo --sign ~/.ssh/id_ed25519")
def seal(
    results: Annotated[Path, typer.Argument(help="Folder of a study's results.")],
    accept: Annotated[
        str | None, typer.Option(help="Why results that no job vouches for are to be sealed; the seal repeats it.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--sign", help="Sign the seal with this key of SSH.")] = None,
) -> None:
    """Seal the results of a study in ROOT.sha256, as `snakemake all` does last, and print the sha256 to publish."""
    from spl.provenance.seal import ROOT_FILE, write_seal
    from spl.provenance.signature import SIGNATURE, sign

    path = results / ROOT_FILE
    signature = path.with_name(path.name + SIGNATURE)
    was_signed = signature.exists()
    print(write_seal(results, accept))
    if key:
        sign(path, key.expanduser())
    elif was_signed and not signature.exists():
        print("removed the signature, which belonged to the previous seal; sign again: --sign KEY")


@command(app, "spl register config/digits.yaml", "spl register config/digits.yaml --look")
def register(
    study: Annotated[Path, typer.Argument(help="The study's YAML file.", autocompletion=studies)],
    look: Annotated[
        bool, typer.Option("--look", help="Record the outcome of a look, once all of its runs are done.")
    ] = False,
) -> None:
    """Freeze claims, plan and code of a study in `STUDY.registration.json`, before its first run."""
    from spl.audit.look import record_look
    from spl.audit.register import write_registration
    from spl.text.printable import say

    say(*(record_look(study) if look else write_registration(study)))


@command(app, "spl digest", "spl digest --jobs > mine.sha256", "spl digest --against mine.sha256")
def digest(
    study: StudyFile = DEMO,
    jobs: Annotated[bool, typer.Option("--jobs", help="Print the sha256 of each job instead, to publish.")] = False,
    against: Annotated[
        str | None,
        typer.Option(help="Compare with a published digest, or with such a list, which names the jobs that differ."),
    ] = None,
) -> None:
    """Print one sha256 over all results of a study: equal on two machines if all results are."""
    from spl.audit.judging import listing_of
    from spl.audit.planned import plan_study
    from spl.audit.published import (
        agreement,
        as_text,
        check_complete,
        differences,
        digest_of,
        digest_or_listing,
    )
    from spl.text.printable import say

    published = against and digest_or_listing(against)
    planned = plan_study(study)
    here = listing_of(planned)
    if published is None:
        check_complete(planned.jobs, here)
    print(as_text(here) if jobs else f"{digest_of(here)}\n", end="")
    if published is None:
        return
    if lines := differences(planned.jobs, here, published):
        say(f"not the bytes that were published in {against}:", *lines)
        raise typer.Exit(1)
    say(agreement(str(against), planned.jobs, published))


@command(app, 'spl equivalent train --reason "a faster way to the same bits, compared on six runs"')
def equivalent(
    subcommand: Annotated[str, typer.Argument(help="Subcommand whose code changed: train, figure, ...")],
    reason: Annotated[str, typer.Option(help="Why its results stay the same.")],
) -> None:
    """Declare that changed code gives the same results as before; writes `config/equivalent.yaml`."""
    from spl.audit.declare import declare
    from spl.text.printable import say

    say(*declare(subcommand, reason, Path("results")))


@command(app, "spl doctor", "spl doctor config/paper.yaml", "spl doctor config/paper.yaml --profile my-site --json")
def doctor(
    study: StudyFile = DEMO,
    profile: Annotated[str, typer.Option(help="Snakemake's profile for the cluster, by name or path.")] = "slurm",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check before a campaign what it needs on this host: commit, versions, files, machine or SLURM. Submits nothing.

    The exit status is 1 if there is an error.
    """
    from spl.doctor import checkup
    from spl.doctor.site import read_profile
    from spl.doctor.storage import existing
    from spl.study.plan import make_plan
    from spl.study.reading import read_study
    from spl.text.printable import say

    started = Path.cwd()
    planned = make_plan(read_study(study))
    site, found = read_profile(profile)
    with chdir(existing(site.directory or started)):
        findings = [found, *checkup.examine(planned, started / study, site, started)]
    if as_json:
        print(json.dumps(checkup.as_content(findings), indent=1))
    else:
        say(*checkup.lines(findings))
    raise typer.Exit(0 if checkup.is_fit(findings) else 1)


@command(app, "spl findings", "spl findings results/demo")
def findings(
    results: Annotated[
        list[Path] | None, typer.Argument(help="Study results whose table of claims to publish: results/demo.")
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option(help="The study's YAML file; default: that of its name below config/.", autocompletion=studies),
    ] = None,
    archive: Annotated[
        bool, typer.Option("--archive", help="Results that are not kept count as their manifests, as of spl audit.")
    ] = False,
) -> None:
    """Write the verdicts of the tables in docs/findings/ into README.md and docs/findings.md.

    Results of a study are first compared with what its jobs made.
    """
    from spl.audit.committed import check_findings
    from spl.page.findings import write_findings
    from spl.text.printable import say

    vouched = dict[Path, str]()
    for folder in results or ():
        vouched |= check_findings(folder, study, archive)
    say(*map(str, write_findings(Path(), results or (), vouched)))


@command(app, "spl schema > config/study.schema.json")
def schema() -> None:
    """Print the JSON schema of a study, for editors; `config/study.schema.json` is a copy."""
    from spl.study.schema import Study

    print(json.dumps(Study.model_json_schema(), indent=1))
