"""Which jobs somebody means who names a result: by its path, a folder, or the last parts of either."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from spl.campaign.job import Job
from spl.provenance.links import depends_on_reader


def job_names(jobs: Mapping[str, Job], target: str, results: Path) -> list[str]:
    """The names of the jobs that a target denotes: a file, a folder, or the last parts of names; none if it is
    something of the same name elsewhere.

    Args:
        jobs: by name.
        target: "fig4", "tables/table1.csv", "results/demo/figures/fig4.pdf", "runs/digits".
        results: folder of the study.
    """
    if (place := place_of_target(target, results)) is None:
        return []  # a verdict would be taken for one on what lies there
    if place == results:
        return list(jobs)
    if not place.is_relative_to(results):
        return []
    below = str(place.relative_to(results))
    exact = [name for name, job in jobs.items() if name == below or place in (*job.outputs, job.manifest)]
    names = exact or [name for name, job in jobs.items() if _contains(job, below)]
    files = [path for name in names for path in (*jobs[name].outputs, jobs[name].manifest)]
    return [] if any(_is_elsewhere(file, target, results) for file in files) else names


def place_of_target(target: str, results: Path) -> Path | None:
    """Where a target lies among the results of a study, if it is one; None if it names something else that is here.

    A target below the folder of the results is the path that it states. Of any other path that is here, it counts where
    it leads, through whatever links. A path that is not here may be part of a result's name.
    """
    path = below_here(target)
    if path.is_relative_to(results) and ".." not in path.parts:
        return path
    if not os.path.lexists(target):
        return results / path
    real, home = (Path(os.path.realpath(path)) for path in (target, results))
    if depends_on_reader(Path(target)) or not real.is_relative_to(home):
        return None
    return results / real.relative_to(home)


def _is_elsewhere(file: Path, target: str, results: Path) -> bool:
    """Whether a target names another file than a result when the result's ending is added to it."""
    name = Path(target).name
    whole = Path(target).with_name(file.name)
    return file.name.startswith(f"{name}.") and os.path.lexists(whole) and place_of_target(str(whole), results) != file


def below_here(target: str) -> Path:
    """A path as the jobs state it: relative to the present folder, if nothing on the way leads up again."""
    path = Path(target)
    return Path(os.path.relpath(path)) if path.is_absolute() and ".." not in path.parts else path


def _contains(job: Job, parts: str) -> bool:
    """Whether a job's name has these parts somewhere, or the path of one of its files has them last."""
    return f"/{parts}/" in f"/{job.name}/" or any(
        f"/{path}".endswith(f"/{parts}") for path in (*job.outputs, job.manifest)
    )
