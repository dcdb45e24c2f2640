"""Whether what ``spl findings`` copies from a study's results into the project is what jobs made."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from spl.audit.judging import judge
from spl.audit.planned import plan_study
from spl.audit.recorded_looks import TABLE
from spl.audit.targets import below_here
from spl.audit.verdicts import SOUND
from spl.campaign.jobs import jobs
from spl.campaign.partial import partial_plan
from spl.errors import InputError
from spl.page.findings import PARTIAL
from spl.paper.selection import exhibits
from spl.provenance.seal import check_seal
from spl.text.shell import shell_word

COPIED = {TABLE: ".csv", "figures/regime": ".png"}


def check_findings(results: Path, study: Path | None, archive: bool = False) -> None:
    """Refuse a table of claims, and a figure of the regime, that an audit would not vouch for.

    Args:
        results: folder of a study or of its partial results, below the present folder: ``results/demo``.
        study: its file; None for the one below ``config/`` of this name.
        archive: as of :func:`spl.audit.planned.plan_study`.

    Raises:
        InputError: naming the file, what is wrong with it, and the command that says more.
    """
    planned = plan_study(study, str(results), archive)
    if (place := below_here(str(results))) not in (planned.results, planned.results / PARTIAL):
        raise InputError(f"{results}: expected {planned.results}, of {planned.file} (--study for another study)")
    command = f"`spl audit --study {shell_word(str(planned.file))}` says more"
    if place.name == PARTIAL:
        plan = partial_plan(planned.plan, planned.results)
        planned = replace(planned, plan=plan, jobs=jobs(plan, exhibits(plan, str(planned.file))))
        command = f"`snakemake claims --config partial=true study={shell_word(str(planned.file))}` makes it again"
    files = {f"{planned.plan.products}{name}": ending for name, ending in COPIED.items()}
    nodes = judge(planned, [name for name in files if name in planned.jobs], quick=False)
    unvouched = check_seal(planned.results).unvouched
    for name, ending in files.items():
        file = planned.results / f"{name}{ending}"
        if name not in nodes:
            if os.path.lexists(file):
                raise InputError(f"{file}: no job of {planned.file} makes it; {command}")
        elif (node := nodes[name]).verdict not in SOUND:
            raise InputError(f"{file}: {node.verdict}: {node.why[0]}; {command}")
        elif str((manifest := planned.jobs[name].manifest).relative_to(planned.results)) in unvouched:
            raise InputError(f"{manifest}: neither as it was sealed nor as a job wrote it; {command}")
