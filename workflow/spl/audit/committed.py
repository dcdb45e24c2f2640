"""Whether what ``spl findings`` copies from a study's results into the project is what jobs made."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from spl.audit.deviations import check_no_deviations
from spl.audit.judging import check_vouched, judge
from spl.audit.planned import PlannedStudy, plan_study, studies_called
from spl.audit.recorded_looks import TABLE
from spl.audit.targets import below_here
from spl.audit.verdicts import SOUND
from spl.campaign.jobs import jobs
from spl.campaign.partial import partial_plan
from spl.errors import InputError
from spl.page.findings import PARTIAL
from spl.paper.selection import exhibits
from spl.text.shell import shell_word

COPIED = {TABLE: ".csv", "figures/regime": ".png"}


def check_findings(results: Path, study: Path | None, archive: bool = False) -> dict[Path, str]:
    """Refuse a table of claims, and a figure of the regime, that an audit would not vouch for.

    Args:
        results: folder of a study or of its partial results, below the present folder: ``results/demo``.
        study: its file; None for the one below ``config/`` of this name.
        archive: as of :func:`spl.audit.planned.plan_study`.

    Nor may anything that they were made from be other than sealed or noted by its job, or the study deviate from its
    registration, or be another one than the project's own of its name.

    Returns:
        the sha256 of each of these files, as its job wrote it, by its path in ``results``.

    Raises:
        InputError: naming the file, what is wrong with it, and the command that says more.
    """
    planned = plan_study(study, str(results), archive)
    _check_is_the_projects(planned)
    if (place := below_here(str(results))) not in (planned.results, planned.results / PARTIAL):
        raise InputError(f"{results}: expected {planned.results}, of {planned.file} (--study for another study)")
    command = f"`spl audit --study {shell_word(str(planned.file))}` says more"
    if place.name == PARTIAL:
        plan = partial_plan(planned.plan, planned.results)
        planned = replace(planned, plan=plan, jobs=jobs(plan, exhibits(plan, str(planned.file))))
        made = " ".join(Path(name).name for name in COPIED if f"{plan.products}{name}" in planned.jobs) or "claims"
        command = f"`snakemake {made} --config partial=true study={shell_word(str(planned.file))}` makes it again"
    files, vouched = {f"{planned.plan.products}{name}": ending for name, ending in COPIED.items()}, dict[Path, str]()
    nodes = judge(planned, [name for name in files if name in planned.jobs], quick=False)
    for name, ending in files.items():
        file = planned.results / f"{name}{ending}"
        if name not in nodes:
            if os.path.lexists(file):
                raise InputError(f"{file}: no job of {planned.file} makes it; {command}")
        elif (node := nodes[name]).verdict not in SOUND:
            raise InputError(f"{file}: {node.verdict}: {node.why[0]}; {command}")
        elif node.manifest:
            vouched[results / f"{name.removeprefix(planned.plan.products)}{ending}"] = node.manifest.outputs[str(file)]
    check_vouched(planned, nodes)
    check_no_deviations(planned.file, planned.study, nodes.values())
    return vouched


def _check_is_the_projects(planned: PlannedStudy) -> None:
    """Refuse a study that is called like one below ``config/``, beside which no registration would be looked for."""
    for own in studies_called(planned.study.name):
        if not own.samefile(planned.file):
            raise InputError(f"{planned.file}: name: {planned.study.name} is taken by {own}; expected another name")
