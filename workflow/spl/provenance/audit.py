"""What ``spl audit`` does with a study: finds it, judges its results, and says so."""

from __future__ import annotations

import base64
import difflib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.text import Text

from spl.campaign.jobs import Job, jobs
from spl.errors import InputError
from spl.paper.selection import exhibits
from spl.provenance import report
from spl.provenance.digests import digests
from spl.provenance.files import digest
from spl.provenance.seal import Seal, check_seal, results_digest
from spl.provenance.verdicts import Node, audit, orphans, upstream_of
from spl.study.files import RUN_FILES
from spl.study.plan import make_plan
from spl.study.reading import read_study

DEFAULT = Path("config/demo.yaml")
PLAIN: Any = {"highlight": False, "markup": False, "soft_wrap": True}
"""How a console prints text in which brackets are brackets."""


@dataclass(frozen=True)
class Audited:
    """A study, its jobs by name, and the folder of its results."""

    study: Path
    jobs: Mapping[str, Job]
    results: Path


def read_audited(study: Path | None, target: str | None = None) -> Audited:
    """Find a study and what makes its results.

    Args:
        study: its file; None for the one below ``config/`` to whose results a target belongs, the demo's without any.
        target: a path or a name.

    Raises:
        InputError: the study cannot be planned.
    """
    path = study or _study_of(target) or DEFAULT
    plan = make_plan(read_study(path))
    return Audited(path, jobs(plan, exhibits(plan, str(path))), Path("results") / plan.study.name)


def _study_of(target: str | None) -> Path | None:
    parts = Path(target or "").parts
    if len(parts) < 2 or parts[0] != "results":
        return None
    named = (path for path in sorted(Path("config").glob("*.yaml")) if _name(path) == parts[1])
    found = list(named)
    if len(found) != 1:
        several = " and ".join(map(str, found)) or "no study below config/"
        raise InputError(f"{target}: {several} {'are' if found else 'is'} called {parts[1]}; say which with --study")
    return found[0]


def _name(path: Path) -> str | None:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None  # whoever means it is told when it is read
    return content.get("name") if isinstance(content, dict) else None


def audit_results(
    about: Audited, targets: list[str], quick: bool, published: str | None, console: Console | None
) -> bool:
    """Audit targets, or all results of a study, and say what was found.

    Args:
        about: the study.
        targets: names or paths; [] for everything, orphans and the seal included.
        quick: as of :func:`spl.provenance.digests.digests`.
        published: as of :func:`spl.provenance.seal.check_seal`.
        console: where to say it in words; None to print JSON.

    Returns:
        whether all is fresh, and the seal is as it should be.

    Raises:
        InputError: a target is no result of the study, and not among its results.
    """
    if any(Path(target) in (about.results, Path()) for target in targets):
        targets = []
    wanted, strays = _wanted(about, targets)
    nodes = {node.name: node for node in (*_judged(about, wanted, quick).values(), *strays)}
    seal = check_seal(about.results, published)
    sealed = _holds(seal, bool(targets), published)
    asked = [about.jobs[name].outputs[0] for name in wanted] if targets else []
    unsealed = {
        name for name, job in about.jobs.items() if str(job.manifest.relative_to(about.results)) in seal.changed
    }
    study, remembered = str(about.study), _remembered(about.results)
    commands = list(report.repair(nodes.values(), study, str(DEFAULT), about.results, remembered, asked, unsealed))
    if console is None:
        print(json.dumps(report.as_json(nodes, seal, commands), indent=1))
        return report.is_fresh(nodes.values()) and sealed
    if targets:
        console.print(report.tree(nodes, [*wanted, *(node.name for node in strays)]), soft_wrap=True)
    else:
        for line in report.problems(nodes.values()):
            console.print(line, soft_wrap=True)
    console.print(report.summary(nodes.values(), seal), **PLAIN)
    for command in commands:
        console.print(Text(f"  {command}", "bold"), soft_wrap=True)
    return report.is_fresh(nodes.values()) and sealed


def _holds(seal: Seal, in_part: bool, published: str | None) -> bool:
    """Whether a seal is as it should be; a part of a study may have none as yet, unless one was published."""
    return seal.state == "intact" or (in_part and published is None and seal.state == "absent")


def digest_of(about: Audited) -> str:
    """The digest of a study's results, as :func:`spl.provenance.seal.results_digest` makes it of their present bytes.

    Raises:
        InputError: a result is not there.
    """
    found = digests((path for job in about.jobs.values() for path in job.outputs), _memory(about), quick=False)
    return results_digest(about.jobs.values(), found.__getitem__, about.results)


def _remembered(results: Path) -> bool:
    """Whether Snakemake remembers here that it made results of this study: by their paths, in base64."""
    whole = base64.b64encode(str(results).encode()[: len(str(results)) // 3 * 3]).decode()
    return any(Path(".snakemake/metadata").glob(f"{whole}*"))


def _memory(about: Audited) -> Path:
    return about.results / "logs" / "digests.json"


def _wanted(about: Audited, targets: list[str]) -> tuple[list[str], list[Node]]:
    """Names of the jobs that are asked for, and the orphans among what is asked for."""
    strays = list(orphans(about.jobs, about.results))
    if not targets:
        return list(about.jobs), strays
    names, asked = dict[str, None](), []
    for target in targets:
        found = report.matching(about.jobs, target, about.results)
        places = Path(target), about.results / target
        own = [node for node in strays if any(_same_place(Path(node.name), place) for place in places)]
        if not found and not own:
            near = difflib.get_close_matches(target, [Path(name).name for name in about.jobs], 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise InputError(f"{target}: no result of {about.study} (--study for another one){meant}")
        names |= dict.fromkeys(found)
        asked += own
    return list(names), asked


def _same_place(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def _judged(about: Audited, wanted: list[str], quick: bool) -> dict[str, Node]:
    chosen = upstream_of(about.jobs, wanted)
    paths = (path for job in chosen.values() for path in (*job.outputs, *job.inputs))
    found = digests(paths, _memory(about), quick)
    return audit(chosen, found.__getitem__)


def audit_cell(about: Audited, cell: str, quick: bool, published: str | None, console: Console | None) -> bool:
    """Name the runs behind one number of a table, and audit them and the table.

    Args:
        about: the study.
        cell: "TABLE.csv:ROW,COLUMN", the table by path or by name.
        quick, published: as of :func:`audit_results`.
        console: where to say it in words; None to print JSON.

    Returns:
        whether the number and all behind it is fresh, and the seal is as it should be.

    Raises:
        InputError: there is no such table or number.
    """
    import pandas as pd

    from spl.methods.methods import METHODS
    from spl.provenance.cells import rows_behind, runs_behind, select

    table, _, place = cell.partition(".csv:")
    names = report.matching(about.jobs, table, about.results)
    if not place or len(names) != 1 or not names[0].startswith("tables/"):
        raise InputError(f"{cell}: expected TABLE.csv:ROW,COLUMN with a table of {about.study}")
    [name] = names
    nodes = _judged(about, [name], quick)
    path = about.results / f"{name}.csv"
    summaries = [one for one in about.jobs[name].inputs if one.parent == about.results / "analysis"]
    for one in (name, *(f"analysis/{summary.stem}" for summary in summaries)):
        if nodes[one].verdict in ("missing", "unrecorded", "tampered"):  # what no job wrote names no runs
            raise InputError(f"{one}: {nodes[one].verdict}: {nodes[one].why[0]}")
    given = json.loads(about.jobs[name].parameter)["given"]
    titles = given.get("titles", {})
    tidy = pd.read_csv(path)
    if not {"quantity", "value"} <= set(tidy):
        raise InputError(f"{cell}: {path.name} has no numbers that are computed from runs; each line names its own")
    row = select(tidy, place, path.name)
    rows = rows_behind(tidy, row, titles.get(given.get("baseline")))
    runs = runs_behind(rows, map(pd.read_csv, summaries), {key: method.title for key, method in METHODS.items()})
    if not runs:
        raise InputError(f"{cell}: no run is known to be behind this number")
    if unknown := [run for run in runs if f"runs/{run}" not in nodes]:
        raise InputError(f"{unknown[0]}: no run of {about.study}, says {' or '.join(map(str, summaries))}")
    seal = check_seal(about.results, published)
    fresh = report.is_fresh(nodes.values()) and _holds(seal, True, published)
    if console is None:
        behind = {"cell": place, "value": float(row["value"]), "runs": [f"runs/{run}" for run in runs]}
        print(json.dumps(behind | report.as_json(nodes, seal, ()), indent=1))
        return fresh
    console.print(f"{path}: {place} = {row['value']:.10g}, from {len(runs)} runs", **PLAIN)
    for run, known in runs.items():
        console.print(report.run_line(nodes[f"runs/{run}"], known), soft_wrap=True)
    for line in report.problems(nodes.values()):
        console.print(line, soft_wrap=True)
    console.print(report.summary(nodes.values(), seal), **PLAIN)
    return fresh


def audit_rerun(about: Audited, run: str, console: Console) -> bool:
    """Train a run again, elsewhere, and compare what comes out with what is there.

    Args:
        about: the study.
        run: its path, below ``runs/`` or whole.
        console: where to say it.

    Returns:
        whether all that it reads is fresh, and it came out the same: all bytes on a CPU; on a GPU, where results may
        differ between models and drivers, an error within :data:`TOLERANCE` at the end.

    Raises:
        InputError: there is no such run, or it cannot be trained.
    """
    matches = [name for name in report.matching(about.jobs, run, about.results) if name.startswith("runs/")]
    if len(matches) != 1:
        raise InputError(f"{run}: expected the path of one run of {about.study}, found {len(matches)}")
    job = about.jobs[matches[0]]
    if absent := [path for path in (*job.inputs, *job.outputs) if not path.is_file()]:
        raise InputError(f"{absent[0]}: is not there; nothing to compare")
    before = _judged(about, [matches[0]], quick=False)
    wrong = [node for name, node in before.items() if name != matches[0] and node.verdict != "fresh"]
    for line in report.problems(wrong):
        console.print(line, soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / "run"
        data, *files = job.inputs[0].parent, *map(str, job.inputs[2:])
        command = [str(Path(sys.executable).parent / "spl"), "train", "--parameter", job.parameter, str(data), *files]
        command += ["--output", str(again), "--checkpoints", f"{folder}/checkpoints"]
        done = subprocess.run(command, env=os.environ | {"SLURM_JOB_ID": ""}, stdout=sys.stderr)
        if done.returncode:
            raise InputError(f"{run}: training it again ended with status {done.returncode}")
        differing = [name for name in RUN_FILES if digest(again / name) != digest(job.outputs[0].parent / name)]
        if not differing:
            told = (
                "the same bytes"
                if not wrong
                else "the same bytes, from the same inputs: these are not as they should be"
            )
            console.print(f"{'✗' if wrong else '✓'} {matches[0]}: {told}", **PLAIN)
            return not wrong
        then, now = (_last_error(path) for path in (job.outputs[0].parent, again))
    on_gpu = json.loads(job.parameter)["settings"]["device"] == "cuda"
    close = on_gpu and abs(then - now) <= TOLERANCE and not wrong
    told = f"{', '.join(differing)} differ; last error {100 * then:.2f} % there, {100 * now:.2f} % again"
    within = f", within {100 * TOLERANCE:g} points" if close else ""
    console.print(f"{'✓' if close else '✗'} {matches[0]}: {told}{within}", **PLAIN)
    return close


TOLERANCE = 0.005
"""Of the last error, a share, between two trainings on GPUs that count as equal."""


def _last_error(run: Path) -> float:
    import pandas as pd

    return float(pd.read_csv(run / "metrics.csv")["test_error"].iloc[-1])
