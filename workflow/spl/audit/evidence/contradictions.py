"""Whether the results of a job agree with each other, with its manifest and with those of other jobs.

Nothing here is computed anew that takes longer than reading it: an error follows from predictions, a setting stands in
two files. What agrees may still be invented as a whole; repeating the job shows that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from spl.audit.evidence.calibration import calibration_contradictions
from spl.audit.evidence.dataset import dataset_contradictions
from spl.audit.evidence.forms import ran_present_code
from spl.audit.evidence.run import run_contradictions
from spl.audit.evidence.split import split_contradictions
from spl.audit.evidence.summary import summary_contradictions
from spl.audit.plausibility import impossible_statements
from spl.audit.result_files import read_json, read_script, readable
from spl.campaign.job import CIRCUMSTANCES, Job, canonical
from spl.page.circumstances import read_circumstances
from spl.provenance.manifest import Manifest
from spl.provenance.records import misquotations

Digest = Callable[[Path], str | None]


def contradictions(job: Job, manifest: Manifest, digest: Digest, agreed: set[str]) -> Iterator[str]:
    """A line for each contradiction, with the file and both values.

    Args:
        job: its outputs are as its manifest records them, as far as they are here.
        manifest: of the job.
        digest: the present sha256 of a file; None if there is none.
        agreed: which files were found to agree before, by digests; they are not read again, and this adds to them.
    """
    yield from impossible_statements(job, manifest)
    if job.subcommand == "page":
        yield from readable(_quoted(job, manifest), job.outputs[0].parent)
    if job.subcommand in COMPARISONS or any(path.suffix == ".json" for path in job.outputs):
        present = {path: digest(path) for path in (*job.outputs, *job.inputs) if path.is_file()}
        here = {path for path in present if present[path] == {**manifest.inputs, **manifest.outputs}.get(str(path))}
        contents = sorted((str(path), present[path]) for path in here)
        read = [manifest.parameter, ran_present_code(job, manifest), contents]
        key = hashlib.sha256(canonical({job.subcommand: read}).encode()).hexdigest()
        if key not in agreed:
            lines = list(readable(_results(job, manifest, here), job.outputs[0].parent))
            yield from lines
            if not lines:
                agreed.add(key)


def _quoted(job: Job, manifest: Manifest) -> Iterator[str]:
    """The circumstances beside a page with the manifests that they quote."""
    for path in job.outputs:
        if path.name.endswith(CIRCUMSTANCES) and path.is_file() and ran_present_code(job, manifest):
            for line in misquotations(read_circumstances(read_script(path)), manifest):
                yield f"{path}: {line}"


def _results(job: Job, manifest: Manifest, here: Collection[Path]) -> Iterator[str]:
    """The results of a job, as far as they are here, with everything that they must agree with."""
    for path in job.outputs:
        if path.suffix == ".json" and path in here:
            read_json(path)
    if compare := COMPARISONS.get(job.subcommand):
        yield from compare(job, manifest, here)


COMPARISONS = {
    "data": dataset_contradictions,
    "split": split_contradictions,
    "train": run_contradictions,
    "calibrate": calibration_contradictions,
    "analyse": summary_contradictions,
}
