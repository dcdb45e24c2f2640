"""The command ``spl audit``: find the study, judge its results, and print the verdicts."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from glob import escape
from pathlib import Path

import yaml
from rich.console import Console

from spl.attempts.plain_file import read_plain
from spl.campaign.job import Job
from spl.campaign.jobs import jobs
from spl.errors import InputError
from spl.paper.selection import exhibits
from spl.provenance import report
from spl.provenance.crate_check import METADATA, crate_differences, not_compared, why_no_commands
from spl.provenance.crate_entities import Record
from spl.provenance.deviations import check_registration, is_kept
from spl.provenance.digests import digests, read_agreed, write_agreed
from spl.provenance.links import check_place, link_problem, linked
from spl.provenance.published import agreement, differences, digest_or_listing, listing
from spl.provenance.repair import repair, repair_lines
from spl.provenance.seal import Seal, check_seal
from spl.provenance.targets import below_here, job_names, place_of_target
from spl.provenance.verdicts import SOUND, Node, audit, orphans, unkept_outputs, upstream_of
from spl.study.plan import Plan, make_plan
from spl.study.reading import MOST_OF_STUDY, read_study
from spl.study.schema import Study
from spl.text.terminal import show

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
    matches = [path for path in sorted(Path("config").glob("*.yaml")) if _name(path) == parts[1]]
    if len(matches) != 1:
        several = " and ".join(map(str, matches)) or "no study below config/"
        verb = "are" if matches else "is"
        raise InputError(f"{target}: {several} {verb} called {parts[1]}; choose a file with --study")
    return matches[0]


def _name(path: Path) -> str | None:
    """What a file calls its study; it may be anybody's, so nothing else in it is put together."""
    try:
        content = yaml.compose(read_plain(path, MOST_OF_STUDY).decode(), yaml.SafeLoader)
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None
    pairs = content.value if isinstance(content, yaml.MappingNode) else ()
    return {key.value: value.value for key, value in pairs if isinstance(key, yaml.ScalarNode)}.get("name")


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
        InputError: a target is neither a result of the study nor a file among its results; or there is no such listing.
    """
    listed = None if published_digest is None else digest_or_listing(published_digest)
    names, strays = _chosen(study, targets)
    nodes = {node.name: node for node in (*judge(study, names, quick).values(), *strays)}
    seal = check_seal(study.results, published)
    registered = check_registration(study.file, study.study, nodes.values())
    whole = _is_whole(study, targets)
    crate = _crate_differences(study, nodes) if whole else None
    unadvised = why_no_commands(crate)
    commands = [] if unadvised else _repair(study, nodes, seal, [] if whole else names)
    beside = [] if crate is None else not_compared(study.results)
    unlike = None if listed is None else differences(study.jobs, listing_of(study), listed)
    alike = agreement(str(published_digest), study.jobs, listed or "")
    if console is None:
        said = report.as_json(nodes, seal, commands, registered, unlike, crate, beside, unadvised)
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
    sound = report.is_fresh(nodes.values()) and seal_holds(seal, not whole, published)
    return sound and is_kept(registered) and not unlike and not crate


def _crate_differences(study: PlannedStudy, nodes: Mapping[str, Node]) -> list[str] | None:
    """A line for each difference between the present crate, its description and what this program writes; None if the
    folder is no crate."""
    judged = [(job, nodes[name]) for name, job in study.jobs.items()]
    fresh = [node.manifest.outputs for _, node in judged if node.verdict == "fresh" and node.manifest]
    hashed = {Path(path): sha256 for outputs in fresh for path, sha256 in outputs.items()}
    found = crate_differences(study.results, hashed)
    if found != []:
        return found
    from spl.provenance.crate import unlike_written  # loads rocrate, which takes long

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


def listing_of(study: PlannedStudy) -> dict[str, str]:
    """The sha256 of each job's present results, in an archive of those that are recorded, too.

    See :func:`spl.provenance.published.listing`.
    """
    paths = [path for job in study.jobs.values() for path in job.outputs]
    sha256 = _digests(study, paths, quick=False)
    unkept = unkept_outputs(study.jobs, sha256.__getitem__) if study.archive else {}
    return listing(study.jobs, lambda path: sha256[path] or unkept.get(path))


def _digests(study: PlannedStudy, paths: Iterable[Path], quick: bool) -> dict[Path, str | None]:
    """As :func:`spl.provenance.digests.digests`; nothing behind a link below the study's folder is read."""
    distinct = list(dict.fromkeys(paths))
    links = linked(distinct, study.results)
    cache = study.results / "logs" / "digests.json"
    return digests((path for path in distinct if path not in links), cache, quick) | dict.fromkeys(links)


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


def judge(study: PlannedStudy, names: list[str], quick: bool) -> dict[str, Node]:
    """The verdicts on jobs and on all jobs upstream of them, by name."""
    chosen = upstream_of(study.jobs, names)
    sha256 = _digests(study, (path for job in chosen.values() for path in (*job.outputs, *job.inputs)), quick)
    memory = study.results / "logs" / "agreed.json"
    agreed = read_agreed(memory) if quick else set[str]()
    nodes = audit(chosen, sha256.__getitem__, study.archive, agreed)
    write_agreed(memory, agreed)
    return nodes
