"""The canonical parameter of every job: one text that holds exactly what the job uses, its code included."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from spl.code.subcommands import with_code
from spl.page.parameter import page_content
from spl.paper.catalogue import Item, item_content
from spl.study.plan import Plan, planned_values


def canonical(content: Mapping[str, Any]) -> str:
    """Sorted-key JSON without blanks: equal text if and only if equal content.

    Snakemake stores the parameters of a job without their names and compares them as a set. With one canonical text in
    their place, no swap of two values goes unnoticed.
    """
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


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


def item_parameter(plan: Plan, item: Item) -> str:
    """Of drawing a figure or building a table."""
    return canonical(with_code(item.kind, item_content(plan, item)))


def page_parameter(plan: Plan, items: Mapping[str, Item]) -> str:
    """Of the page that shows these items."""
    return canonical(with_code("page", page_content(plan, items)))


def crate_parameter(plan: Plan) -> str:
    """Of the archive: the study, as it was stated.

    As text, since the order of its experiments and methods counts.
    """
    return canonical(with_code("crate", {"study": plan.study.model_dump_json(exclude_unset=True)}))
