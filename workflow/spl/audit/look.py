"""``spl register --look``: the looks at a registered study, each with what was looked at and what was found."""

from __future__ import annotations

import json
from pathlib import Path

from spl.analysis.looks import Looks
from spl.audit.deviations import check_no_deviations
from spl.audit.judging import check_vouched, judge
from spl.audit.planned import PlannedStudy
from spl.audit.recorded_looks import TABLE, RecordedLook, claim_outcome, read_looks, runs_digest
from spl.audit.repair import study_setting
from spl.audit.result_files import BROKEN
from spl.audit.verdicts import SOUND
from spl.campaign.jobs import jobs
from spl.campaign.parameters import run_parameter
from spl.campaign.partial import partial_plan
from spl.campaign.registration import looks_file, registration_file, runs_of_look
from spl.campaign.run_state import run_state
from spl.errors import InputError
from spl.paper.claim_parameters import runs_of_claim
from spl.paper.registered_tests import registered_tests
from spl.paper.selection import exhibits
from spl.provenance.files import write_whole
from spl.study.plan import make_plan
from spl.study.reading import read_study


def record_look(path: Path) -> list[str]:
    """Record a look at a registered study: the digest of the runs, the level, and the outcome of the primary claim.

    Args:
        path: the study's file; its folds are those of the look.

    Returns:
        lines for people.

    Raises:
        InputError: the study is not registered or deviates from its registration, its folds are no look, a run is not
            done, the table of claims is not fresh, nothing vouches for a result behind it, or another outcome of this
            look is on record.
    """
    study = read_study(path)
    if (registered := study.registered) is None:
        raise InputError(f"{path}: registered: missing; there is nothing to look at")
    if not registration_file(path).is_file():
        raise InputError(f"{registration_file(path)}: missing; there is no registration to look at")
    plan, results = make_plan(study), Path("results") / study.name
    if not registered_tests(plan):
        raise InputError(f"{path}: has no table of claims, and so no look")
    first = registered.experiments[0]
    folds = len(study.experiments[first].folds)
    level = Looks(registered.looks, registered.levels).level(folds)
    if level is None:
        expected = ", ".join(map(str, registered.looks))
        raise InputError(f"{path}: experiments.{first}.folds: {folds} folds are no look; expected {expected}")
    looked_at = runs_of_look(plan, folds)
    needed = dict.fromkeys([*looked_at, *runs_of_claim(plan, registered.primary)])
    undone = [run for run in needed if run_state(results / "runs" / run, run_parameter(plan, run)) != "done"]
    if undone:
        raise InputError(f"{path}: {len(undone)} of {len(needed)} runs of this look are not done: {undone[0]}")
    shown = partial_plan(plan, results)
    table = f"{shown.products}{TABLE}"
    planned = jobs(shown, exhibits(shown, str(path)))
    # Weights are not kept of runs that were committed at an earlier look
    shown_study = PlannedStudy(path, shown, planned, results, archive=True)
    nodes = judge(shown_study, [table], quick=False)
    command = f"snakemake claims --config partial=true {study_setting(str(path))}"
    for node in nodes.values():
        if node.verdict not in SOUND:
            raise InputError(f"{node.name}: {node.verdict}: {node.why[0]}; `{command}` builds the table of claims")
    if not (file := results / f"{table}.csv").is_file():  # which an archive takes as its manifest records it
        raise InputError(f"{file}: missing; `{command}` builds the table of claims")
    check_vouched(shown_study, nodes)
    check_no_deviations(path, study, nodes.values())
    try:
        _, found = claim_outcome(file, registered.primary)
    except BROKEN:
        raise InputError(f"{file}: expected a table of claims with {registered.primary}") from None
    runs = runs_digest(nodes, looked_at)
    assert runs is not None, "whatever is sound has a manifest"
    return _write(
        looks_file(path), RecordedLook(folds=folds, level=level, runs=runs, claim=registered.primary, **found)
    )


def _write(file: Path, look: RecordedLook) -> list[str]:
    """Add a look to those on record; one that is on record stays as it is."""
    looks = read_looks(file)
    if any(other.folds == look.folds and other != look for other in looks):
        raise InputError(f"{file}: the look at {look.folds} folds is on record with another outcome")
    if look not in looks:
        looks = sorted([*looks, look], key=lambda one: one.folds)
        write_whole(file, "[\n" + ",\n".join(json.dumps(one.model_dump()) for one in looks) + "\n]\n")
    outcome = f"p {look.p}, of the opposite {look.p_opposite}, at level {look.level}"
    return [f"{file}: {look.folds} folds: {look.claim} is {look.verdict} ({outcome})", "commit it"]
