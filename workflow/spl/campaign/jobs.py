"""Every job of a study: its subcommand, its parameter, the files that it reads and writes.

This is the only description of the DAG: the rules of the workflow, the audit and the crate take inputs and outputs from
here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from spl.campaign.job import CIRCUMSTANCES, Job
from spl.campaign.parameters import (
    analysis_parameter,
    calibration_parameter,
    data_parameter,
    exhibit_parameter,
    page_parameter,
    run_parameter,
    split_parameter,
)
from spl.page.inputs import page_inputs
from spl.paper.exhibit import Exhibit
from spl.paper.selection import exhibit_inputs
from spl.study.files import DATA_FILES, ENDINGS, RUN_FILES, SUMMARISED
from spl.study.plan import Plan


def jobs(plan: Plan, exhibits: Mapping[str, Exhibit]) -> dict[str, Job]:
    """The jobs of a study by name: data, splits, runs, calibrations, summaries, figures and tables, the page.

    Args:
        plan: of the study.
        exhibits: of its paper, as :func:`spl.paper.selection.exhibits` selects them.
    """
    return {job.name: job for job in _jobs(plan, exhibits, Path("results") / plan.study.name)}


def _jobs(plan: Plan, exhibits: Mapping[str, Exhibit], results: Path) -> Iterator[Job]:
    def job(name: str, subcommand: str, parameter: str, inputs: Sequence[Path | str], endings: Sequence[str]) -> Job:
        return Job(
            name,
            subcommand,
            parameter,
            tuple(path if isinstance(path, Path) else results / path for path in inputs),
            tuple(results / f"{name}{ending}" for ending in endings),
        )

    def data_files(dataset: str) -> list[str]:
        return [f"data/{dataset}/{name}" for name in DATA_FILES]

    in_folder = {kind: [f"/{name}" for name in names] for kind, names in (("data", DATA_FILES), ("train", RUN_FILES))}
    for dataset in dict.fromkeys(split.dataset for split in plan.splits.values()):
        files = plan.study.datasets[dataset].files
        yield job(f"data/{dataset}", "data", data_parameter(plan, dataset), files, in_folder["data"])
    for path, split in plan.splits.items():
        yield job(f"splits/{path}", "split", split_parameter(plan, path), data_files(split.dataset), [".json"])
    for path, run in plan.runs.items():
        weights = [f"calibration/{run.calibration}.json"] if run.calibration else []
        start = [f"runs/{run.start}/weights.safetensors"] if run.start else []
        inputs = [*data_files(run.dataset), f"splits/{run.split}.json", *weights, *start]
        yield job(f"runs/{path}", "train", run_parameter(plan, path), inputs, in_folder["train"])
    for path, calibration in plan.calibrations.items():
        metrics = [f"runs/{run}/metrics.csv" for run in calibration.runs]
        yield job(f"calibration/{path}", "calibrate", calibration_parameter(plan, path), metrics, [".json"])
    for experiment, runs in plan.experiments.items():
        if runs:
            inputs = [f"runs/{run}/{name}" for run in runs if run not in plan.missing for name in SUMMARISED]
            name = f"{plan.products}analysis/{experiment}"
            yield job(name, "analyse", analysis_parameter(plan, experiment), inputs, [".csv"])
    for name, exhibit in exhibits.items():
        place = f"{plan.products}{'figures' if exhibit.kind == 'figure' else 'tables'}/{name}"
        inputs = exhibit_inputs(plan, exhibit)
        yield job(place, exhibit.kind, exhibit_parameter(plan, exhibit), inputs, ENDINGS[exhibit.kind])
    parameter = page_parameter(plan, exhibits)
    yield job(f"{plan.products}paper", "page", parameter, page_inputs(json.loads(parameter)), [".html", CIRCUMSTANCES])
