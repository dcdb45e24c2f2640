"""The canonical parameter of every job: one text that holds exactly what the job uses, its code included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from spl.campaign.job import canonical
from spl.code.subcommands import with_code
from spl.page.parameter import page_content
from spl.paper.exhibit import Exhibit
from spl.paper.selection import exhibit_content
from spl.study.plan import Plan, planned_values


def data_parameter(plan: Plan, dataset: str) -> str:
    """Of preparing a data set."""
    chosen = plan.study.datasets[dataset]
    content = {"source": chosen.source, "options": chosen.options, "known": asdict(chosen.known)}
    return canonical(with_code("data", content))


def split_parameter(plan: Plan, path: str) -> str:
    """Of drawing a split."""
    job = plan.splits[path]
    sizes = {"labels": job.labels, "keep": job.keep, "part": job.part}
    draw = {"scheme": job.scheme, "seed": job.seed, **{key: size for key, size in sizes.items() if size is not None}}
    return canonical(with_code("split", {"draw": draw}))


def run_parameter(plan: Plan, path: str) -> str:
    """Of a training run; data set and split are input files."""
    content = {name: value for name, value in vars(plan.runs[path]).items() if name != "path"}
    return canonical(with_code("train", content))


def calibration_parameter(plan: Plan, path: str) -> str:
    """Of calibrating a smooth method on a data set."""
    return canonical(with_code("calibrate", vars(plan.calibrations[path])))


def analysis_parameter(plan: Plan, experiment: str) -> str:
    """Of an experiment's summary; the order of the runs is the study's."""
    runs = plan.experiments[experiment]
    missing = {path: planned_values(plan.runs[path]) for path in runs if path in plan.missing}
    content = {"runs": runs, "missing": missing, "basins": plan.study.basins.model_dump()}
    return canonical(with_code("analyse", content))


def exhibit_parameter(plan: Plan, exhibit: Exhibit) -> str:
    """Of drawing a figure or building a table."""
    return canonical(with_code(exhibit.kind, exhibit_content(plan, exhibit)))


def page_parameter(plan: Plan, exhibits: Mapping[str, Exhibit]) -> str:
    """Of the page that shows these exhibits."""
    return canonical(with_code("page", page_content(plan, exhibits)))


def crate_parameter(plan: Plan) -> str:
    """Of the archive: the study, as it was stated.

    As text, since the order of its experiments and methods counts.
    """
    return canonical(with_code("crate", {"study": plan.study.model_dump_json(exclude_unset=True)}))
