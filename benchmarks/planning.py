"""How fast Snakemake plans a study: beside as many empty jobs, in turn, so that the ratios hold on any machine."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import yaml

from report import report
from spl.errors import InputError
from spl.study.plan import Plan, make_plan
from spl.study.reading import check_study, read_yaml

SNAKEFILE = Path(__file__).parents[1] / "workflow" / "Snakefile"
PAPER = Path(__file__).parents[1] / "config" / "paper.yaml"
DRAWN = "basins-scarce-labels"
"""The figure that is redrawn: every study with scarce labels has it."""

BARE = """
rule all:
    input: [f"item/{{item}}" for item in range({items})]

rule split:
    output: "split/{{split}}"
    params: lambda wildcards: wildcards.split
    shell: "touch {{output}}"

rule train:
    input: lambda wildcards: f"split/{{int(wildcards.run) % {splits}}}"
    output: "run/{{run}}"
    params: lambda wildcards: wildcards.run
    shell: "touch {{output}}"

rule analyse:
    input: lambda wildcards: [f"run/{{run}}" for run in range(int(wildcards.analysis), {runs}, {analyses})]
    output: "analysis/{{analysis}}"
    params: lambda wildcards: wildcards.analysis
    shell: "touch {{output}}"

rule item:
    input: lambda wildcards: f"analysis/{{int(wildcards.item) % {analyses}}}"
    output: "item/{{item}}"
    params: lambda wildcards: wildcards.item
    shell: "touch {{output}}"
"""
"""A workflow of the same shape without content: items in the place of figures, tables and all else."""


@dataclass(frozen=True)
class _Workflow:
    """A workflow whose results lie in a folder of their own; ``options`` are Snakemake's."""

    folder: Path
    options: tuple[str, ...]

    def snakemake(self, *arguments: str) -> str:
        """Run Snakemake; what it printed.

        Raises:
            InputError: it failed.
        """
        command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "1", *self.options]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        if done.returncode:
            raise InputError(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def jobs(self) -> int:
        """How many jobs the whole has."""
        found = re.search(r"^total +(\d+)$", self.snakemake("all", "--dry-run", "--quiet", "rules"), re.MULTILINE)
        if found is None:
            raise ValueError("a dry run that succeeded counts its jobs")
        return int(found[1])

    def fabricate(self) -> None:
        """Make all results, empty, and let Snakemake record them as its own."""
        for line in self.snakemake("all", "--summary").splitlines()[1:]:
            path = self.folder / line.split("\t")[0]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        self.snakemake("all", "--touch", "--forceall")


def measure(study: Path, seeds: tuple[int, int], repetitions: int) -> dict[str, Any]:
    """Run every benchmark of planning.

    Args:
        study: to plan.
        seeds: training seeds of the two studies made of it that show how planning grows.
        repetitions: of each measurement; medians are reported.

    Returns:
        ``dry_run_over_bare``: seconds of a dry run of the whole study over those of as many empty jobs;
        ``nothing_to_do_over_bare``: the same when all is done;
        ``dry_run_growth``: seconds for each job with many seeds over those with few;
        ``figure_seconds``: from the command to one figure redrawn from its summary;
        ``jobs`` of the study, with few seeds and with many.

    Raises:
        InputError: the study is wrong.
    """
    content = read_yaml(study)
    with TemporaryDirectory() as name:
        folder = Path(name)
        whole = _planned(folder / "whole", content)
        few, many = (_planned(folder / str(count), _with_seeds(content, count)) for count in seeds)
        jobs = [workflow.jobs() for workflow in (whole, few, many)]
        plan = make_plan(check_study(content, str(study)))
        bare = _bare(folder / "bare", plan, jobs[0])
        dry, bare_dry = _medians((whole, bare), repetitions, "all", "--dry-run")
        small, large = _medians((few, many), repetitions, "all", "--dry-run")
        for workflow in (whole, bare):
            workflow.fabricate()
        nothing, bare_nothing = _medians((whole, bare), repetitions, "all")
        _write_summary(plan, whole.folder / f"results/{plan.study.name}/analysis/scarce-labels.csv")
        [figure] = _medians((whole,), repetitions, DRAWN, "--forcerun", "figure")
    return {
        "dry_run_over_bare": round(dry / bare_dry, 3),
        "nothing_to_do_over_bare": round(nothing / bare_nothing, 3),
        "dry_run_growth": round(large / jobs[2] * jobs[1] / small, 3),
        "figure_seconds": round(figure, 2),
        "jobs": jobs,
    }


def _planned(folder: Path, content: dict[str, Any]) -> _Workflow:
    folder.mkdir()
    (folder / "study.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return _Workflow(folder, ("--snakefile", str(SNAKEFILE), "--configfile", "study.yaml"))


def _with_seeds(content: dict[str, Any], count: int) -> dict[str, Any]:
    experiments = {name: one | {"seeds": list(range(count))} for name, one in content["experiments"].items()}
    return content | {"experiments": experiments}


def _bare(folder: Path, plan: Plan, jobs: int) -> _Workflow:
    """As many empty jobs, the target included."""
    runs, splits, analyses = len(plan.runs), len(plan.splits), sum(map(bool, plan.experiments.values()))
    folder.mkdir()
    items = jobs - runs - splits - analyses - 1
    (folder / "Snakefile").write_text(BARE.format(runs=runs, splits=splits, analyses=analyses, items=items))
    return _Workflow(folder, ())


def _medians(workflows: tuple[_Workflow, ...], repetitions: int, *arguments: str) -> list[float]:
    """Median seconds of the same command of each workflow, in turn."""
    rounds = [[_seconds(partial(one.snakemake, *arguments)) for one in workflows] for _ in range(repetitions)]
    return [float(seconds) for seconds in np.median(rounds, axis=0)]


def _seconds(work: partial[str]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _write_summary(plan: Plan, path: Path) -> None:
    """What the figure reads, of runs that never were."""
    runs = [plan.runs[run] for run in plan.experiments["scarce-labels"]]
    came_out = {
        "error_last": 0.1,
        "smallest_column": 0.9,
        "smallest_recall": 0.9,
        "basin": "high",
        "collapsed": "",
        "partly_collapsed": "",
    }
    pd.DataFrame(
        {
            "run": run.path,
            "method": run.method,
            "variant": run.variant,
            "labels": run.labels,
            **run.settings,
            **came_out,
        }
        for run in runs
    ).to_csv(path, index=False)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one repetition")
    quick = parser.parse_args().quick
    report(lambda: measure(PAPER, (2, 16), repetitions=1 if quick else 3))


if __name__ == "__main__":
    main()
