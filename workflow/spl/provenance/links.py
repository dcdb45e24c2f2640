"""Symbolic links among results: what lies behind one may be other bytes for another reader, or on another day.

The folder of a study may be a link, as to a scratch disk. Below it, no result and no manifest is a link or lies behind
one. What holds no results, such as checkpoints and logs, may lie anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from spl.campaign.job import Job
from spl.errors import InputError

PROC = "/proc"  # where each process finds a file system with links of its own
MOST_LINKS = 40  # on one way, as Linux follows them


def linked(paths: Iterable[Path], results: Path) -> dict[Path, Path]:
    """Of the paths below a study's folder those that are links or lie behind one, with the outermost such link."""
    home = "" if results == Path() else f"{results}/"
    outermost = dict.fromkeys((str(results), ""), "")  # as texts, since a study has thousands of files

    def link(path: str) -> str:
        waiting = list[str]()
        while path not in outermost:
            waiting.append(path)
            path = path.rpartition("/")[0]
        while waiting:
            above, path = path, waiting.pop()
            outermost[path] = outermost[above] or (path if os.path.islink(path) else "")  # noqa: PTH114 - as texts
        return outermost[path]

    return {path: Path(found) for path in paths if str(path).startswith(home) and (found := link(str(path)))}


def linked_jobs(jobs: Mapping[str, Job]) -> dict[str, tuple[Path, ...]]:
    """By name, the jobs of which a result or the manifest is a link or lies behind one, with these links."""
    of_study: dict[Path, dict[str, tuple[Path, ...]]] = {}
    for name, job in jobs.items():
        if (results := job.results) is not None:
            of_study.setdefault(results, {})[name] = (*job.outputs, job.manifest)
    found: dict[str, tuple[Path, ...]] = {}
    for folder, written in of_study.items():
        links = linked((path for paths in written.values() for path in paths), folder)
        for name, paths in written.items():
            if here := tuple(dict.fromkeys(links[path] for path in paths if path in links)):
                found[name] = here
    return found


def link_problem(link: Path) -> str:
    """What is wrong with a link below a study's folder, in one line."""
    return f"{link} is a link; expected no links to results, since readers may find different files behind one"


def check_folders(jobs: Iterable[Job], results: Path) -> None:
    """Refuse to write results through links to folders below a study's folder, or where readers do not find them.

    Raises:
        InputError: there is such a link, or the way to the folder leads through ``/proc``.
    """
    check_place(results)
    if links := linked({path.parent for job in jobs for path in (*job.outputs, job.manifest)}, results):
        raise InputError(f"{link_problem(min(links.values()))}; only {results} itself may be one")


def check_place(results: Path) -> None:
    """Refuse a study's folder that another process may find elsewhere.

    Raises:
        InputError: the way to it leads through ``/proc``.
    """
    if depends_on_reader(results):
        raise InputError(
            f"{results}: the way to it leads through {PROC}, where each process finds other files; expected a folder, "
            "or a link to the same folder for all"
        )


def depends_on_reader(path: Path) -> bool:
    """Whether the way to a path, from the present folder, leads through ``/proc``."""
    try:
        device = os.lstat(PROC).st_dev
    except OSError:
        return False
    place, waiting, links = Path.cwd(), list(reversed(path.parts)), 0
    while waiting:
        part = waiting.pop()
        place = place.parent if part == ".." else place / part  # "/" leads to the root
        try:
            if os.lstat(place).st_dev == device:
                return True
            if place.is_symlink() and (links := links + 1) <= MOST_LINKS:
                waiting += reversed(place.readlink().parts)
                place = place.parent
        except OSError:  # nothing there
            return False
    return False
