"""Runs of one seed and labelled set, which draw the same batches: their checksums of these must agree."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from itertools import permutations

from spl.audit.copies import METRICS, Digest, output_of, read_as_recorded
from spl.audit.evidence.forms import ran_present_code
from spl.audit.result_files import BROKEN
from spl.campaign.job import Job, canonical
from spl.methods.registry import METHODS
from spl.provenance.manifest import Manifest, own_manifest
from spl.study.files import DATA_FILES

# Settings that decide what a batch holds and, of unlabelled images and their strong views, those that do so, too.
SETTINGS, OF_UNLABELLED, OF_STRONG = ("batch", "flip", "crop_padding", "device"), ("mu",), ("cutout", "randaugment")


def other_batches(jobs: Mapping[str, Job], digest: Digest) -> dict[str, list[str]]:
    """Runs whose checksum of batches differs, after as many steps, from that of a run that drew the same ones. By name,
    with a line on each.

    Only runs of the present code are compared, each with the first of its kind.
    """
    first: dict[tuple[str, str], tuple[Job, str]] = {}
    found = dict[str, list[str]]()
    for job in (job for job in jobs.values() if job.subcommand == "train"):
        for drawn, step, checksum in _checksums(job, digest):
            other, expected = first.setdefault((drawn, step), (job, checksum))
            if checksum != expected:
                for (one, mine), (another, theirs) in permutations([(job, checksum), (other, expected)]):
                    line = f"{output_of(one, METRICS)}: batch_checksum at step {step} is {mine}"
                    because = f"{another.name} has {theirs} with the same seed, labels and batches"
                    found.setdefault(one.name, []).append(f"{line}, {because}")
                break
    return found


def _checksums(job: Job, digest: Digest) -> list[tuple[str, str, str]]:
    """What decides the batches of a run, as text, with step and checksum of each of its evaluations; nothing of a run
    of other code, nor of one that cannot be read, which is told elsewhere."""
    with suppress(*BROKEN):
        manifest = own_manifest(job)
        if ran_present_code(job, manifest):
            drawn, metrics = _drawn(job, manifest), read_as_recorded(output_of(job, METRICS), digest).decode()
            names, *rows = (line.split(",") for line in metrics.splitlines())
            step, checksum = names.index("step"), names.index("batch_checksum")
            return [(drawn, row[step], row[checksum]) for row in rows]
    return []


def _drawn(job: Job, manifest: Manifest) -> str:
    """All that decides what a run's batches hold, as text."""
    parameter, method = manifest.parameter, METHODS[manifest.parameter["method"]]
    images, labelled = (manifest.inputs[str(job.inputs[place])] for place in (0, len(DATA_FILES)))
    names = SETTINGS + OF_UNLABELLED * (method.weight is not None) + OF_STRONG * method.strong_view
    settings = {name: parameter["settings"][name] for name in names}
    return canonical({"seed": parameter["seed"], "images": images, "labelled": labelled, **settings})
