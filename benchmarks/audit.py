"""How fast an audit is: beside plain sha256 of the same bytes, in turn, on fabricated results of a whole study."""

from __future__ import annotations

import argparse
import csv
import gc
import hashlib
import json
import math
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir
from graphlib import TopologicalSorter
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from safetensors.numpy import save_file

from report import report
from spl.analysis.calibration import write_calibration
from spl.analysis.summary import write_summary
from spl.audit import verdicts as audit
from spl.audit.batches import drawn_batches
from spl.audit.measurements import COLUMNS, evaluation_steps
from spl.campaign.job import Job
from spl.campaign.jobs import jobs
from spl.cli.main import GARBAGE
from spl.code.subcommands import certain_files, present_code
from spl.data.splits import write_fold
from spl.data.store import Classes, Dataset, save_dataset
from spl.errors import InputError
from spl.methods.registry import METHODS
from spl.page.circumstances import circumstances_script
from spl.paper.selection import exhibits
from spl.provenance import digests
from spl.provenance.files import digest
from spl.provenance.machine import locked
from spl.provenance.manifest import Code, Hardware, Manifest, Process
from spl.study.files import DATA_FILES
from spl.study.plan import make_plan
from spl.study.reading import read_study
from spl.study.weights import read_weights
from spl.training.instructions import LEVELS
from spl.training.optimiser import unlabelled_weight

if TYPE_CHECKING:
    from spl.study.settings import Settings

PAPER = Path(__file__).parents[1] / "config" / "paper.yaml"
SMALL = 20_000
"""Bytes of a file that is not one of the largest."""
BLOCK = 1 << 20
CLASSES = 10
EVALUATIONS = 377
"""Of a run of the paper."""
PREDICTIONS = 0.3
"""Bytes of a run's predictions over those of its weights, about as of the paper on CIFAR-10."""


def measure(study: Path, gigabytes: float, repetitions: int) -> dict[str, Any]:
    """Audit a study whose results are noise, with manifests that fit them.

    Args:
        study: its file.
        gigabytes: of all files together.
        repetitions: of each pair of measurements; medians are reported.

    Returns:
        ``audit_over_sha256``: bytes a second of a whole audit over those of sha256 in one thread, reading likewise;
        ``quick_seconds``: of an audit that believes what has not changed; ``plan_seconds``: of these, what finding out
        the jobs takes, fingerprints of all code included; ``jobs``, ``files`` and ``gigabytes`` audited.

    Raises:
        InputError: the study cannot be planned.
    """
    gc.set_threshold(GARBAGE)  # as in the command
    path = study.absolute()
    with TemporaryDirectory(dir=".") as folder, chdir(folder):
        began = time.perf_counter()
        known = _jobs(path)
        planned = time.perf_counter() - began
        files = [file for job in known.values() for file in job.outputs]
        _fabricate(known, gigabytes)
        ratios, quick = [], []
        for _ in range(repetitions + 1):
            seconds = [_seconds(lambda: _sha256(files)), _seconds(lambda: _audit(known, quick=False))]
            ratios.append(seconds[0] / seconds[1])
            quick.append(_seconds(lambda: _audit(known, quick=True)))
        return {
            "audit_over_sha256": round(float(np.median(ratios[1:])), 2),
            "quick_seconds": round(planned + float(np.median(quick[1:])), 2),
            "plan_seconds": round(planned, 2),
            "jobs": len(known),
            "files": len(files),
            "gigabytes": round(sum(file.stat().st_size for file in files) / 1e9, 2),
            "cores": os.cpu_count(),
        }


def _jobs(study: Path) -> dict[str, Job]:
    plan = make_plan(read_study(study))
    return jobs(plan, exhibits(plan, str(study)))


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _sha256(files: list[Path]) -> None:
    for path in files:
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")


def _audit(known: Mapping[str, Job], quick: bool) -> None:
    paths = (path for job in known.values() for path in (*job.outputs, *job.inputs))
    found = digests.digests(paths, Path("memory.json"), quick)
    agreed = digests.read_agreed(Path("agreed.json")) if quick else set[str]()
    judged = audit.audit(known, found.__getitem__, agreed=agreed)
    digests.write_agreed(Path("agreed.json"), agreed)
    if stale := [node for node in judged.values() if node.verdict != "fresh"]:
        raise InputError(f"{stale[0].name}: fabricated, and not fresh: {stale[0].why}")


def _fabricate(known: Mapping[str, Job], gigabytes: float) -> None:
    """Write noise for every output, weights and images the largest, and a manifest for every job.

    Only what an audit compares is no noise: labelled sets, what a run says of itself, the classes of test
    images, and summaries.
    """
    files = [file for job in known.values() for file in job.outputs]
    large = {file for file in files if file.suffix == ".safetensors"}
    runs = sum(job.subcommand == "train" for job in known.values())
    size = int((gigabytes * 1e9 - SMALL * (len(files) - len(large))) / (len(large) - runs + runs * PREDICTIONS))
    noise = _noise()
    makers = {file: name for name, job in known.items() for file in job.outputs}
    needs = {name: [makers[file] for file in job.inputs if file in makers] for name, job in known.items()}
    for job in (known[name] for name in TopologicalSorter(needs).static_order()):
        for file in job.outputs:
            file.parent.mkdir(parents=True, exist_ok=True)
            left = size if file in large else SMALL
            with file.open("wb") as out:
                while left > 0:
                    left -= out.write(next(noise)[:left])
            if file.suffix == ".json":
                file.write_text(json.dumps("0" * SMALL))
        for file in set(job.outputs) - set(job.reproducible):
            file.write_text(circumstances_script({"step times": []}))
        for file in job.inputs:
            if not file.exists():  # raw data
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(next(noise)[:SMALL])
        if write := WRITERS.get(job.subcommand):
            write(job, size)
    known_digests = digests.digests(
        (file for job in known.values() for file in (*job.inputs, *job.outputs)), Path("memory.json"), quick=False
    )
    for job in known.values():
        job.manifest.write_text(_manifest(job, known_digests).model_dump_json(indent=1))


def _data(job: Job, size: int) -> None:
    pixels = 64 * max(CLASSES, size // 72)  # of images with 8 x 8 pixels and a class of 8 bytes
    noise = zlib.crc32(job.name.encode()).to_bytes(4) + b"".join(islice(_noise(), pixels // BLOCK + 1))
    images = np.frombuffer(noise, np.uint8)[:pixels].reshape(-1, 1, 8, 8)
    true = _true(size)
    dataset = Dataset(images, np.arange(len(images)) % CLASSES, np.zeros((len(true), 1, 8, 8), np.uint8), true)
    save_dataset(job.content["source"], job.content["known"]["classes"], dataset, job.outputs[0].parent)


def _true(size: int) -> Classes:
    """The classes of the test images: as many that predictions for them are that part of the weights' bytes."""
    return np.arange(CLASSES).repeat(max(1, int(size * PREDICTIONS) // EVALUATIONS // CLASSES))


def _split(job: Job, size: int) -> None:
    write_fold(job.content, job.inputs, job.outputs)


def _calibration(job: Job, size: int) -> None:
    write_calibration(job.content, job.inputs, job.outputs)


def _run(job: Job, size: int) -> None:
    """A run with noise as predictions, errors that follow from them, and losses that add up."""
    parameters, metrics, predictions, weights = job.outputs
    settings, steps = job.content["settings"], evaluation_steps(job.content["settings"])
    calibration = next((path for path in job.inputs if "calibration" in path.parts), None)
    measured = read_weights(calibration) if calibration else {}
    calibrated = {name: measured[name] for name, value in settings.items() if value == "calibrated"}
    parameters.write_text(json.dumps(job.content | {"calibrated": calibrated}))
    seed, true = zlib.crc32(job.name.encode()), _true(size).astype(np.uint8)
    predicted = np.random.default_rng(seed).integers(0, CLASSES, (len(steps), len(true)), dtype=np.uint8)
    learns = METHODS[job.content["method"]].weight is not None
    row = dict.fromkeys(COLUMNS, 1.0 if learns else math.nan)
    drawn = drawn_batches(job.content, job.content["dataset"], digest(job.inputs[len(DATA_FILES)]))
    row |= {"labelled_loss": 1.0, "labelled_accuracy": 1.0, "batch_checksum": zlib.crc32(drawn.encode())}
    resolved = cast("Settings", SimpleNamespace(**settings | calibrated))
    with metrics.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for step, classes in zip(steps, predicted, strict=True):
            loss = 1.0 + (unlabelled_weight(step - 1, resolved) if learns else 0)
            writer.writerow(row | {"step": step, "test_error": float(np.mean(classes != true)), "loss": loss})
    averaged, live = np.fromfile(weights, np.uint8)[: size // 2 * 2].reshape(2, -1)
    save_file({"averaged.noise": averaged, "network.noise": live, "classes": np.arange(CLASSES)}, weights)
    save_file({"predicted": predicted, "true": true}, predictions, {"classes": str(CLASSES)})


def _summary(job: Job, size: int) -> None:
    write_summary(job.content, job.inputs, job.outputs)


WRITERS = {"data": _data, "split": _split, "calibrate": _calibration, "train": _run, "analyse": _summary}


def _noise() -> Iterator[bytes]:
    draw = np.random.default_rng(0)
    block = bytearray(draw.bytes(BLOCK))
    while True:
        block[:8] = draw.bytes(8)
        yield bytes(block)


def _manifest(job: Job, found: Mapping[Path, str | None]) -> Manifest:
    parameter = json.loads(job.parameter)
    settings = parameter.get("settings", {})
    level = LEVELS.get(settings.get("instructions", ""))
    environment = dict(level.environment) if level else {}
    return Manifest(
        subcommand=job.subcommand,
        parameter=parameter,
        code=Code(fingerprint=present_code(job.subcommand, parameter), modules=[]),
        inputs={str(file): str(found[file]) for file in job.inputs},
        outputs={str(file): str(found[file]) for file in job.outputs},
        repository=None,
        lock="",
        packages=dict(locked()),
        hardware=_hardware(settings, environment),
        environment=environment,
        host="",
        slurm_job=None,
        begun="2026-01-01T00:00:00+00:00",
        ended="2026-01-01T00:00:01+00:00",
        process=Process(files=dict.fromkeys(certain_files(job.subcommand, parameter), "")),
    )


def _hardware(settings: Mapping[str, Any], environment: Mapping[str, str]) -> Hardware:
    """What the settings of a run, if it is one, say of its hardware."""
    return Hardware(
        gpus=["a GPU"] if settings.get("device") == "cuda" else [],
        threads=settings.get("threads"),
        deterministic=settings.get("deterministic"),
        instructions=environment.get("ATEN_CPU_CAPABILITY", "").upper(),
    )


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="half a gigabyte, one repetition")
    quick = parser.parse_args().quick
    report(lambda: measure(PAPER, 0.5 if quick else 5, 1 if quick else 3))


if __name__ == "__main__":
    main()
