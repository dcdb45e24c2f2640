"""The command ``spl audit``: find the study, judge its results, and print the verdicts."""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.text import Text

from spl.campaign.job import Job
from spl.campaign.jobs import jobs
from spl.campaign.plan_file import write_plan_file
from spl.errors import InputError
from spl.paper.selection import exhibits
from spl.provenance import report
from spl.provenance.deviations import check_registration, is_kept
from spl.provenance.digests import digests, read_agreed, write_agreed
from spl.provenance.files import digest
from spl.provenance.published import listing
from spl.provenance.seal import Seal, check_seal
from spl.provenance.verdicts import Node, audit, orphans, recorded_output, upstream_of
from spl.study.files import RUN_FILES
from spl.study.plan import make_plan
from spl.study.reading import read_study
from spl.study.schema import Study

DEFAULT = Path("config/demo.yaml")
# Options with which a rich console prints text as it is.
PLAIN: Any = {"highlight": False, "markup": False, "soft_wrap": True}


@dataclass(frozen=True)
class PlannedStudy:
    """A study: its file, its content, its jobs by name, the folder of its results, and whether that is an archive."""

    file: Path
    study: Study
    jobs: Mapping[str, Job]
    results: Path
    archive: bool = False


def plan_study(study: Path | None, target: str | None = None, archive: bool = False) -> PlannedStudy:
    """Plan the jobs of a study: its file, or that below ``config/`` to whose results the target belongs, or the demo.

    Raises:
        InputError: the study cannot be planned.
    """
    path = study or _study_of(target) or DEFAULT
    plan = make_plan(read_study(path))
    planned = jobs(plan, exhibits(plan, str(path)))
    return PlannedStudy(path, plan.study, planned, Path("results") / plan.study.name, archive)


def _study_of(target: str | None) -> Path | None:
    parts = Path(target or "").parts
    if len(parts) < 2 or parts[0] != "results":
        return None
    matches = [path for path in sorted(Path("config").glob("*.yaml")) if _name(path) == parts[1]]
    if len(matches) != 1:
        several = " and ".join(map(str, matches)) or "no study below config/"
        verb = "are" if matches else "is"
        raise InputError(f"{target}: {several} {verb} called {parts[1]}; choose a file with --study")
    return matches[0]


def _name(path: Path) -> str | None:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None  # the reader of studies reports it, if it is the one meant
    return content.get("name") if isinstance(content, dict) else None


def audit_results(
    study: PlannedStudy, targets: list[str], quick: bool, published: str | Path | None, console: Console | None
) -> bool:
    """Audit targets, or all results of a study, and print the verdicts and the commands that repair the results.

    Args:
        study: with its jobs.
        targets: names or paths; [] for everything, orphans and the seal included.
        quick: as in :func:`spl.provenance.digests.digests`.
        published: as in :func:`spl.provenance.seal.check_seal`.
        console: where to print; None to print JSON.

    Returns:
        whether everything is fresh, the seal intact, and the registration, if there is one, kept.

    Raises:
        InputError: a target is neither a result of the study nor a file among its results.
    """
    if any(Path(target) in (study.results, Path()) for target in targets):
        targets = []
    names, strays = _chosen(study, targets)
    nodes = {node.name: node for node in (*judge(study, names, quick).values(), *strays)}
    seal = check_seal(study.results, published)
    registered = check_registration(study.file, study.study, nodes.values())
    commands = _repair(study, nodes, seal, names if targets else [])
    if console is None:
        print(json.dumps(report.as_json(nodes, seal, commands, registered), indent=1))
    else:
        if targets:
            console.print(report.tree(nodes, [*names, *(node.name for node in strays)]), soft_wrap=True)
        else:
            for line in report.problems(nodes.values()):
                console.print(line, soft_wrap=True)
        console.print(report.summary(nodes.values(), seal), **PLAIN)
        for line in (*report.repository_lines(nodes.values()), *report.registration_lines(registered)):
            console.print(line, **PLAIN)
        for command in commands:
            console.print(Text(f"  {command}", "bold"), soft_wrap=True)
    return report.is_fresh(nodes.values()) and seal_holds(seal, bool(targets), published) and is_kept(registered)


def _repair(study: PlannedStudy, nodes: Mapping[str, Node], seal: Seal, names: list[str]) -> list[str]:
    """The commands that make jobs fresh, by their names; all jobs of the study if there are none."""
    records = Path(".snakemake/metadata")
    return list(
        report.repair(
            nodes.values(),
            study=str(study.file),
            default=str(DEFAULT),
            results=study.results,
            touch=not records.is_dir() or not any(records.iterdir()),
            targets=[study.jobs[name].outputs[0] for name in names],
            forged={
                name
                for name, job in study.jobs.items()
                if str(job.manifest.relative_to(study.results)) in seal.unvouched
            },
            unsealed=seal.state in ("broken", "missing"),
        )
    )


def seal_holds(seal: Seal, in_part: bool, published: str | Path | None) -> bool:
    """Whether a seal is intact and not wrongly signed; parts of a study without a page need none, unless published."""
    if seal.signature.state == "wrong":
        return False
    return seal.state == "intact" or (in_part and published is None and seal.state == "absent")


def listing_of(study: PlannedStudy) -> dict[str, str]:
    """The sha256 of each job's present results: see :func:`spl.provenance.published.listing`.

    Raises:
        InputError: a result is missing.
    """
    sha256 = digests((path for job in study.jobs.values() for path in job.outputs), _cache(study), quick=False)
    return listing(study.jobs, sha256.__getitem__)


def _cache(study: PlannedStudy) -> Path:
    return study.results / "logs" / "digests.json"


def _chosen(study: PlannedStudy, targets: list[str]) -> tuple[list[str], list[Node]]:
    """The names of the jobs that targets denote, and the orphans among them; everything without targets."""
    strays = list(orphans(study.jobs, study.results))
    if not targets:
        return list(study.jobs), strays
    names, chosen = dict[str, None](), []
    for target in targets:
        matches = report.job_names(study.jobs, target, study.results)
        places = Path(target), study.results / target
        own = [node for node in strays if any(_overlap(Path(node.name), place) for place in places)]
        if not matches and not own:
            near = difflib.get_close_matches(target, [Path(name).name for name in study.jobs], 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise InputError(f"{target}: no result of {study.file} (--study for another study){hint}")
        names |= dict.fromkeys(matches)
        chosen += own
    return list(names), chosen


def _overlap(first: Path, second: Path) -> bool:
    """Whether one path lies below the other, or is the other."""
    return first.is_relative_to(second) or second.is_relative_to(first)


def judge(study: PlannedStudy, names: list[str], quick: bool) -> dict[str, Node]:
    """The verdicts on jobs and on all jobs upstream of them, by name."""
    chosen = upstream_of(study.jobs, names)
    paths = (path for job in chosen.values() for path in (*job.outputs, *job.inputs))
    sha256 = digests(paths, _cache(study), quick)
    memory = study.results / "logs" / "agreed.json"
    agreed = read_agreed(memory) if quick else set[str]()
    nodes = audit(chosen, sha256.__getitem__, study.archive, agreed)
    write_agreed(memory, agreed)
    return nodes


def audit_rerun(study: PlannedStudy, run: str, console: Console) -> bool:
    """Train a run again, in a temporary folder, and compare the outcome with the results.

    Of results that are not kept, the manifest has the sha256.

    Args:
        study: with its jobs.
        run: its path, from ``runs/`` on or whole.
        console: where to print.

    Returns:
        whether all inputs are fresh and the outcome is the same: all bytes on a CPU; on a GPU, where results may differ
        between models and drivers, last errors that differ by :data:`TOLERANCE` at most.

    Raises:
        InputError: there is no such run, its inputs are missing, or its results and their manifest are, or training
            fails.
    """
    matches = [name for name in report.job_names(study.jobs, run, study.results) if name.startswith("runs/")]
    if len(matches) != 1:
        raise InputError(f"{run}: expected the path of one run of {study.file}, found {len(matches)}")
    job = study.jobs[matches[0]]
    if absent := [str(path) for path in job.inputs if not path.is_file()]:
        raise InputError(
            f"{absent[0]}: missing; make it with `{report.snakemake(absent, str(study.file), str(DEFAULT))}`"
        )
    sha256 = {path.name: digest(path) if path.is_file() else recorded_output(job, path) for path in job.outputs}
    upstream = judge(study, [job.name], quick=False)
    del upstream[job.name]
    wrong = [node for node in upstream.values() if node.verdict not in report.SOUND]
    for line in report.problems(wrong):
        console.print(line, soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        _train_again(job, run, Path(folder))
        same, outcome = _compare(job, sha256, Path(folder) / "run")
    if wrong:
        same, outcome = False, f"{outcome}, from inputs that are not fresh"
    console.print(f"{'✓' if same else '✗'} {job.name}: {outcome}", **PLAIN)
    return same


def _train_again(job: Job, run: str, folder: Path) -> None:
    outputs = tuple(folder / "run" / path.name for path in job.outputs)
    plan_file = write_plan_file({job.name: replace(job, outputs=outputs)}, {}, folder)
    command = [str(Path(sys.executable).parent / "spl"), "train", str(plan_file), job.name]
    command += ["--checkpoints", str(folder / "checkpoints")]
    # 2: standard error, whatever sys.stderr is at present.
    done = subprocess.run(command, env=os.environ | {"SLURM_JOB_ID": ""}, stdout=2)
    if done.returncode:
        raise InputError(f"{run}: training it again failed with status {done.returncode}")


def _compare(job: Job, sha256: Mapping[str, str], again: Path) -> tuple[bool, str]:
    """Whether a run trained again is the same run, and the comparison in words; ``sha256`` is of its files before."""
    before = job.outputs[0].parent
    differing = [name for name in RUN_FILES if digest(again / name) != sha256[name]]
    if not differing:
        return True, "the same bytes"
    if not (before / METRICS).is_file():
        return False, f"{', '.join(differing)} differ from what the manifest records"
    then, now = _last_error(before), _last_error(again)
    outcome = f"{', '.join(differing)} differ; last error {100 * then:.2f} % before, {100 * now:.2f} % again"
    on_gpu = job.content["settings"]["device"] == "cuda"
    if on_gpu and abs(then - now) <= TOLERANCE:
        return True, f"{outcome}, within {100 * TOLERANCE:g} points"
    return False, outcome


METRICS = "metrics.csv"
# Difference of the last error, between 0 and 1, up to which two runs on GPUs count as equal.
TOLERANCE = 0.005


def _last_error(run: Path) -> float:
    import pandas as pd

    return float(pd.read_csv(run / METRICS)["test_error"].iloc[-1])
