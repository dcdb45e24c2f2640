"""The canonical parameter of the page: its sections with their captions, its runs, and the template."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from spl.methods.registry import METHODS
from spl.page.inputs import SCRIPT, STYLE, TEMPLATE
from spl.paper.exhibit import Exhibit
from spl.paper.selection import exhibit_conditions, own_caption, rebuilds_the_paper
from spl.study.known_methods import METHOD_SETTINGS
from spl.study.plan import Plan


def on_the_page(plan: Plan, shown: Mapping[str, Exhibit]) -> dict[str, Exhibit]:
    """The exhibits that have a section on the page; a partial paper only lists the names of the others."""
    return {name: exhibit for name, exhibit in shown.items() if not (plan.partial and exhibit.not_run)}


def page_content(plan: Plan, shown: Mapping[str, Exhibit]) -> dict[str, Any]:
    """The content of the page's parameter: all that the page depends on besides its input files."""
    study = plan.study
    on_page = on_the_page(plan, shown)
    parts: dict[str, set[str]] = {}
    for exhibit in on_page.values():
        parts.setdefault(exhibit.section, set()).update(exhibit.experiments)
    sections = [
        {
            "name": name,
            "kind": exhibit.kind,
            "title": exhibit.title,
            "heading": _heading(exhibit, parts[exhibit.section]),
            "caption": own_caption(plan, exhibit),
            "terms": dict(exhibit.terms(plan, *exhibit.experiments)),
            "part": exhibit.section,
            "detail": exhibit.detail,
            "experiments": list(exhibit_conditions(plan, exhibit)),
        }
        for name, exhibit in on_page.items()
    ]
    conditions: dict[str, dict[str, str]] = {}
    for exhibit in on_page.values():
        conditions.setdefault(exhibit.section, {}).update(exhibit_conditions(plan, exhibit))
    trained = dict.fromkeys(run for runs in plan.experiments.values() for run in runs if run not in plan.missing)
    return {
        "title": study.title,
        "study": study.name,
        "rebuilds_the_paper": rebuilds_the_paper(study),
        "sections": sections,
        "conditions": {section: list(words.items()) for section, words in conditions.items()},
        "experiments": [name for name, runs in plan.experiments.items() if runs],
        "assumed": study.assumed,
        "stand_ins": {name: dataset.stands_in_for for name, dataset in study.datasets.items() if dataset.stands_in_for},
        "runs": len(plan.runs),
        "missing": len(plan.missing & plan.runs.keys()),
        "trained": list(trained),
        "methods": {run.method: METHODS[run.method].title for run in plan.runs.values()},
        "method_settings": sorted(METHOD_SETTINGS),
        "basins": study.basins.model_dump(),
        "products": plan.products,
        "left_out": [
            exhibit.title for exhibit in shown.values() if plan.partial and exhibit.not_run and not exhibit.detail
        ],
        "template": hashlib.sha256(b"".join(path.read_bytes() for path in (TEMPLATE, STYLE, SCRIPT))).hexdigest(),
    }


def _heading(exhibit: Exhibit, in_part: set[str]) -> str:
    """An exhibit's heading; the name of its experiment is already that of the part, if this has no other."""
    if len(in_part) != 1:
        return exhibit.heading
    (name,) = in_part
    return exhibit.heading.replace(f": {name}.", ".", 1)
