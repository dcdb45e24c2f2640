"""Runs that share files: a contradiction where two such runs cannot agree, a remark where they may."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from spl.attempts.plain_file import read_plain
from spl.audit.result_files import BROKEN, read_json, read_measurements
from spl.campaign.job import Job
from spl.campaign.strict_json import parse_json

Digest = Callable[[Path], str | None]
CHECKSUM = "batch_checksum"
METRICS, PREDICTIONS, WEIGHTS = "metrics.csv", "predictions.safetensors", "weights.safetensors"
COUNTS = 1e-3  # an unlabelled loss whose gradient is not lost in rounding


def copied_runs(jobs: Mapping[str, Job], digest: Digest) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Runs that share what they cannot share with a run of another seed, other labels or another loss weight; and runs
    that share a file with another one, as they may where two methods are the same. By name, with a line on each.

    The last checksum in ``metrics.csv`` is over all batches that a run saw.
    """
    same: dict[tuple[str, str], list[Job]] = {}
    for job in (job for job in jobs.values() if job.subcommand == "train"):
        for mark in _marks(job, digest):
            same.setdefault(mark, []).append(job)
    impossible, possible = dict[str, list[str]](), dict[str, list[str]]()
    for (kind, value), (one, *others) in same.items():
        learnt = bool(others) and any(map(_learnt, (one, *others)))
        rules = [rule for rule in MUST_AGREE[kind] if learnt or rule is not _other_weight]
        for other in others:  # all compared with the first: pairs of thousands of copies would take hours
            difference = next(filter(None, (rule(one, other, digest) for rule in rules)), None)
            if difference is None and (kind == CHECKSUM or not learnt):
                continue
            for mine, theirs in ((one, other), (other, one)):
                line = f"batch_checksum is {value}," if kind == CHECKSUM else "the same bytes"
                line = f"{output_of(mine, METRICS if kind == CHECKSUM else kind)}: {line} as of {theirs.name}"
                if difference:
                    impossible.setdefault(mine.name, []).append(f"{line}, which has {difference}")
                else:
                    possible.setdefault(mine.name, []).append(line)
    return impossible, possible


def output_of(job: Job, name: str) -> Path:
    """The result of this name of a job."""
    return next(path for path in job.outputs if path.name == name)


def read_as_recorded(path: Path, digest: Digest) -> bytes:
    """The bytes of a file, which somebody may have exchanged since its sha256 was recorded.

    Raises:
        ValueError: they are others.
        OSError: it is absent or no plain file.
    """
    content = read_plain(path)
    if hashlib.sha256(content).hexdigest() != digest(path):
        raise ValueError(f"{path.name} is not as recorded")
    return content


def _marks(job: Job, digest: Digest) -> Iterator[tuple[str, str]]:
    """What tells a run from others: the digests of its files, and the checksum of all its batches, if it is known."""
    with suppress(OSError, ValueError, KeyError):
        first, *_, last = read_as_recorded(output_of(job, METRICS), digest).decode().splitlines()
        row = dict(zip(first.split(","), last.split(","), strict=True))
        yield CHECKSUM, row[CHECKSUM]
    for path in job.outputs:
        if path.name in (METRICS, PREDICTIONS, WEIGHTS) and (sha256 := digest(path)):
            yield path.name, sha256


def _other_batches(one: Job, other: Job, digest: Digest) -> str:
    """Why two runs cannot have seen the same batches; "" if they can."""
    if one.content["seed"] != other.content["seed"]:
        return "another seed"
    splits = [path for job in (one, other) for path in job.inputs if "splits" in path.parts]
    known = [digest(path) for path in splits]
    if len(splits) < 2 or (known[0] is not None and known[0] == known[1]):
        return ""
    try:
        labelled = [set(parse_json(read_as_recorded(path, digest))["labelled"]) for path in splits]
    except (OSError, ValueError, LookupError, TypeError):  # not kept in an archive, exchanged, or no labelled set
        return "a labelled set of another sha256" if None not in known else ""
    return "other labels" if labelled[0] != labelled[1] else ""


def _other_weight(one: Job, other: Job, _: Digest) -> str:
    """Why two runs cannot have learnt the same from pseudo-labels; "" if they can."""
    with suppress(*BROKEN):
        if not math.isclose(_loss_weight(one), _loss_weight(other), rel_tol=1e-6):
            return "another loss weight"
    return ""


def _loss_weight(job: Job) -> float:
    content = read_json(output_of(job, "parameters.json"))
    return float({"lambda_u": 0.0, **content["settings"], **content["calibrated"]}["lambda_u"])


def _learnt(job: Job) -> bool:
    """Whether pseudo-labels counted in a run. Before they do, methods and loss weights make no difference."""
    with suppress(*BROKEN):
        losses = read_measurements(output_of(job, METRICS), ("unlabelled_loss",))["unlabelled_loss"]
        return any(loss > COUNTS for loss in losses)
    return False


# In what two runs must agree that share a file, or all their batches. Predictions may be the same by chance.
MUST_AGREE: dict[str, tuple[Callable[[Job, Job, Digest], str], ...]] = {
    CHECKSUM: (_other_batches,),
    METRICS: (_other_batches, _other_weight),
    PREDICTIONS: (),
    WEIGHTS: (_other_batches, _other_weight),
}
