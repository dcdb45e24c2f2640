"""Every job that makes a study's paper: what it runs, reads and makes. The rules of the workflow do these jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from spl.page.parameter import page_parameter
from spl.page.render import page_inputs
from spl.paper.catalogue import Exhibit
from spl.paper.selection import exhibit_inputs, exhibit_parameter
from spl.provenance.manifest import manifest_path
from spl.study.files import DATA_FILES, ENDINGS, RUN_FILES, SUMMARISED
from spl.study.plan import (
    Plan,
    analysis_parameter,
    calibration_parameter,
    data_parameter,
    run_parameter,
    split_parameter,
)


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        name: of what it makes, below ``results/<study>/``, without ending: "figures/fig4".
        subcommand: of ``spl``.
        parameter: the canonical one.
        inputs, outputs: paths below the folder in which Snakemake runs.
        manifest: where its manifest lies.
    """

    name: str
    subcommand: str
    parameter: str
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    manifest: Path


def jobs(plan: Plan, exhibits: Mapping[str, Exhibit]) -> dict[str, Job]:
    """The jobs of a study by name: data, splits, runs, calibrations, summaries, figures and tables, the page.

    Args:
        plan: of the study.
        exhibits: of its paper, as :func:`spl.paper.selection.exhibits` finds them.
    """
    results = Path("results") / plan.study.name
    return {job.name: job for job in _jobs(plan, exhibits, results)}


def _jobs(plan: Plan, exhibits: Mapping[str, Exhibit], results: Path) -> Iterator[Job]:
    def folder(name: str, subcommand: str, parameter: str, inputs: list[Path], files: tuple[str, ...]) -> Job:
        made = tuple(results / name / file for file in files)
        return Job(name, subcommand, parameter, tuple(inputs), made, manifest_path(results / name))

    def file(name: str, subcommand: str, parameter: str, inputs: list[Path], endings: tuple[str, ...]) -> Job:
        made = tuple(results / f"{name}{ending}" for ending in endings)
        return Job(name, subcommand, parameter, tuple(inputs), made, manifest_path(made[0]))

    def data(dataset: str) -> list[Path]:
        return [results / "data" / dataset / name for name in DATA_FILES]

    for dataset in dict.fromkeys(split.dataset for split in plan.splits.values()):
        known = plan.study.datasets[dataset]
        yield folder(f"data/{dataset}", "data", data_parameter(plan, dataset), known.files, DATA_FILES)
    for path, split in plan.splits.items():
        yield file(f"splits/{path}", "split", split_parameter(plan, path), data(split.dataset), (".json",))
    for path, run in plan.runs.items():
        weights = [results / "calibration" / f"{run.calibration}.json"] if run.calibration else []
        inputs = [*data(run.dataset), results / "splits" / f"{run.split}.json", *weights]
        yield folder(f"runs/{path}", "train", run_parameter(plan, path), inputs, RUN_FILES)
    for path, one in plan.calibrations.items():
        metrics = [results / "runs" / run / "metrics.csv" for run in (one.reference, one.smooth)]
        yield file(f"calibration/{path}", "calibrate", calibration_parameter(plan, path), metrics, (".json",))
    for experiment, runs in plan.experiments.items():
        if runs:
            done = [run for run in runs if run not in plan.missing]
            read = [results / "runs" / run / name for run in done for name in SUMMARISED]
            name = f"{plan.products}analysis/{experiment}"
            yield file(name, "analyse", analysis_parameter(plan, experiment), read, (".csv",))
    for name, exhibit in exhibits.items():
        place = f"{plan.products}{'figures' if exhibit.kind == 'figure' else 'tables'}/{name}"
        read = [results / path for path in exhibit_inputs(plan, exhibit)]
        yield file(place, exhibit.kind, exhibit_parameter(plan, exhibit), read, ENDINGS[exhibit.kind])
    parameter = page_parameter(plan, exhibits)
    read = [results / path for path in page_inputs(json.loads(parameter))]
    yield file(f"{plan.products}paper", "page", parameter, read, (".html",))
