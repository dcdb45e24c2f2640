"""The present results of a study: their digests, and the verdicts on the jobs that made them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from spl.audit.planned import PlannedStudy
from spl.audit.published import listing
from spl.audit.verdicts import Node, audit, unkept_outputs, upstream_of
from spl.errors import InputError
from spl.provenance.digests import digests, read_agreed, write_agreed
from spl.provenance.links import linked
from spl.provenance.seal import unvouched
from spl.text.shell import shell_word


def check_vouched(study: PlannedStudy, nodes: Iterable[str]) -> None:
    """Check that each of some jobs has the manifest that was sealed or that it noted itself, as it ran here.

    Raises:
        InputError: with the first one that was edited, or that was received without a seal.
    """
    manifests = (str(study.jobs[name].manifest.relative_to(study.results)) for name in nodes)
    if not (others := unvouched(study.results, manifests)):
        return
    more = f", nor are {len(others) - 1} more" if len(others) > 1 else ""
    advice = "make these results again, as `spl audit` advises"
    if not others[0].startswith("partial/"):
        advice += f', or say why they are right: `spl seal {shell_word(str(study.results))} --accept "WHY"`'
    first = study.results / others[0]
    raise InputError(f"{first}: neither as it was sealed nor as a job wrote it here{more}; {advice}")


def judge(study: PlannedStudy, names: list[str], quick: bool) -> dict[str, Node]:
    """The verdicts on jobs and on all jobs upstream of them, by name."""
    chosen = upstream_of(study.jobs, names)
    sha256 = _digests(study, (path for job in chosen.values() for path in (*job.outputs, *job.inputs)), quick)
    memory = study.results / "logs" / "agreed.json"
    agreed = read_agreed(memory) if quick else set[str]()
    nodes = audit(chosen, sha256.get, study.archive, agreed, study.jobs)
    write_agreed(memory, agreed)
    return nodes


def listing_of(study: PlannedStudy) -> dict[str, str]:
    """The sha256 of each job's present results, in an archive of those that are recorded, too.

    See :func:`spl.audit.published.listing`.
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
