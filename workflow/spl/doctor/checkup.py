"""All checks of a study together, and how they are printed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from spl.campaign.owner import check_owner
from spl.campaign.parameters import run_parameter
from spl.campaign.registration import check_is_registered
from spl.campaign.run_state import run_state
from spl.doctor import software, storage
from spl.doctor.cluster import cluster, has_slurm
from spl.doctor.finding import Finding
from spl.doctor.site import Site
from spl.errors import InputError
from spl.provenance import machine
from spl.study.plan import Plan
from spl.text.printable import in_lines

SIGNS = {"ok": "✓", "warning": "!", "error": "✗"}


def examine(plan: Plan, study: Path, site: Site, started: Path) -> Iterator[Finding]:
    """Everything that a campaign needs on the host from which it is started, in the folder above its results.

    Args:
        plan, study, site, started: as :func:`before_submission`.
    """
    results = Path("results") / plan.study.name
    yield from before_submission(plan, study, site, started, with_slurm=has_slurm())
    if not has_slurm():
        yield Finding("slurm", "ok", "none on this host: it trains the runs itself")
        yield from software.training_here(plan, _open_runs(plan, results))


def before_submission(
    plan: Plan, study: Path | None, site: Site, started: Path, with_slurm: bool = True
) -> Iterator[Finding]:
    """The part that takes no longer than some commands of git and SLURM, without torch.

    Args:
        plan: of the study.
        study: its file; None if another workflow has read it.
        site: what the profile says.
        started: folder of the Snakefile, or in which `spl` was called.
        with_slurm: whether runs will be submitted to it.
    """
    results = Path("results") / plan.study.name
    runs = _open_runs(plan, results)
    yield software.commit()
    yield software.locked_versions({"python": software.python(), **machine.versions()})
    yield software.code(started)
    yield software.user()
    yield software.environment()
    if study:
        yield _study(plan, study, results)
    yield from storage.file_system(results)
    yield storage.names(plan, results)
    yield storage.room(plan, runs, results)
    yield from storage.downloads(plan, results)
    if with_slurm:
        yield from cluster(plan, runs, site)


def check_before_submission(plan: Plan, study: Path | None, site: Site, started: Path) -> list[str]:
    """The warnings of :func:`before_submission`, one line each.

    Raises:
        InputError: its errors.
    """
    findings = list(before_submission(plan, study, site, started))
    if errors := [str(one) for one in findings if one.level == "error"]:
        raise InputError(in_lines(errors))
    return [f"warning: {one}" for one in findings if one.level == "warning"]


def _study(plan: Plan, study: Path, results: Path) -> Finding:
    try:
        check_owner(study, results)
        check_is_registered(plan.study, [str(study)])
    except InputError as error:
        return Finding("study", "error", str(error))
    return Finding("study", "ok", f"{study}: {len(plan.runs)} runs")


def _open_runs(plan: Plan, results: Path) -> list[str]:
    return [path for path in plan.runs if run_state(results / "runs" / path, run_parameter(plan, path)) != "done"]


def is_fit(findings: Iterable[Finding]) -> bool:
    """Whether nothing found is an error."""
    return all(one.level != "error" for one in findings)


def lines(findings: Iterable[Finding]) -> Iterator[str]:
    """One line for each finding."""
    yield from (f"{SIGNS[one.level]} {one.level} {one}" for one in findings)


def as_content(findings: Iterable[Finding]) -> dict[str, Any]:
    """The findings as JSON content."""
    listed = list(findings)
    return {"fit": is_fit(listed), "findings": [vars(one) for one in listed]}
