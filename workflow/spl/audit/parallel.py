"""Which results agree with each other, found on all cores before verdicts are given one after the other."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection

from spl.audit.evidence.contradictions import Digest, contradictions
from spl.campaign.job import Job
from spl.provenance.manifest import own_manifest

FEW = 200  # jobs, for which starting processes takes longer than it saves
MOST_PROCESSES = 16  # what follows in one process would take longer than these


def agreeing(jobs: Sequence[Job], digest: Digest) -> set[str]:
    """What :func:`contradictions` adds to ``agreed``, for jobs of which each has its results.

    Whatever is not found here, or goes wrong, is found by who calls that function next: nothing is judged here.

    Args:
        jobs: whose results lie behind no links.
        digest: the present sha256 of a file; None if there is none.

    Returns:
        nothing for few jobs or on one core.
    """
    cores = min(len(os.sched_getaffinity(0)), MOST_PROCESSES)
    if cores == 1 or len(jobs) < FEW:
        return set()
    context = get_context("fork")  # which hands over all that was planned and read, for nothing
    shares = []
    with suppress(OSError):  # the system may allow no more processes
        for number in range(cores):
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_share, args=(jobs[number::cores], digest, sender), daemon=True)
            process.start()
            sender.close()
            shares.append((process, receiver))
    found = set[str]()
    for process, receiver in shares:
        with suppress(EOFError, OSError):  # it ended before it had said all
            found |= receiver.recv()
        process.join()
    return found


def _share(jobs: Sequence[Job], digest: Digest, sender: Connection) -> None:
    agreed = set[str]()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever interrupts the audit reads of it once
    gc.disable()  # it would go through the whole plan time and again, and nothing here refers to itself
    for job in jobs:
        with suppress(Exception):  # to be met again where it can be told
            manifest = own_manifest(job)
            if all(manifest.outputs[str(path)] == digest(path) for path in job.outputs):
                list(contradictions(job, manifest, digest, agreed))
    sender.send(agreed)
