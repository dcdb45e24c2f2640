"""Runs of one seed and labelled set, which draw the same batches: their checksums of these must agree."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from itertools import permutations
from typing import Any

from spl.audit.copies import METRICS, Digest, output_of, read_as_recorded
from spl.audit.evidence.forms import ran_present_code
from spl.audit.result_files import BROKEN
from spl.campaign.job import Job, canonical
from spl.methods.registry import METHODS
from spl.provenance.manifest import own_manifest
from spl.study.files import DATA_FILES

# Settings that decide what a batch holds and, of unlabelled images and their strong views, those that do so, too.
SETTINGS, OF_UNLABELLED, OF_STRONG = ("batch", "flip", "crop_padding", "device"), ("mu",), ("cutout", "randaugment")
# Of a line of metrics the step and the checksum, its first and its last cell: to split it would take ten times as long.
EVALUATION = re.compile(rb"^(\d+),.*,(-?\d+)$", re.MULTILINE)


def other_batches(jobs: Mapping[str, Job], digest: Digest) -> dict[str, list[str]]:
    """Runs whose checksum of batches differs, after as many steps, from that of a run that drew the same ones. By name,
    with a line on each.

    Only runs of the present code are compared, each with the first of its kind.
    """
    known = defaultdict[str, dict[bytes, tuple[Job, bytes]]](dict)
    found = dict[str, list[str]]()
    for job in (job for job in jobs.values() if job.subcommand == "train"):
        drawn, checksums = _checksums(job, digest)
        for step, checksum in checksums:
            other, expected = known[drawn].setdefault(step, (job, checksum))
            if checksum != expected:
                for (one, mine), (another, theirs) in permutations([(job, checksum), (other, expected)]):
                    line = f"{output_of(one, METRICS)}: batch_checksum at step {step.decode()} is {mine.decode()}"
                    because = f"{another.name} has {theirs.decode()} with the same seed, labels and batches"
                    found.setdefault(one.name, [f"{line}, {because}"])  # of many, the first says enough
                break
    return found


def _checksums(job: Job, digest: Digest) -> tuple[str, list[tuple[bytes, bytes]]]:
    """What decides the batches of a run, and step and checksum of each of its evaluations; nothing of a run of other
    code, nor of one that cannot be read, which is told elsewhere."""
    with suppress(*BROKEN):
        manifest = own_manifest(job)
        if ran_present_code(job, manifest):
            inputs = (manifest.inputs[str(job.inputs[place])] for place in (0, len(DATA_FILES)))
            drawn = drawn_batches(manifest.parameter, *inputs)
            return drawn, EVALUATION.findall(read_as_recorded(output_of(job, METRICS), digest))
    return "", []


def drawn_batches(parameter: Mapping[str, Any], images: str, labelled: str) -> str:
    """All that decides what a run's batches hold, as text, given its parameter and the sha256 of images and labels."""
    method = METHODS[parameter["method"]]
    names = SETTINGS + OF_UNLABELLED * (method.weight is not None) + OF_STRONG * method.strong_view
    settings = {name: parameter["settings"][name] for name in names}
    return canonical({"seed": parameter["seed"], "images": images, "labelled": labelled, **settings})
