"""What the page of a study depends on: its sections with their captions, its runs, and the template."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spl.methods.methods import METHODS
from spl.paper.catalogue import Item, item_caption, item_inputs
from spl.study.plan import Plan

TEMPLATE, *_BESIDE = (Path(__file__).with_name(f"page.{ending}") for ending in ("html.j2", "css", "js"))


def on_the_page(plan: Plan, shown: Mapping[str, Item]) -> dict[str, Item]:
    """The items that have a place on the page: a partial paper only names what was not run."""
    return {name: item for name, item in shown.items() if not (plan.partial and item.not_run)}


def page_content(plan: Plan, shown: Mapping[str, Item]) -> dict[str, Any]:
    """What the page that shows these items depends on, beside the files that it reads."""
    study = plan.study
    sections = [
        {
            "name": name,
            "kind": item.kind,
            "title": item.title,
            "heading": item.heading,
            "caption": item_caption(plan, item),
            "part": item.part,
            "summaries": [Path(path).stem for path in item_inputs(plan, item) if Path(path).parent.name == "analysis"],
            "baseline": _baseline(plan, item),
        }
        for name, item in on_the_page(plan, shown).items()
    ]
    trained = dict.fromkeys(run for runs in plan.experiments.values() for run in runs if run not in plan.missing)
    return {
        "title": study.title,
        "study": study.name,
        "sections": sections,
        "experiments": [name for name, runs in plan.experiments.items() if runs],
        "assumed": study.assumed,
        "stand_ins": {name: one.stands_in_for for name, one in study.datasets.items() if one.stands_in_for},
        "runs": len(plan.runs),
        "missing": len(plan.missing & plan.runs.keys()),
        "trained": list(trained),
        "methods": {run.method: METHODS[run.method].title for run in plan.runs.values()},
        "basins": study.basins.model_dump(),
        "products": plan.products,
        "left_out": [item.title for item in shown.values() if plan.partial and item.not_run and not item.part],
        "template": hashlib.sha256(b"".join(path.read_bytes() for path in (TEMPLATE, *_BESIDE))).hexdigest(),
    }


def _baseline(plan: Plan, item: Item) -> str | None:
    """The title of the method that a table compares with."""
    given = item.parameter(plan, *item.experiments)
    return given["titles"][given["baseline"]] if "baseline" in given else None
