"""The results of a study without its trainings: random images and numbers in place of them, all else as it is made."""

import json
import zlib
from contextlib import chdir
from graphlib import TopologicalSorter

import numpy as np
import pandas as pd
from matrices import write_predictions
from safetensors import safe_open

from spl.audit.measurements import COLUMNS, evaluation_steps
from spl.campaign.jobs import jobs
from spl.code.subcommands import entry
from spl.data.splits import draw_split, write_split
from spl.data.store import Dataset, save_dataset
from spl.paper.selection import exhibits
from spl.study.plan import make_plan
from spl.study.reading import read_study

TEST_IMAGES = 100
"""Of each class."""


def fabricate(study, folder, target=None):
    """Write the results of a study into a folder, as if it had run there; returns the page.

    A run's matrices become better over its evaluations, as many as its settings say, and some of its classes collapse.
    With a target, the name of a job, only that job and those that it needs are made.
    """
    plan = make_plan(read_study(study))
    with chdir(folder):
        planned = jobs(plan, exhibits(plan, str(study)))
        makers = {path: name for name, job in planned.items() for path in job.outputs}
        graph = {name: [makers[path] for path in job.inputs if path in makers] for name, job in planned.items()}
        wanted = upstream(target, graph) if target else planned.keys()
        for job in map(planned.get, TopologicalSorter({name: graph[name] for name in wanted}).static_order()):
            _folder(job).mkdir(parents=True, exist_ok=True)
            if make := MAKERS.get(job.subcommand):
                make(job.content, job)
            else:
                records = [{}] if job.subcommand == "page" else []
                entry(job.subcommand)(job.content, job.inputs, job.outputs, *records)
    return folder / job.outputs[0]


def upstream(name, graph):
    """A job and all that it needs."""
    return {name}.union(*(upstream(other, graph) for other in graph[name]))


def _data(content, job):
    """Smooth pictures, which are as large as photographs are when they are packed."""
    known = content["known"]
    counts, classes = known["train_counts"], len(known["classes"])
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (sum(counts), 3, 4, 4), dtype=np.uint8)
    images = coarse.repeat(known["side"] // 4, axis=2).repeat(known["side"] // 4, axis=3)
    images += random.integers(0, 12, images.shape, dtype=np.uint8)
    train = images, np.repeat(np.arange(classes), counts)
    save_dataset(content["source"], known["classes"], Dataset(*train, *(one[:classes] for one in train)), _folder(job))


def _split(content, job):
    with safe_open(job.inputs[0], framework="numpy") as arrays:
        write_split(draw_split(arrays.get_tensor("train_classes"), **content["draw"]), job.outputs[0])


def _train(content, job):
    settings = content["settings"]
    steps = evaluation_steps(settings)
    classes = len(json.loads(job.inputs[1].read_text())["classes"])
    random = np.random.default_rng(zlib.crc32(job.name.encode()))
    confusion = _matrices(random, len(steps), classes)
    right = np.trace(confusion, axis1=1, axis2=2) / (classes * TEST_IMAGES)
    checksums = [1000 * zlib.crc32(job.name.encode()) + step for step in steps]
    measured = {"step": steps, "test_error": 1 - right, "purity": right, "flips": 1 - right, "weight_movement": 0.1}
    metrics = pd.DataFrame(dict.fromkeys(COLUMNS, 0.5) | measured | {"batch_checksum": checksums})
    metrics.to_csv(_folder(job) / "metrics.csv", index=False)
    write_predictions(_folder(job) / "predictions.safetensors", confusion)
    weights = json.loads(job.inputs[3].read_text())["weights"] if content["calibration"] else {}
    found = {name: weights[name] for name, value in settings.items() if value == "calibrated"}
    job.outputs[0].write_text(json.dumps(content | {"calibrated": found}))


def _matrices(random, evaluations, classes):
    """int32 (evaluations, classes, classes): from chance to a few errors, the last class lost on the way."""
    lost = random.integers(evaluations // 2, 2 * evaluations)
    found = []
    for number in range(evaluations):
        right = 1 - 0.9 * (1 - number / evaluations) ** 2 - random.uniform(0, 0.05)
        shares = np.full((classes, classes), (1 - right) / (classes - 1))
        np.fill_diagonal(shares, right)
        if number > lost:
            shares[:, 0] += shares[:, -1]
            shares[:, -1] = 0
        found.append(random.multinomial(TEST_IMAGES, shares))
    return np.array(found, dtype=np.int32)


def _folder(job):
    return job.outputs[0].parent


MAKERS = {"data": _data, "split": _split, "train": _train}
