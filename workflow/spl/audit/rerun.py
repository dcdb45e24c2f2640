"""``spl audit --rerun``: jobs are done again in a temporary folder, and the outcome is compared byte for byte.

What agrees was computed by this code from these inputs, whoever wrote its manifest. Training takes hours, so that a
reviewer repeats a sample of the runs that nobody could foresee; everything else takes seconds for each job.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Container, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest
from pathlib import Path

import numpy as np
from rich.console import Console

from spl.audit import report
from spl.audit.crate_check import why_no_commands
from spl.audit.judging import judge
from spl.audit.planned import DEFAULT, PlannedStudy
from spl.audit.repair import snakemake
from spl.audit.result_files import BROKEN, read_measurements
from spl.audit.results import chosen_jobs
from spl.audit.sampling import what_a_sample_proves
from spl.audit.targets import job_names
from spl.audit.verdicts import recorded_output, upstream_of
from spl.campaign.here import cores_here
from spl.campaign.job import Job, canonical
from spl.campaign.plan_file import write_plan_file
from spl.campaign.rates import find_rates, read_rates, workload
from spl.campaign.requests import run_requests
from spl.data.ranking import ranked
from spl.errors import InputError
from spl.provenance.files import digest
from spl.provenance.links import link_problem, linked_jobs
from spl.provenance.manifest import read_manifest
from spl.provenance.progress import with_progress
from spl.text.terminal import show

METRICS = "metrics.csv"
# Difference of the last error, between 0 and 1, up to which two runs on GPUs count as equal.
TOLERANCE = 0.005
# Endings of results whose first line that differs is named
LINES = (".csv", ".md", ".tex", ".json", ".html")


@dataclass(frozen=True)
class Repetition:
    """A job that was to be done again.

    Attributes:
        name: of the job.
        same: whether the outcome is the same: all bytes, or on a GPU, where results may differ between models and
            drivers, last errors that differ by :data:`TOLERANCE` at most; None if it was left out, without inputs.
        words: the comparison in words.
    """

    name: str
    same: bool | None
    words: str


def rerun_one(study: PlannedStudy, target: str, console: Console) -> bool:
    """Do one job again and compare; returns whether its inputs are fresh and its results the same.

    Args:
        study: with its jobs.
        target: the job's name, or the path of a result or of its manifest.
        console: where to print.

    Raises:
        InputError: the target is not one job, an input is missing, neither a result nor its manifest is there, or the
            job fails.
    """
    names = job_names(study.jobs, target, study.results)
    if len(names) != 1:
        raise InputError(f"{target}: expected one result of {study.file} to compute again, found {len(names)}")
    job = study.jobs[names[0]]
    if absent := _absent(job):
        made = {str(path) for other in study.jobs.values() for path in other.outputs}
        if absent[0] not in made:
            raise InputError(f"{job.name}: not computed again and not compared, since {absent[0]} is not here")
        if why := why_no_commands(None):
            raise InputError(f"{absent[0]}: missing; no commands are advised: {why}")
        command = snakemake(absent, str(study.file), str(DEFAULT))
        raise InputError(f"{absent[0]}: missing; make it with `{command}`")
    sound = _print_upstream(study, names, console)
    repetition = _repeat(job, loud=job.subcommand == "train")
    words = repetition.words if sound else f"{repetition.words}, from inputs that are not fresh"
    same = bool(repetition.same) and sound
    show(console, f"{'✓' if same else '✗'} {job.name}: {words}")
    return same


def rerun_all_but_training(study: PlannedStudy, targets: list[str], console: Console) -> bool:
    """Do all jobs again that train nothing; returns whether all results are the same and all runs fresh.

    Args:
        study: with its jobs. Those whose raw data are not on this machine are left out; in an archive, those without
            any of their inputs.
        targets: results with everything upstream of them; [] for the whole study.
        console: where to print.
    """
    jobs = upstream_of(study.jobs, chosen_jobs(study, targets))
    cheap = [job for job in jobs.values() if job.subcommand != "train"]
    sound = _print_upstream(study, [job.name for job in cheap], console)
    made = {path for job in study.jobs.values() for path in job.outputs}
    with ThreadPoolExecutor(_cores()) as pool:
        repeated = pool.map(partial(_attempt, needed=set() if study.archive else made), cheap)
        repetitions = list(with_progress(repeated, len(cheap), "computing results again"))
    for repetition in repetitions:
        if not repetition.same:
            show(console, f"{'–' if repetition.same is None else '✗'} {repetition.name}: {repetition.words}")
    done = [repetition for repetition in repetitions if repetition.same is not None]
    same = sum(bool(repetition.same) for repetition in done)
    kinds = Counter(job.subcommand for job, one in zip(cheap, repetitions, strict=True) if one.same is None)
    parts = [f"{same} of {len(done)} jobs have the same bytes as before"]
    if kinds:
        listed = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        parts.append(f"{kinds.total()} left out, whose inputs are not here ({listed})")
    parts += [f"{len(jobs) - len(cheap)} training runs were not repeated"]
    show(console, "; ".join(parts))
    return sound and same == len(done)


def rerun_sampled_runs(study: PlannedStudy, targets: list[str], count: int, seed: int, console: Console) -> bool:
    """Train runs again that a seed draws, without replacement; returns whether all are the same, from fresh inputs.

    Args:
        study: with its jobs.
        targets: results upstream of which runs are drawn; [] for all runs of the study.
        count: number of runs. More runs of the same seed contain these.
        seed: of the draw, which is the same on every machine.
        console: where to print the runs, the comparison of each, and what it proves.

    Raises:
        InputError: there are fewer runs.
    """
    jobs = upstream_of(study.jobs, chosen_jobs(study, targets))
    runs = sorted(name for name, job in jobs.items() if job.subcommand == "train")
    if not 1 <= count <= len(runs):
        raise InputError(f"--rerun-sample {count}: expected 1 to {len(runs)}, the number of runs to draw from")
    drawn = [runs[index] for index in ranked("audit", seed, np.arange(len(runs)), runs)]
    drawn = drawn[:count]
    chosen = [study.jobs[name] for name in drawn]
    at_once = min(count, _runs_at_once(chosen))
    show(console, f"{count} of {len(runs)} runs, drawn by seed {seed}, {_duration(study, drawn, at_once)}:")
    for name in drawn:
        show(console, f"  {name}")
    sound = _print_upstream(study, drawn, console)
    repetitions = []
    with ThreadPoolExecutor(at_once) as pool:
        for repetition in pool.map(_attempt, chosen):
            show(console, f"{'✓' if repetition.same else '✗'} {repetition.name}: {repetition.words}")
            repetitions.append(repetition)
    if wrong := sum(not repetition.same for repetition in repetitions):
        show(console, f"{wrong} of {count} runs are not what training gives")
    elif not sound:
        show(console, f"{count} runs reproduced, from inputs that are not fresh")
    else:
        show(console, what_a_sample_proves(len(runs), count))
    return sound and not wrong


def _print_upstream(study: PlannedStudy, names: Sequence[str], console: Console) -> bool:
    """Audit the jobs upstream of those that are repeated; whether all of them are sound.

    Prints what is wrong, and notes such as that raw data are not here.
    """
    upstream = [node for name, node in judge(study, list(names), quick=False).items() if name not in names]
    for line in report.problems(upstream):
        console.print(line, soft_wrap=True)
    return report.is_fresh(upstream)


def _absent(job: Job) -> list[str]:
    return [str(path) for path in job.inputs if not path.exists()]


def _attempt(job: Job, needed: Container[Path] | None = None) -> Repetition:
    """Repeat a job; a failure is an outcome, too. Without an input that is not ``needed``, the job is left out."""
    if needed is not None and (absent := [path for path in _absent(job) if Path(path) not in needed]):
        return Repetition(job.name, None, f"left out, since {absent[0]} is not here")
    try:
        return _repeat(job)
    except InputError as error:
        return Repetition(job.name, False, str(error))


def _repeat(job: Job, loud: bool = False) -> Repetition:
    """Do a job again in a temporary folder and compare its results; of those that are not kept, with their manifest.

    Raises:
        InputError: an input is missing, neither a result nor its manifest is there, a folder or a link is in the place
            of a result, a result cannot be read or has no end, or the job fails.
    """
    if links := linked_jobs({job.name: job}):
        raise InputError(link_problem(links[job.name][0]))
    if absent := _absent(job):
        raise InputError(f"{absent[0]} is missing")
    if strange := [path for path in job.reproducible if path.exists() and not path.is_file()]:
        raise InputError(f"{strange[0]}: expected a file or nothing")
    before = {path: _digest_before(job, path) for path in job.reproducible}
    with tempfile.TemporaryDirectory() as folder:
        again = {path: Path(folder) / "again" / path.name for path in job.outputs}
        _do_again(job, tuple(again.values()), Path(folder), loud)
        differing = [path for path in job.reproducible if digest(again[path]) != before[path]]
        if not differing:
            return Repetition(job.name, True, "the same bytes")
        if job.subcommand == "train":
            return _compare_runs(job, [path.name for path in differing], again[job.outputs[0]].parent)
        return Repetition(job.name, False, "; ".join(_difference(path, again[path]) for path in differing))


def _digest_before(job: Job, path: Path) -> str:
    """The sha256 of a result, or what its manifest records if it is not kept."""
    try:
        return digest(path) if path.is_file() else recorded_output(job, path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def _do_again(job: Job, outputs: tuple[Path, ...], folder: Path, loud: bool) -> None:
    """Do a job as a rule does, but with other outputs.

    Raises:
        InputError: it fails.
    """
    plan_file = write_plan_file({job.name: replace(job, outputs=outputs)}, {}, folder)
    command = [str(Path(sys.executable).parent / "spl"), job.subcommand, str(plan_file), job.name]
    if job.subcommand == "train":
        command += ["--checkpoints", str(folder / "checkpoints")]
    environment = os.environ | {"SLURM_JOB_ID": ""}
    # 2: standard error, whatever sys.stderr is at present.
    streams = {"stdout": 2, "stderr": None} if loud else {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    done = subprocess.run(command, env=environment, text=True, errors="replace", **streams)
    if done.returncode:
        message = (done.stderr or "").strip().splitlines()[-1:]
        raise InputError(": ".join([f"{job.name}: computing it again failed with status {done.returncode}", *message]))


def _difference(before: Path, again: Path) -> str:
    """A result that differs, and from which line on."""
    if not before.is_file():
        return f"{before.name} differs from what the manifest records"
    if before.suffix not in LINES:
        return f"{before.name} differs"
    lines = zip_longest(before.read_bytes().splitlines(), again.read_bytes().splitlines())
    first = next((number for number, (old, new) in enumerate(lines, 1) if old != new), None)
    return f"{before.name} differs" + (f" from line {first} on" if first else " in ends of lines")


def _compare_runs(job: Job, differing: Sequence[str], again: Path) -> Repetition:
    """A run that was trained again with a different outcome."""
    before = job.outputs[0].parent
    if not (before / METRICS).is_file():
        return Repetition(job.name, False, f"{', '.join(differing)} differ from what the manifest records")
    then, now = _last_error(before), _last_error(again)
    words = f"{', '.join(differing)} differ"
    if then is None or now is None:
        return Repetition(job.name, False, words)
    words = f"{words}; last error {100 * then:.2f} % before, {100 * now:.2f} % again"
    on_gpu = job.content["settings"]["device"] == "cuda"
    if on_gpu and abs(then - now) <= TOLERANCE:
        return Repetition(job.name, True, f"{words}, within {100 * TOLERANCE:g} points")
    return Repetition(job.name, False, words)


def _last_error(run: Path) -> float | None:
    """The last error of a run; None if its metrics are not such a table."""
    with suppress(*BROKEN):
        return read_measurements(run / METRICS, ("test_error",))["test_error"][-1]
    return None


def _cores() -> int:
    return cores_here(os.cpu_count() or 1)


def _runs_at_once(jobs: Sequence[Job]) -> int:
    """How many runs may be trained at the same time: those on GPUs one after the other."""
    settings = [job.content["settings"] for job in jobs]
    if any(one["device"] == "cuda" for one in settings):
        return 1
    return max(1, _cores() // max(int(one["threads"] * one["processes"]) for one in settings))


def _duration(study: PlannedStudy, names: Sequence[str], at_once: int) -> str:
    """How long runs will take, in words: by the rates that were measured here, or by what their manifests record."""
    file, measured = _measured_seconds(study, names)
    seconds = [_recorded_seconds(study.jobs[name]) for name in names] if None in measured else measured
    known = [number for number in seconds if number]
    if len(known) < len(names):
        return "which take an unknown time"
    hours = max(sum(known) / at_once, *known) / 3600
    words = f"{_rounded(hours)} hours" if hours >= 1 else f"{_rounded(60 * hours)} minutes"
    return f"about {words}, {'as their manifests record' if None in measured else f'at the rates in {file}'}"


def _measured_seconds(study: PlannedStudy, names: Sequence[str]) -> tuple[Path | None, list[float | None]]:
    """The file of rates among the results, and the seconds of each run by these; None where nothing was measured."""
    file, rates = None, dict[str, float]()
    with suppress(InputError):  # rates of several devices, or none
        if file := find_rates(study.results):
            rates = read_rates(file).by_workload
    requests, runs = run_requests(study.plan), study.plan.runs
    paths = [name.removeprefix("runs/") for name in names]
    steps = [runs[path].settings["stop"] or runs[path].settings["steps"] for path in paths]
    found = [rates.get(canonical(workload(study.plan, path, requests[path]))) for path in paths]
    return file, [rate and number / rate for number, rate in zip(steps, found, strict=True)]


def _recorded_seconds(job: Job) -> float | None:
    """Seconds of all attempts at a run, as its manifest records them; None without such a record."""
    try:
        return sum(float(attempt["seconds"]) for attempt in read_manifest(job.manifest).attempts)
    except (InputError, OSError, LookupError, TypeError, ValueError):
        return None


def _rounded(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}"
