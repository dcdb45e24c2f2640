"""A study whose results are audited: its file, its jobs, and where their results lie."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from spl.attempts.plain_file import read_plain
from spl.audit.crate_check import METADATA
from spl.audit.targets import below_here
from spl.campaign.job import Job
from spl.campaign.jobs import jobs
from spl.errors import InputError
from spl.paper.selection import exhibits
from spl.provenance.links import check_place, link_problem, linked
from spl.study.plan import Plan, make_plan
from spl.study.reading import MOST_OF_STUDY, read_study
from spl.study.schema import Study

DEFAULT = Path("config/demo.yaml")


@dataclass(frozen=True)
class PlannedStudy:
    """A study: its file, its plan, its jobs by name, the folder of its results, and whether that is an archive."""

    file: Path
    plan: Plan
    jobs: Mapping[str, Job]
    results: Path
    archive: bool = False

    @property
    def study(self) -> Study:
        """Its content."""
        return self.plan.study


def plan_study(study: Path | None, target: str | None = None, archive: bool = False) -> PlannedStudy:
    """Plan the jobs of a study: its file, or that below ``config/`` to whose results the target belongs, or the demo.

    Raises:
        InputError: the study cannot be planned; or which folder is that of its results depends on the reader.
    """
    path = study or _study_of(target) or DEFAULT
    plan = make_plan(read_study(path))
    planned = jobs(plan, exhibits(plan, str(path)))
    results = Path("results") / plan.study.name
    check_place(results)
    if os.path.lexists(METADATA) and (links := linked([results], Path())):  # before anything is noted behind it
        raise InputError(link_problem(links[results]))
    return PlannedStudy(path, plan, planned, results, archive)


def _study_of(target: str | None) -> Path | None:
    parts = below_here(target or "").parts
    if len(parts) < 2 or parts[0] != "results":
        return None
    matches = studies_called(parts[1])
    if len(matches) != 1:
        several = " and ".join(map(str, matches)) or "no study below config/"
        verb = "are" if matches else "is"
        raise InputError(f"{target}: {several} {verb} called {parts[1]}; choose a file with --study")
    return matches[0]


def studies_called(name: str) -> list[Path]:
    """The files below ``config/`` that call their study so."""
    files = (path for path in sorted(Path("config").rglob("*")) if path.suffix in (".yaml", ".yml"))
    return [path for path in files if _name(path) == name]


def _name(path: Path) -> str | None:
    """What a file calls its study; it may be anybody's, so nothing else in it is put together."""
    try:
        content = yaml.compose(read_plain(path, MOST_OF_STUDY).decode(), yaml.SafeLoader)
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None
    pairs = content.value if isinstance(content, yaml.MappingNode) else ()
    return {key.value: value.value for key, value in pairs if isinstance(key, yaml.ScalarNode)}.get("name")
