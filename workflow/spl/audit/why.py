"""``spl audit --why``: the runs behind one number of a table, and the audit of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from spl.attempts.plain_file import check_columns, read_plain
from spl.audit import report
from spl.audit.deviations import check_registration, is_kept
from spl.audit.judging import judge
from spl.audit.planned import PlannedStudy
from spl.audit.result_files import BROKEN, read_json, read_rows
from spl.audit.results import seal_holds
from spl.audit.targets import job_names
from spl.audit.verdicts import SOUND
from spl.errors import InputError
from spl.provenance.seal import check_seal
from spl.tables.trace import Trace
from spl.text.printable import brief
from spl.text.terminal import show

# What the summary of a run says of its draws
SEEDS = ("labels", "split_seed", "split", "seed")
# How a number is addressed; VALUE where numbers of several values stand in one row and column.
FORM = "TABLE.csv:ROW,COLUMN or TABLE.csv:ROW,VALUE,COLUMN"

# Characters of all names in a table, which say what may be asked for; in a forged one they are anything.
ROOM = 2000


def audit_cell(
    study: PlannedStudy, cell: str, quick: bool, published: str | Path | None, console: Console | None
) -> bool:
    """Name the runs behind one number of a table, and audit them and the table.

    Args:
        study: with its jobs.
        cell: in the :data:`FORM`, the table by path or by name.
        quick, published: as of :func:`spl.audit.results.audit_results`.
        console: where to print the result in words; None to print JSON.

    Returns:
        whether the number and everything behind it is fresh, the seal intact, and a registration kept.

    Raises:
        InputError: there is no such table or number.
    """
    name, place = _table(study, cell)
    nodes = judge(study, [name], quick)
    summaries = [path for path in study.jobs[name].inputs if path.parent == study.results / "analysis"]
    for job in (name, *(f"analysis/{path.stem}" for path in summaries)):
        if nodes[job].verdict in (
            "missing",
            "unrecorded",
            "tampered",
            "contradictory",
        ):  # its record of runs cannot be trusted
            raise InputError(f"{job}: {nodes[job].verdict}: {brief(nodes[job].why[0], ROOM)}")
    value, runs = _number(study.results / name, place, cell)
    if unknown := [run for run in runs if f"runs/{run}" not in nodes]:
        raise InputError(f"{brief(str(unknown[0]))}: no run of {study.file}, although {name} was computed from it")
    seal = check_seal(study.results, published)
    registered = check_registration(study.file, study.study, nodes.values())
    fresh = report.is_fresh(nodes.values()) and seal_holds(seal, True, published) and is_kept(registered)
    if console is None:
        behind = {"cell": place, "value": value, "runs": [f"runs/{run}" for run in runs]}
        print(json.dumps(behind | report.as_json(nodes, seal, (), registered), indent=1))
        return fresh
    path = study.results / f"{name}.csv"
    show(console, f"{path}: {place} = {value:.10g}, from {len(runs)} run{'s' if len(runs) != 1 else ''}")
    sound = {path for node in nodes.values() if node.verdict in SOUND for path in node.files}
    known = _rows(path for path in summaries if path in sound)
    for run in runs:
        console.print(report.run_line(nodes[f"runs/{run}"], known.get(run)), soft_wrap=True)
        show(console, *(f"    starts from the final state of runs/{start}" for start in _starts(study, run)))
    for problem in report.problems(nodes.values()):
        console.print(problem, soft_wrap=True)
    show(console, *report.summary(nodes.values(), seal).splitlines(), *report.registration_lines(registered))
    return fresh


def _table(study: PlannedStudy, cell: str) -> tuple[str, str]:
    """The job of the table that a cell belongs to, and the address in it."""
    table, _, place = cell.partition(".csv:")
    names = job_names(study.jobs, f"{table}.csv", study.results)
    if not place or len(names) != 1 or not names[0].startswith("tables/"):
        raise InputError(f"{cell}: expected {FORM} with a table of {study.file}")
    return names[0], place


def _number(stem: Path, address: str, cell: str) -> tuple[float, list[str]]:
    """The value of a number and the runs behind it, which a manifest that was edited with them vouches for, too."""
    try:
        return _traced(stem, address, cell)
    except InputError:
        raise
    except BROKEN as error:
        reason = f"{type(error).__name__}: {error}"
        expected = f"expected the runs behind {stem.name}.csv, as a job writes them"
        raise InputError(f"{stem}.runs.json: {expected}: {brief(reason)}") from None


def _traced(stem: Path, address: str, cell: str) -> tuple[float, list[str]]:
    check_columns(read_plain(stem.with_suffix(".csv")))
    read_json(stem.with_suffix(".runs.json"))
    trace = Trace(stem)
    if not trace.computed:
        raise InputError(f"{cell}: {stem.name}.csv has no numbers that are computed from runs")
    try:
        line = trace.line(address)
    except InputError as error:
        example = brief(_example(trace, address))
        raise InputError(f"{brief(str(error), ROOM)}: {FORM}, such as '{stem.name}.csv:{example}'") from error
    runs = trace.runs(line)
    if not runs:
        raise InputError(f"{cell}: no run is behind this number")
    return float(trace.tidy["value"].iloc[line]), runs


def _example(trace: Trace, address: str) -> str:
    """The shortest address in a table, of the column that was asked for if it is there."""
    column = address.rpartition(",")[2].strip()
    asked = [line for line, name in enumerate(trace.tidy["quantity"]) if name == column]
    return min(map(trace.address, asked or range(len(trace.tidy))), key=lambda text: text.count(","))


def _starts(study: PlannedStudy, run: str) -> Iterator[str]:
    """The run from whose final state a run starts, the one from which that run starts, and so on."""
    while run := study.jobs[f"runs/{run}"].content["start"]:
        yield run


def _rows(summaries: Iterable[Path]) -> dict[str, dict[str, str]]:
    """What summaries say of errors and seeds, by run; in an archive, nothing else may tell whether that is possible."""
    found = dict[str, dict[str, str]]()
    for path in summaries:
        with suppress(*BROKEN):
            for row in read_rows(path):
                percent = {"error": f"{100 * float(row['error_last']):.2f}"}
                found[row["run"]] = percent | {name: row[name] for name in SEEDS}
    return found
