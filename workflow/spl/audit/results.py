"""The command ``spl audit``: find the study, judge its results, and print the verdicts."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from glob import escape
from pathlib import Path

from rich.console import Console

from spl.audit import report
from spl.audit.crate_check import METADATA, crate_differences, not_compared, why_no_commands
from spl.audit.crate_entities import Record
from spl.audit.deviations import check_registration, is_kept
from spl.audit.judging import judge, listing_of
from spl.audit.planned import DEFAULT, PlannedStudy
from spl.audit.published import agreement, differences, digest_or_listing
from spl.audit.repair import repair, repair_lines
from spl.audit.targets import below_here, job_names, place_of_target
from spl.audit.verdicts import SOUND, Node, orphans
from spl.errors import InputError
from spl.paper.selection import exhibits
from spl.provenance.seal import Seal, check_seal
from spl.text.terminal import show


def audit_results(
    study: PlannedStudy,
    targets: list[str],
    quick: bool,
    published: str | Path | None,
    console: Console | None,
    published_digest: str | None = None,
) -> bool:
    """Audit targets, or all results of a study, and print the verdicts and the commands that repair the results.

    Args:
        study: with its jobs.
        targets: names or paths; [] for everything, orphans and the seal included.
        quick: as in :func:`spl.provenance.digests.digests`.
        published: as in :func:`spl.provenance.seal.check_seal`.
        console: where to print; None to print JSON.
        published_digest: of all results, or the file of the published listing; None if that is not to be compared.

    Returns:
        whether everything is fresh, the seal intact, the registration, if there is one, kept, all results as published,
        and a crate as it describes itself and as this program writes it.

    Raises:
        InputError: a target is neither a result of the study nor a file among its results; there is no such listing; or
            manifests or the description of a crate would fill memory.
    """
    listed = None if published_digest is None else digest_or_listing(published_digest)
    names, strays = _chosen(study, targets)
    seal = check_seal(study.results, published)  # first, since it refuses manifests that would fill memory
    nodes = {node.name: node for node in (*judge(study, names, quick).values(), *strays)}
    registered = check_registration(study.file, study.study, nodes.values())
    whole = _is_whole(study, targets)
    crate = _crate_differences(study, nodes) if whole else None
    unadvised = why_no_commands(crate)
    commands = [] if unadvised else _repair(study, nodes, seal, [] if whole else names)
    beside = [] if crate is None else not_compared(study.results)
    unlike = None if listed is None else differences(study.jobs, listing_of(study), listed)
    alike = agreement(str(published_digest), study.jobs, listed or "")
    fresh = report.is_fresh(nodes.values()) and seal_holds(seal, not whole, published)
    sound = fresh and is_kept(registered) and not unlike and not crate
    if console is None:
        said = {"sound": sound} | report.as_json(nodes, seal, commands, registered, unlike, crate, beside, unadvised)
        print(json.dumps(said, indent=1))
    else:
        if not whole and not report.is_untouched(nodes.values()):
            console.print(report.tree(nodes, [*names, *(node.name for node in strays)]), soft_wrap=True)
        else:
            for line in report.problems(nodes.values()):
                console.print(line, soft_wrap=True)
        show(
            console,
            *report.summary(nodes.values(), seal).splitlines(),
            *report.repository_lines(nodes.values()),
            *report.registration_lines(registered),
            *report.published_lines(published_digest, alike, unlike),
            *report.crate_lines(crate, beside),
            *report.unadvised_lines(unadvised),
        )
        show(console, *repair_lines(commands), style="bold")
    return sound


def _crate_differences(study: PlannedStudy, nodes: Mapping[str, Node]) -> list[str] | None:
    """A line for each difference between the present crate, its description and what this program writes; None if the
    folder is no crate."""
    judged = [(job, nodes[name]) for name, job in study.jobs.items()]
    fresh = [node.manifest.outputs for _, node in judged if node.verdict == "fresh" and node.manifest]
    hashed = {Path(path): sha256 for outputs in fresh for path, sha256 in outputs.items()}
    found = crate_differences(study.results, hashed, {path for job, _ in judged for path in job.outputs})
    if found != []:
        return found
    from spl.audit.crate import unlike_written  # loads rocrate, which takes long

    records = [Record(job, node.manifest) for job, node in judged if node.manifest]
    if len(records) < len(judged):
        return [f"{METADATA}: not compared with manifests, which are not all here"]
    return unlike_written(study.plan, exhibits(study.plan, str(study.file)), records, study.file)


def _repair(study: PlannedStudy, nodes: Mapping[str, Node], seal: Seal, names: list[str]) -> list[str]:
    """The commands that make jobs fresh, by their names; all jobs of the study if there are none."""
    records = Path(".snakemake/metadata")
    return list(
        repair(
            nodes.values(),
            study=str(study.file),
            default=str(DEFAULT),
            results=study.results,
            touch=not records.is_dir() or not any(records.iterdir()),
            targets=[study.jobs[name].outputs[0] for name in names],
            forged={
                name
                for name, job in study.jobs.items()
                if str(job.manifest.relative_to(study.results)) in seal.unvouched
            },
            unkept=_unkept_but_read(study, nodes),
            unsealed=any(one.state in ("broken", "missing") for one in (seal, seal.own) if one),
            unknown=(seal.own or seal).unknown,
        )
    )


def _unkept_but_read(study: PlannedStudy, nodes: Mapping[str, Node]) -> set[str]:
    """The recorded jobs with results that are not kept in an archive, but read by jobs that are to be done again."""
    makers = {path: name for name, job in study.jobs.items() for path in job.outputs}
    judged = [name for name in nodes if name in study.jobs]
    wanted = {name for name in judged if nodes[name].verdict not in SOUND}
    unkept = set[str]()
    for name in reversed(judged):  # the jobs upstream of a job come before it
        if name in wanted | unkept:
            unkept |= {makers[path] for path in study.jobs[name].inputs if path in makers and not path.exists()}
    return unkept - wanted


def seal_holds(seal: Seal, in_part: bool, published: str | Path | None) -> bool:
    """Whether a seal is intact and not wrongly signed; parts of a study without a page need none, unless published.
    Beside a published seal, the study's own must not contradict it."""
    if seal.signature.state == "wrong" or (seal.own and not seal_holds(seal.own, True, None)):
        return False
    return seal.state == "intact" or (in_part and published is None and seal.state == "absent")


def chosen_jobs(study: PlannedStudy, targets: list[str]) -> list[str]:
    """The names of the jobs that targets denote; of all jobs without targets.

    Raises:
        InputError: a target is neither a result of the study nor a file among its results.
    """
    return _chosen(study, targets)[0]


def _is_whole(study: PlannedStudy, targets: list[str]) -> bool:
    """Whether targets denote all results: there are none, or one is the folder of the results or the present one."""
    return not targets or any(
        below_here(target) == Path() or place_of_target(target, study.results) == study.results for target in targets
    )


def _chosen(study: PlannedStudy, targets: list[str]) -> tuple[list[str], list[Node]]:
    """The names of the jobs that targets denote, and the orphans among them; everything without targets."""
    strays = list(orphans(study.jobs, study.results))
    if _is_whole(study, targets):
        return list(study.jobs), strays
    names, chosen = dict[str, None](), []
    for target in targets:
        matches = job_names(study.jobs, target, study.results)
        place = place_of_target(target, study.results)
        own = [node for node in strays if place and _overlap(Path(node.name), place)]
        if not matches and not own:
            near = difflib.get_close_matches(target, [Path(name).name for name in study.jobs], 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            if place is None or any(Path(target).parent.glob(f"{escape(Path(target).name)}.*")):
                hint = f"; something else of this name is here, so give the whole path below {study.results}"
            raise InputError(f"{target}: no result of {study.file} (--study for another study){hint}")
        names |= dict.fromkeys(matches)
        chosen += own
    return list(names), chosen


def _overlap(first: Path, second: Path) -> bool:
    """Whether one path lies below the other, or is the other."""
    return first.is_relative_to(second) or second.is_relative_to(first)
