"""Evidence that contradicts itself is a verdict of its own, whoever made digests, manifests and seal fit it."""

import csv
import dataclasses
import errno
import json
import math
import os
import platform
import resource
from contextlib import chdir, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from chain import process
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import write_predictions
from pydantic_core import to_json
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from train_job import train_parameter

from spl.analysis.calibration import write_calibration
from spl.analysis.summary import MEDIAN_OVER, write_summary
from spl.attempts.journal import Attempt, note, read_attempts
from spl.audit import parallel
from spl.audit.batches import other_batches
from spl.audit.evidence import summary
from spl.audit.measurements import COLUMNS
from spl.audit.result_files import read_measurements
from spl.audit.verdicts import audit
from spl.campaign.job import Job, canonical
from spl.code.subcommands import entry, present_code, with_code
from spl.data.registry import SOURCES
from spl.data.splits import Split, draw_split, write_split
from spl.data.store import Dataset, save_dataset
from spl.methods.registry import METHODS
from spl.provenance import machine
from spl.provenance.files import digest
from spl.provenance.manifest import Hardware, Manifest, RecordedAttempt
from spl.provenance.recording import recorded
from spl.study.files import DATA_FILES, RUN_FILES, SUMMARISED
from spl.training.evaluation import MEASURES, make_evaluation
from spl.training.instructions import LEVELS

BASINS = {"collapsed": 0.01, "partly_collapsed": 0.5, "recall": 0.25, "unstable": 0.05}
STEPS, LAMBDA_U = (10, 20), 1.5
RUNS = {seed: f"digits/balanced-2/fold0/fixmatch/seed{seed}" for seed in (0, 1)}
HARDWARE = {"processor": "A", "instructions": "AVX2", "threads": 1, "deterministic": True}
NOW = datetime.now(UTC).replace(microsecond=0)


class Fabricated:
    """Two runs, a calibration of one of them, and their summary, as jobs would have left them."""

    def __init__(self, folder):
        self.results = folder / "results/fake"
        self.data = [self.results / f"data/digits/{name}" for name in DATA_FILES]
        self.split = self.results / "splits/digits/balanced-2/fold0.json"
        self.calibration = self.results / "calibration/digits.json"
        self.jobs = {f"runs/{path}": self.run(path, seed) for seed, path in RUNS.items()}
        summarised = [self.results / f"runs/{path}/{name}" for path in RUNS.values() for name in SUMMARISED]
        content = with_code("analyse", {"runs": [*RUNS.values()], "missing": {}, "basins": BASINS})
        self.summary = Job(
            "analysis/all", "analyse", canonical(content), tuple(summarised), (self.results / "analysis/all.csv",)
        )
        self.jobs[self.summary.name] = self.summary

    def run(self, path, seed):
        content = json.loads(train_parameter(steps=STEPS[-1], instructions="avx2")) | {
            "seed": seed, "dataset": "digits", "split": "digits/balanced-2/fold0", "fold": 0, "labels": 2,
            "split_seed": 0, "variant": "", "calibration": "digits", "start": "",
        }  # fmt: skip
        content["settings"] |= {"lambda_u": "calibrated"}
        outputs = tuple(self.results / f"runs/{path}/{name}" for name in RUN_FILES)
        return Job(f"runs/{path}", "train", canonical(content), (*self.data, self.split, self.calibration), outputs)

    def make(self):
        for path in (self.data[0], self.split, self.calibration, *(job.outputs[0] for job in self.jobs.values())):
            path.parent.mkdir(parents=True, exist_ok=True)
        images = np.random.default_rng(0).integers(0, 256, (30, 1, 4, 4), dtype=np.uint8)
        classes = np.arange(3).repeat(10)
        save_dataset("digits", ["a", "b", "c"], Dataset(images, classes, images, classes), self.data[0].parent)
        write_split(Split("balanced", 0, [0, 10], [], None, [1, 1], [10, 10, 10]), self.split)
        self.calibration.write_text(json.dumps({"weights": {"lambda_u": LAMBDA_U, "lambda_max": 2.0}}))
        for seed, path in RUNS.items():
            self.train(self.jobs[f"runs/{path}"], seed)
        write_summary(self.summary.content, self.summary.inputs, self.summary.outputs)
        self.record(self.summary)

    def train(self, job, seed):
        parameters, metrics, predictions, weights = job.outputs
        matrices = [np.diag([10, 10, 10]), np.array([[9 - seed, 1 + seed, 0], [3, 7, 0], [0, 0, 10]])]
        write_predictions(predictions, matrices)
        with metrics.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for step, matrix in zip(STEPS, matrices, strict=True):
                error = float(np.mean(np.arange(30) >= np.trace(matrix)))
                row = dict.fromkeys(COLUMNS, 0.5) | {"step": step, "test_error": error, "loss": 0.5 + LAMBDA_U * 0.5}
                writer.writerow((row | {"flips": math.nan, "batch_checksum": 7 * step + seed}).values())
        of_network = dict.fromkeys(("averaged.w", "network.w"), np.full(3, seed, np.float32))
        save_file(of_network | {"classes": np.arange(3)}, weights)
        parameters.write_text(json.dumps(job.content | {"calibrated": {"lambda_u": LAMBDA_U}}))
        note(self.journal(job).parent, event="start", identity="i", first=0, host="h", pid=1, job=None)
        note(self.journal(job).parent, event="end", status="done", reason="", seconds=1.0)
        self.record(job, attempts=[vars(one) for one in read_attempts(self.journal(job).parent)], hardware=HARDWARE)

    def journal(self, job):
        path = self.results / "checkpoints" / job.name.removeprefix("runs/") / "journal.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def record(self, job, **changes):
        locked, now = machine.locked(), datetime.now(UTC).replace(microsecond=0)
        known = {
            "subcommand": job.subcommand, "parameter": job.content,
            "code": {"fingerprint": present_code(job.subcommand, job.content), "modules": []},
            "inputs": {str(path): digest(path) for path in job.inputs},
            "outputs": {str(path): digest(path) for path in job.outputs},
            "repository": None, "lock": "", "hardware": {}, "host": "h", "slurm_job": None,
            "packages": {"python": platform.python_version()}
            | {name: locked[name] for name in ("numpy", "pandas", "safetensors", "torch")},
            "environment": dict(LEVELS["avx2"].environment),
            "begun": (now - timedelta(seconds=3)).isoformat(), "ended": (now + timedelta(seconds=3)).isoformat(),
            "process": process(job.subcommand, job.content),
        }  # fmt: skip
        job.manifest.write_text(Manifest(**known | changes).model_dump_json())

    def edit(self, name, change):
        """Change a manifest."""
        path = self.jobs[name].manifest
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    def reseal(self):
        """Make every manifest fit the files as they are, as an attacker does."""
        for name, job in self.jobs.items():
            self.edit(
                name,
                lambda content, job=job: content.update(
                    inputs={str(path): digest(path) for path in job.inputs},
                    outputs={str(path): digest(path) for path in job.outputs},
                ),
            )

    def judge(self, agreed=None):
        return audit(self.jobs, lambda path: digest(path) if path.exists() else None, agreed=agreed)


@pytest.fixture
def fabricated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Fabricated(Path())
    made.make()
    return made


FIRST, SECOND = (f"runs/{path}" for path in RUNS.values())


def contradiction(fabricated, name=FIRST):
    """The reasons of a verdict, which must be this one."""
    node = fabricated.judge()[name]
    assert node.verdict == "contradictory", node
    return "; ".join(node.why)


def files(fabricated, name=FIRST):
    return {path.name: path for path in fabricated.jobs[name].outputs}


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_what_agrees_is_fresh(fabricated):
    assert {name: node.verdict for name, node in fabricated.judge().items()} == dict.fromkeys(fabricated.jobs, "fresh")


def test_an_edited_error_is_not_that_of_the_predictions(fabricated):
    metrics = files(fabricated)["metrics.csv"]
    replace(metrics, "0.13333333333333333", "0.06666666666666667")
    fabricated.reseal()
    assert f"{metrics}: test_error at step 20 is 0.06666666666666667" in contradiction(fabricated)
    assert "predictions.safetensors has 0.13333333333333333" in contradiction(fabricated)
    assert fabricated.judge()["analysis/all"].verdict == "contradictory", "the summary has the error of before"


@given(error=st.floats(0, 1).filter(lambda error: error != 4 / 30))
def test_no_other_error_follows_from_the_predictions(tmp_path_factory, error):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("edited"))
        fabricated = Fabricated(Path())
        fabricated.make()
        replace(files(fabricated)["metrics.csv"], "0.13333333333333333", repr(error))
        fabricated.reseal()
        assert "test_error at step 20" in contradiction(fabricated)


@pytest.fixture
def _little_memory():
    """More than an honest audit needs, less than what these files ask for."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**32, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, limits)


@pytest.mark.usefixtures("_little_memory")
@pytest.mark.parametrize("tested", [30, 2**16])
def test_no_matrix_is_made_of_more_classes_than_there_are(fabricated, tested):
    """Of 65536 classes it would take 32 GiB."""
    path = files(fabricated)["predictions.safetensors"]
    true = np.arange(tested).astype(np.uint16)
    save_file({"predicted": np.stack([true, true]), "true": true}, path, {"classes": str(2**16)})
    fabricated.reseal()
    assert "65536 classes, results/fake/data/digits/images.safetensors has 3" in contradiction(fabricated)
    assert f"{RUNS[0]}: predictions.safetensors" in contradiction(fabricated, "analysis/all")


def test_a_summary_of_runs_on_data_that_were_prepared_again_is_of_its_runs(fabricated):
    """With one class more: that makes runs stale, and contradicts nothing."""
    content = json.loads(fabricated.data[1].read_text())
    fabricated.data[1].write_text(json.dumps(content | {"classes": ["a", "b", "c", "d"]}))
    nodes = fabricated.judge()
    assert [nodes[name].verdict for name in (FIRST, "analysis/all")] == ["stale", "broken-chain"]


@pytest.mark.usefixtures("_little_memory")
def test_no_list_is_made_of_more_evaluations_than_a_run_has(fabricated):
    """The plan is compared later: until then a manifest may state any settings."""
    settings = {"steps": 10**12, "evaluate_every": 1, "evaluate_late_every": 1}
    fabricated.edit(FIRST, lambda manifest: manifest["parameter"]["settings"].update(settings))
    parameters = files(fabricated)["parameters.json"]
    content = json.loads(parameters.read_text())
    parameters.write_text(json.dumps(content | {"settings": content["settings"] | settings}))
    fabricated.reseal()
    assert "evaluation 1 is at step 10, settings say 1" in contradiction(fabricated)


def test_swapped_predictions_are_not_of_these_metrics(fabricated):
    first, second = (files(fabricated, name)["predictions.safetensors"] for name in (FIRST, SECOND))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    fabricated.reseal()
    assert "test_error at step 20" in contradiction(fabricated)
    assert "test_error at step 20" in contradiction(fabricated, SECOND)


def test_a_dropped_evaluation_is_missed(fabricated):
    metrics = files(fabricated)["metrics.csv"]
    metrics.write_text("\n".join(metrics.read_text().splitlines()[:-1]) + "\n")
    fabricated.reseal()
    assert "1 evaluations, " in contradiction(fabricated)


def test_an_evaluation_is_moved_to_no_other_step(fabricated):
    """Else the best error could be that of any step."""
    replace(files(fabricated)["metrics.csv"], "\n10,", "\n11,")
    fabricated.reseal()
    assert "metrics.csv: evaluation 1 is at step 11, settings say 10" in contradiction(fabricated)


# Of the last evaluation: a cell that no run writes.
MEASURED = {
    "more than all": ("coverage", "1.5"),
    "less than nothing": ("flips", "-0.1"),
    "a negative loss": ("unweighted_loss", "-0.5"),
    "no loss": ("unlabelled_loss", "nan"),
    "an infinite loss": ("unweighted_loss", "inf"),
    "no purity where pseudo-labels count": ("purity", "nan"),
    "a loss that its parts do not make": ("loss", "1.26"),
    "half a checksum": ("batch_checksum", "0.5"),
}


@pytest.mark.parametrize("name", MEASURED)
def test_metrics_hold_what_runs_can_measure(fabricated, name):
    column, cell = MEASURED[name]
    metrics = files(fabricated)["metrics.csv"]
    write_rows(metrics, with_cell(rows_of(metrics), 2, column, cell))
    fabricated.reseal()
    assert f"{metrics}: {column} at step 20 is {cell}" in contradiction(fabricated)


@pytest.mark.parametrize(
    ("column", "cell", "contradicted"),
    [
        ("coverage", "0.0", "purity at step 20 is 0.5"),
        ("coverage", "0.0", "unlabelled_loss at step 20 is 0.5"),
        ("unweighted_loss", "0.4999", "unlabelled_loss at step 20 is 0.5"),
    ],
)
def test_no_weights_from_0_to_1_leave_these_losses(fabricated, column, cell, contradicted):
    metrics = files(fabricated)["metrics.csv"]
    write_rows(metrics, with_cell(rows_of(metrics), 2, column, cell))
    fabricated.reseal()
    assert f"{metrics}: {contradicted}" in contradiction(fabricated)


def test_true_classes_are_those_of_the_data_set(fabricated):
    path = files(fabricated)["predictions.safetensors"]
    arrays = load_file(path)
    flipped = {name: np.ascontiguousarray(array[..., ::-1]) for name, array in arrays.items()}
    save_file(flipped, path, {"classes": "3"})
    fabricated.reseal()
    assert "the true classes are not those of the test images in results/fake/data" in contradiction(fabricated)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        (("seed",), 1, 'parameters.json: seed is 1, results/fake'),
        (("settings", "steps"), 40, "settings.steps is 40"),
        (("settings", "new"), 1, "settings.new is 1, results/fake/runs/"),
        (("calibrated", "lambda_u"), 1.25, "calibrated.lambda_u is 1.25, results/fake/calibration/digits.json has 1.5"),
    ],
)  # fmt: skip
def test_parameters_beside_a_run_are_those_of_its_manifest(fabricated, key, value, expected):
    path = files(fabricated)["parameters.json"]
    content = json.loads(path.read_text())
    place = content
    for part in key[:-1]:
        place = place[part]
    place[key[-1]] = value
    path.write_text(json.dumps(content))
    fabricated.reseal()
    assert expected in contradiction(fabricated)


def copy_onto_the_second(fabricated, *names):
    for name in names:
        files(fabricated, SECOND)[name].write_bytes(files(fabricated)[name].read_bytes())
    fabricated.reseal()


def test_a_run_on_the_place_of_another_says_so_itself(fabricated):
    copy_onto_the_second(fabricated, *RUN_FILES)
    assert "seed1/parameters.json: seed is 0, results/fake/runs/" in contradiction(fabricated, SECOND)


def test_a_copied_run_whose_parameters_were_edited_has_the_batches_of_another_seed(fabricated):
    copy_onto_the_second(fabricated, *RUN_FILES[1:])
    expected = f"batch_checksum is 140, as of {FIRST}, which has another seed"
    assert expected in contradiction(fabricated, SECOND)
    assert f"as of {SECOND}" in contradiction(fabricated, FIRST), "either may be the copy"


def pass_off_the_second_as_of_seed_0(fabricated):
    job = fabricated.jobs[SECOND]
    content = job.content | {"seed": 0}
    fabricated.jobs[SECOND] = dataclasses.replace(job, parameter=canonical(content))
    fabricated.edit(SECOND, lambda manifest: manifest.update(parameter=content))
    edit_json(files(fabricated, SECOND)["parameters.json"], lambda parameters: parameters.update(seed=0))


@pytest.mark.parametrize("step", [*STEPS])
def test_a_run_of_another_seed_has_other_batches_than_the_runs_of_its_own(fabricated, step):
    """It was trained with a seed that was chosen by its outcome; parameters, manifest and digests were made to fit."""
    pass_off_the_second_as_of_seed_0(fabricated)
    metrics = files(fabricated, SECOND)["metrics.csv"]
    for number, other in enumerate(STEPS, 1):
        if other != step:
            write_rows(metrics, with_cell(rows_of(metrics), number, "batch_checksum", str(7 * other)))
    fabricated.reseal()
    said = f"batch_checksum at step {step} is {7 * step + 1}, {FIRST} has {7 * step} with the same seed, labels and b"
    assert f"{metrics}: {said}" in contradiction(fabricated, SECOND)
    assert f"{SECOND} has {7 * step + 1}" in contradiction(fabricated, FIRST), "either may be of another seed"


SPLIT, IMAGES = "results/fake/splits/digits/balanced-2/fold0.json", "results/fake/data/digits/images.safetensors"
OTHERWISE = {
    "other labels": lambda manifest: manifest["inputs"].update({SPLIT: "0" * 64}),
    "other images": lambda manifest: manifest["inputs"].update({IMAGES: "0" * 64}),
    "another batch": lambda manifest: manifest["parameter"]["settings"].update(batch=7),
    "another augmentation": lambda manifest: manifest["parameter"]["settings"].update(cutout=7),
    "other code": lambda manifest: manifest["code"].update(fingerprint="0" * 64),
}


@pytest.mark.parametrize("otherwise", OTHERWISE)
def test_runs_that_drew_other_batches_are_not_compared(fabricated, otherwise):
    """They are stale."""
    pass_off_the_second_as_of_seed_0(fabricated)
    fabricated.reseal()
    fabricated.edit(SECOND, OTHERWISE[otherwise])
    assert other_batches(fabricated.jobs, digest) == {}


def test_a_run_in_the_place_of_one_with_another_loss_weight(fabricated):
    """Same labels, same seed, hence the same batches; its parameters, manifest and digests were made to fit."""
    job = fabricated.jobs[SECOND]
    content = job.content | {"seed": 0}
    content["settings"]["lambda_u"] = 1.0
    fabricated.jobs[SECOND] = dataclasses.replace(job, parameter=canonical(content))
    fabricated.edit(SECOND, lambda manifest: manifest.update(parameter=content))
    files(fabricated, SECOND)["parameters.json"].write_text(json.dumps(content | {"calibrated": {}}))
    copy_onto_the_second(fabricated, *RUN_FILES[1:])
    assert "loss at step 10 is 1.25, labelled_loss and 1 unlabelled_loss make 1" in contradiction(fabricated, SECOND)
    assert f"the same bytes as of {FIRST}, which has another loss weight" in contradiction(fabricated, SECOND)


SEPARATORS = ",\n"


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        (",0.1333333333,", ",0.0333333333,", "error_last"),
        (",high,", ",low,", "basin"),
        (",0.5\n", ",0.75\n", "purity"),
        (",fixmatch,", ",flexmatch,", "method"),
    ],
)
def test_a_summary_is_of_its_runs(fabricated, old, new, column):
    [summary] = fabricated.summary.outputs
    replace(summary, old, new)
    fabricated.reseal()
    reasons = contradiction(fabricated, "analysis/all")
    assert (
        f"{summary}: {column} of {RUNS[0]} is {new.strip(SEPARATORS)}, its files say {old.strip(SEPARATORS)[:6]}"
        in reasons
    )


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def write_rows(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def with_cell(rows, number, column, value):
    row = dict(zip(rows[0], rows[number], strict=True)) | {column: value}
    return [*rows[:number], list(row.values()), *rows[number + 1 :]]


def without_column(rows, column):
    place = rows[0].index(column)
    return [[*row[:place], *row[place + 1 :]] for row in rows]


FORGED_ROWS = {
    "a run is left out": (lambda rows: rows[:-1], "its runs are not those of"),
    "a run counts twice": (lambda rows: [*rows, rows[1]], "its runs are not those of"),
    "runs of nobody": (lambda rows: [*rows, ["another", *rows[1][1:]]], "its runs are not those of"),
    "another order": (lambda rows: [rows[0], rows[2], rows[1]], "its runs are not those of"),
    "a name that no run has": (lambda rows: with_cell(rows, 1, "run", f"{rows[1][0]} "), "its runs are not those of"),
    "a column twice, of which pandas takes the first": (
        lambda rows: [["error_last", *rows[0]], *(["0.0", *row] for row in rows[1:])], "has a column twice",
    ),
    "a cell too many, which moves all columns of pandas": (
        lambda rows: [rows[0], *([row[0], *row] for row in rows[1:])], "not what a job writes: ValueError",
    ),
    "fewer evaluations in the median": (lambda rows: with_cell(rows, 1, "median_over", "1"), "median_over of"),
    "a column is left out, empty in all rows": (lambda rows: without_column(rows, "collapsed"), "collapsed of"),
    "a column more": (lambda rows: [[*row, "power" if row is rows[0] else "2"] for row in rows], "it has power"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED_ROWS)
def test_a_summary_has_each_of_its_runs_once_and_their_columns(fabricated, name):
    forge, expected = FORGED_ROWS[name]
    [summary] = fabricated.summary.outputs
    write_rows(summary, forge(rows_of(summary)))
    fabricated.reseal()
    assert expected in contradiction(fabricated, "analysis/all")


def test_runs_that_are_missing_have_the_rows_that_their_settings_say(fabricated):
    content, [summary] = fabricated.summary.content, fabricated.summary.outputs
    content |= {"missing": {RUNS[1]: {"method": "fixmatch", "seed": 1, "lambda_u": None, "power": 7}}}
    done = fabricated.summary.inputs[: len(SUMMARISED)]
    job = fabricated.jobs["analysis/all"] = dataclasses.replace(
        fabricated.summary, parameter=canonical(content), inputs=done
    )
    write_summary(content, job.inputs, job.outputs)
    fabricated.record(job)
    assert fabricated.judge()["analysis/all"].verdict == "fresh"
    honest = rows_of(summary)
    for row, name, cell in (
        (2, "method", "flexmatch"),
        (2, "error_last", "0.001"),
        (2, "collapses", "1"),
        (1, "power", "7"),
    ):
        write_rows(summary, with_cell(honest, row, name, cell))
        fabricated.reseal()
        assert f"{name} of {RUNS[row - 1]} is {cell}, its files say " in contradiction(fabricated, "analysis/all")


def test_the_median_is_over_as_many_evaluations_as_summaries_take():
    assert summary.MEDIAN_OVER == MEDIAN_OVER


def test_no_reader_finds_another_error_under_the_same_name(fabricated):
    """Of two columns pandas takes the first, others the last."""
    path = files(fabricated)["metrics.csv"]
    header, *rows = rows_of(path)
    write_rows(path, [["test_error", *header], *(["0.0", *row] for row in rows)])
    fabricated.reseal()
    assert "metrics.csv has a column twice" in contradiction(fabricated)


def test_no_reader_finds_another_setting_under_the_same_name(fabricated):
    replace(files(fabricated)["parameters.json"], "{", '{"method": "flexmatch", ')
    fabricated.reseal()
    assert "parameters.json: it has the name 'method' twice" in contradiction(fabricated)


def test_a_folder_in_the_place_of_predictions_hides_no_contradiction(fabricated):
    path = files(fabricated)["predictions.safetensors"]
    replace(files(fabricated)["metrics.csv"], "0.1333333333", "0.0333333333")
    path.unlink()
    path.mkdir()
    (path / "anything").touch()
    fabricated.reseal()
    node = fabricated.judge()[FIRST]
    assert (node.verdict, node.why) == ("tampered", (f"{path} is a folder; expected a file",))


# How a number can be written so that Python reads it, and other programs another number, or none.
FORMS = {
    "underscores": lambda text: f"{text[:-1]}_{text[-1]}",
    "digits of another script": lambda text: text.translate({ord("0") + digit: 0x0660 + digit for digit in range(10)}),
    "a blank before": lambda text: f" {text}",
    "a blank after": lambda text: f"{text} ",
    "a sign": lambda text: f"+{text}",
    "a zero before": lambda text: f"0{text}",
    "digits that say nothing": lambda text: f"{text}{'' if '.' in text else '.0'}000",
    "an exponent": lambda text: f"{text}e0",
    "quotes": lambda text: f'"{text}"',
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("column", ["test_error", "batch_checksum"])
def test_metrics_hold_numbers_as_jobs_write_them(fabricated, form, column):
    path = files(fabricated)["metrics.csv"]
    rows = rows_of(path)
    cells = with_cell(rows, 1, column, FORMS[form](dict(zip(rows[0], rows[1], strict=True))[column]))
    path.write_text("".join(f"{','.join(row)}\n" for row in cells))
    fabricated.reseal()
    assert "not what a job writes: ValueError: metrics.csv" in contradiction(fabricated)


@pytest.mark.parametrize("form", ["NaN", "+nan", "NAN", "infinity", "Inf", "", "null", "0x1p0", "1d0"])
def test_metrics_say_in_one_way_that_a_number_is_unknown(fabricated, form):
    path = files(fabricated)["metrics.csv"]
    assert ",nan," in path.read_text()
    replace(path, ",nan,", f",{form},")
    fabricated.reseal()
    assert "not what a job writes: ValueError: metrics.csv: " in contradiction(fabricated)


@given(number=st.integers() | st.floats(allow_nan=False, allow_infinity=False), form=st.sampled_from(sorted(FORMS)))
def test_a_number_as_python_writes_it_is_read_and_no_other_form_of_it(tmp_path_factory, number, form):
    path = tmp_path_factory.mktemp("number") / "metrics.csv"
    path.write_text(f"step\n{number!r}\n")
    assert repr(read_measurements(path)) == repr({"step": [number]})
    path.write_text(f"step\n{FORMS[form](repr(number))}\n")
    with pytest.raises(ValueError, match="metrics.csv"):
        read_measurements(path)


WRITTEN = [
    *(repr, "{:.10g}".format, "{:.17g}".format, "{:.20f}".format, lambda number: json.dumps(number).upper()),
    lambda number: to_json(number).decode(),
]
NUMBERS = st.integers(-(10**30), 10**30) | st.floats() | st.floats(0, 1) | st.floats(1e-8, 1e-3) | st.floats(1e14, 1e18)
CELLS = st.builds(lambda number, form: form(number), NUMBERS, st.sampled_from(WRITTEN)) | st.sampled_from(
    ["", "-", "0.", "00", "-0", "-0.0", "1e-8", "1e16", "NaN", "null", "true", "[1", "2]", '{"a":1}', "1_0", "0.00001"]
)


def python_writes(cell: str) -> bool:
    """Whether a cell is what Python writes for the number in it."""
    with suppress(ValueError):
        return cell == repr(int(cell))
    with suppress(ValueError):
        return cell == repr(float(cell))
    return False


@settings(max_examples=1000)
@given(st.lists(CELLS, min_size=1, max_size=4))
def test_a_column_is_read_if_python_writes_all_its_numbers_so(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("numbers") / "metrics.csv"
    path.write_text("".join(f"{cell}\n" for cell in ["step", *cells]))
    if all(map(python_writes, cells)):
        assert repr(read_measurements(path)["step"]) == f"[{', '.join(cells)}]"
    else:
        with pytest.raises(ValueError, match="metrics.csv"):
            read_measurements(path)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("column", ["error_last", "steps"])
def test_a_summary_holds_numbers_as_jobs_write_them(fabricated, form, column):
    [summary] = fabricated.summary.outputs
    rows = rows_of(summary)
    cells = with_cell(rows, 1, column, FORMS[form](dict(zip(rows[0], rows[1], strict=True))[column]))
    summary.write_text("".join(f"{','.join(row)}\n" for row in cells))
    fabricated.reseal()
    assert contradiction(fabricated, "analysis/all")


def test_a_summary_has_the_ends_of_lines_that_jobs_write(fabricated):
    [summary] = fabricated.summary.outputs
    summary.write_bytes(summary.read_bytes().replace(b"\n", b"\r\n"))
    fabricated.reseal()
    assert "other quotes or ends of lines than jobs write" in contradiction(fabricated, "analysis/all")


def test_the_columns_of_metrics_are_those_that_runs_write():
    method = METHODS["fixmatch"]
    images = np.zeros((2, 1, 4, 4), np.uint8)
    dataset = Dataset(images, np.arange(2), images, np.arange(2))
    means = torch.ones(len(MEASURES), dtype=torch.float64)
    assert tuple(make_evaluation(1, means, np.arange(2), dataset, 0, method).measures) == COLUMNS


def with_column(path, name, cell):
    header, *rows = rows_of(path)
    write_rows(path, [[*header, name], *([*row, cell] for row in rows)])


def test_metrics_have_no_column_that_no_run_writes(fabricated):
    path = files(fabricated)["metrics.csv"]
    with_column(path, "validation_error", "0.01")
    fabricated.reseal()
    assert f"{path}: it has validation_error, which no job writes" in contradiction(fabricated)


def test_metrics_have_their_columns_in_the_order_in_which_runs_write_them(fabricated):
    """Where a column is looked for by its place, it would not be found."""
    metrics = files(fabricated)["metrics.csv"]
    write_rows(metrics, [[row[-1], *row[1:-1], row[0]] for row in rows_of(metrics)])
    fabricated.reseal()
    assert f"{metrics}: its columns are in another order than a run writes them" in contradiction(fabricated)


def test_metrics_have_every_column_that_runs_write(fabricated):
    path = files(fabricated)["metrics.csv"]
    write_rows(path, without_column(rows_of(path), "flips"))
    fabricated.reseal()
    assert f"{path}: it has no flips" in contradiction(fabricated)


def rewrite(path, tensors=None, metadata=None):
    """A safetensors file with more tensors and other metadata."""
    with safe_open(path, "np") as file:
        metadata = {**(file.metadata() or {}), **(metadata or {})}
    save_file({**load_file(path), **(tensors or {})}, path, metadata or None)


def rewrite_header(path, old, new):
    """A safetensors file with another text in its header."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + size].decode()
    assert old in header
    header = header.replace(old, new, 1)
    path.write_bytes(len(header.encode()).to_bytes(8, "little") + header.encode() + content[8 + size :])


ONE = np.ones(1, np.uint8)
PREDICTIONS, WEIGHTS = "predictions.safetensors", "weights.safetensors"
OF_ONE_NETWORK = "expected averaged and live weights of one network"
EMPTY = '"predicted":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},'
TENSORS = {
    "a further tensor of predictions": (
        PREDICTIONS, lambda path: rewrite(path, {"corrected": ONE}), "it has corrected, which no job writes"
    ),
    "a remark on predictions": (
        PREDICTIONS, lambda path: rewrite(path, metadata={"audited": "yes"}), 'its metadata have audited "yes"'
    ),
    "more classes than the data set has": (
        PREDICTIONS, lambda path: rewrite(path, metadata={"classes": "4"}), "4 classes, "
    ),
    "classes in digits of another script": (
        PREDICTIONS, lambda path: rewrite(path, metadata={"classes": "٣"}), 'its metadata have classes "٣"'
    ),
    "classes in a wider type": (
        PREDICTIONS,
        lambda path: rewrite(path, {name: array.astype(np.uint16) for name, array in load_file(path).items()}),
        "expected uint8, the smallest type for 3 classes",
    ),
    "predictions of a class that is not there": (
        PREDICTIONS,
        lambda path: rewrite(path, {"predicted": load_file(path)["predicted"] + np.uint8(3)}),
        "it has classes from 3 on, where there are 3",
    ),
    "one prediction for all images": (
        PREDICTIONS,
        lambda path: rewrite(path, {"predicted": np.zeros((2, 1), np.uint8)}),
        "predictions (2, 1) for (30,) test images",
    ),
    "predictions of another shape, whose errors would take a terabyte": (
        PREDICTIONS,
        lambda path: rewrite(path, {"predicted": np.zeros((2, 0, 2**40), np.uint8), "true": np.zeros(1, np.uint8)}),
        "ValueError: predictions (2, 0, 1099511627776) for (1,) test images",
    ),
    "a table of predictions for each image": (
        PREDICTIONS,
        lambda path: rewrite(path, {"predicted": np.zeros((2, 30, 1), np.uint8)}),
        "ValueError: predictions (2, 30, 1) for (30,) test images",
    ),
    "predictions twice": (
        PREDICTIONS,
        lambda path: rewrite_header(path, '"predicted":', f'{EMPTY}"predicted":'),
        "it has the name 'predicted' twice",
    ),
    "a remark on a tensor": (
        PREDICTIONS,
        lambda path: rewrite_header(path, '"true":{', '"true":{"audited":"yes",'),
        "'true': expected data_offsets, dtype, shape alone",
    ),
    "a further tensor of weights": (
        WEIGHTS, lambda path: rewrite(path, {"best.w": ONE}), "it has best.w, which are no weights"
    ),
    "no weights": (WEIGHTS, lambda path: save_file({"classes": np.arange(3)}, path), OF_ONE_NETWORK),
    "live weights alone": (
        WEIGHTS, lambda path: save_file({"network.w": ONE, "classes": np.arange(3)}, path), OF_ONE_NETWORK
    ),
    "averages of another network": (WEIGHTS, lambda path: rewrite(path, {"averaged.v": ONE}), OF_ONE_NETWORK),
    "no classes of outputs": (
        WEIGHTS, lambda path: save_file({"network.w": ONE, "averaged.w": ONE}, path), OF_ONE_NETWORK
    ),
    "a remark on weights": (
        WEIGHTS, lambda path: rewrite(path, metadata={"by": "me"}), 'its metadata have by "me"'
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TENSORS)
def test_files_of_tensors_hold_what_runs_write_and_nothing_else(fabricated, name):
    file, change, expected = TENSORS[name]
    path = files(fabricated)[file]
    change(path)
    fabricated.reseal()
    assert expected in contradiction(fabricated)


def test_files_of_a_run_of_other_code_are_stale_and_no_lie(fabricated):
    """Earlier code may have written other columns."""
    path = files(fabricated)["metrics.csv"]
    with_column(path, "validation_error", "0.01")
    fabricated.reseal()
    fabricated.edit(FIRST, lambda manifest: manifest["code"].update(fingerprint="0" * 64))
    node = fabricated.judge()[FIRST]
    assert (node.verdict, node.kinds) == ("stale", ("code",))


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """A prepared data set, some of whose images have no class; and a function that judges it."""
    monkeypatch.chdir(tmp_path)
    outputs = tuple(Path(f"results/fake/data/digits/{name}") for name in DATA_FILES)
    outputs[0].parent.mkdir(parents=True)
    content = with_code("data", {"source": "digits", "known": {"classes": ["a", "b"]}})
    job = Job("data/digits", "data", canonical(content), (), outputs)
    images = np.random.default_rng(0).integers(0, 256, (4, 1, 4, 4), dtype=np.uint8)
    save_dataset(
        "digits",
        ["a", "b"],
        Dataset(images, np.array([0, 1, 1, -1]), images, np.arange(2).repeat(2)),
        outputs[0].parent,
    )

    def judge():
        Fabricated.record(None, job)
        return audit({job.name: job}, lambda path: digest(path) if path.exists() else None)[job.name]

    return outputs, judge


def edit_json(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content, indent=1) + "\n")


DESCRIPTIONS = {
    "a remark": (lambda d: d.update(audited=True), "audited is true"),
    "a remark among digests": (lambda d: d["sha256"].update(audited="yes"), "sha256.audited is"),
    "nothing on classes": (lambda d: d.pop("classes"), "classes is nothing"),
    "classes of other names": (lambda d: d.update(classes=["a", "c"]), 'classes is ["a", "c"]'),
    "another mean": (lambda d: d["mean"].append(d["mean"].pop() + 0.0001), "mean is ["),
    "another deviation": (lambda d: d.update(std=[1.0]), "std is [1.0]"),
    "another digest of classes": (lambda d: d["sha256"].update(train_classes="0"), "sha256.train_classes is"),
    "another digest of images": (lambda d: d["sha256"].update(test_images="0"), "sha256.test_images is"),
    "files of nobody": (lambda d: d.update(train_files={"a.png": "0"}), "its train_files and test_files are not those"),
    "another source": (lambda d: d.update(source="cifar10"), 'source is "cifar10"'),
    "other counts": (lambda d: d.update(train_counts=[2, 1]), "train_counts is [2, 1]"),
    "other counts of test images": (lambda d: d.update(test_counts=[3, 1]), "test_counts is [3, 1]"),
    "no images without class": (lambda d: d.pop("without_class"), "without_class"),
    "another shape": (lambda d: d.update(image=[1, 8, 2]), "image is [1, 8, 2]"),
    "another digest": (lambda d: d["sha256"].update({"images.safetensors": "0"}), "sha256.images.safetensors is"),
}  # fmt: skip


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_a_data_set_is_described_as_it_is(prepared, name):
    (_, path), judge = prepared
    assert judge().verdict == "fresh", judge()
    change, expected = DESCRIPTIONS[name]
    edit_json(path, change)
    node = judge()
    assert node.verdict == "contradictory"
    assert expected in "; ".join(node.why)


@pytest.mark.usefixtures("_little_memory")
@pytest.mark.parametrize(("part", "value"), [("train", 10**11), ("train", 2), ("train", -2), ("test", 2), ("test", -1)])
def test_no_images_are_counted_of_classes_that_there_are_not(prepared, part, value):
    """Counts up to class 10^11 would take 745 GiB."""
    (images, _), judge = prepared
    arrays = load_file(images)
    arrays[f"{part}_classes"][-1] = value
    save_file(arrays, images)
    [line] = judge().why
    assert f"{images}: {part}_classes has classes from " in line
    assert line.endswith(".manifest.json has 2")


def test_a_source_that_writes_its_own_files_describes_them(tmp_path, monkeypatch):
    """No folder that the job read has their digest."""
    monkeypatch.chdir(tmp_path)
    outputs = tuple(Path(f"results/fake/data/digits-png/{name}") for name in DATA_FILES)
    known = {"classes": list(SOURCES["digits-png"].describe(None).classes)}
    content = with_code("data", {"source": "digits-png", "options": {}, "known": known})
    job = Job("data/digits-png", "data", canonical(content), (), outputs)
    entry("data")(content, (), outputs)

    def why():
        Fabricated.record(None, job)
        return audit({job.name: job}, lambda path: digest(path) if path.exists() else None)[job.name].why

    assert why() == ()
    edit_json(
        outputs[1],
        lambda description: description["test_files"].update(dict.fromkeys([*description["test_files"]][:1], "seen")),
    )
    assert why() == (f"{outputs[1]}: test/0/00005.png has something else than a sha256",)
    edit_json(outputs[1], lambda description: description["test_files"].popitem())
    assert "its train_files and test_files are not those" in why()[-1]


def test_a_data_set_holds_images_and_classes_and_nothing_else(prepared):
    (images, path), judge = prepared
    rewrite(images, {"better_classes": ONE}, {"audited": "yes"})
    edit_json(path, lambda description: description["sha256"].update({images.name: digest(images)}))
    node = judge()
    assert node.verdict == "contradictory"
    assert f"{images}: it has better_classes, which no job writes" in node.why
    assert f'{images}: its metadata have audited "yes", a job writes nothing' in node.why


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        ("train_images", np.zeros((3, 1, 4, 4), np.uint8), "train_images has the shape (3, 1, 4, 4)"),
        ("test_images", np.zeros((4, 1, 2, 2), np.uint8), "test_images has the shape (4, 1, 2, 2)"),
        ("test_classes", np.zeros((4, 1), np.int64), "test_classes (4, 1)"),
        ("test_images", np.zeros((4, 1, 4, 4), np.uint16), "test_images is of uint16"),
        ("train_classes", np.zeros(4, np.uint8), "train_classes is of uint8"),
    ],
)
def test_images_and_classes_of_a_data_set_fit_each_other(prepared, name, array, said):
    (images, _), judge = prepared
    save_file(load_file(images) | {name: array}, images)
    [line] = judge().why
    assert line.startswith(f"{images}: ")
    assert said in line


@pytest.mark.parametrize("name", ["source", "sha256", "classes"])
def test_a_data_set_is_described_once(prepared, name):
    (_, path), judge = prepared
    replace(path, "{", f'{{"{name}": [],')
    node = judge()
    assert node.verdict == "contradictory"
    assert f"dataset.json: it has the name '{name}' twice" in node.why[0]


DRAWS = {
    "balanced": {"scheme": "balanced", "labels": 2},
    "imbalanced": {"scheme": "balanced", "labels": 2, "keep": 0.5},
    "proportional": {"scheme": "proportional", "part": 0.3},
    "random": {"scheme": "random", "labels": 3},
    "full": {"scheme": "full"},
}
# By draw what is edited, and whether it is seen without the images, too.
LABELLED_SETS = {
    "nothing": ("balanced", lambda s: s.clear(), "it has no scheme, seed, labelled", True),
    "a remark": ("balanced", lambda s: s.update(checked=True), "it has checked, which no job writes", True),
    "another seed": ("balanced", lambda s: s.update(seed=7), "seed is 7, expected 3", True),
    "another scheme": ("balanced", lambda s: s.update(scheme="random"), 'scheme is "random", expected "bal', True),
    "an image of another class": (
        "balanced", lambda s: s["labelled"].__setitem__(0, min({*range(5, 11)} - {*s["labelled"]})),
        "labelled_counts is [2, 2], expected [1, 3]", False,
    ),
    "an image twice": ("balanced", lambda s: s["labelled"].__setitem__(0, s["labelled"][1]), "an image twice", True),
    "an image that there is not": (
        "balanced", lambda s: s["labelled"].__setitem__(0, 99), "not what a job writes: IndexError", False
    ),
    "a number from the end": ("balanced", lambda s: s["labelled"].__setitem__(0, -1), "expected numbers of ima", True),
    "a number with a point": ("balanced", lambda s: s["labelled"].__setitem__(0, 1.0), "expected numbers of ima", True),
    "a count below 0": ("balanced", lambda s: s.update(labelled_counts=[5, -1]), "expected numbers of images", True),
    "no images": ("balanced", lambda s: s.update(labelled=[]), "0 images are labelled, expected 4", True),
    "fewer images": (
        "balanced", lambda s: s.update(labelled=s["labelled"][1:], labelled_counts=[1, 2]),
        "[1, 2] images are labelled, expected [2, 2]", True,
    ),
    "another order": ("balanced", lambda s: s["labelled"].reverse(), "in another order than they are drawn in", False),
    "an excluded image": ("balanced", lambda s: s["excluded"].append(7), "1 images are excluded, expected 0", True),
    "a class of fewer images": ("balanced", lambda s: s.update(imbalanced_class=1), "imbalanced_class is 1", True),
    "no class of fewer images": ("imbalanced", lambda s: s.update(imbalanced_class=None), "imbalanced_class is", True),
    "the other class": (
        "imbalanced", lambda s: s.update(imbalanced_class=1 - s["imbalanced_class"]), "imbalanced_class is", True
    ),
    "all images in the pool": (
        "imbalanced", lambda s: s.update(excluded=[], unlabelled_counts=[5, 6]), "0 images are excluded, expected", True
    ),
    "excluded images of the other class": (
        "imbalanced",
        lambda s: s.update(excluded=sorted({*range(11)} - {*s["excluded"], *s["labelled"]})[: len(s["excluded"])]),
        "unlabelled_counts is", False,
    ),
    "excluded images in another order": (
        "imbalanced", lambda s: s["excluded"].reverse(), "in another order than they are drawn in", True
    ),
    "another part of a class": (
        "proportional", lambda s: s.update(labelled=s["labelled"][1:], labelled_counts=[1, 2]),
        "[1, 2] images are labelled, expected [2, 2]", True,
    ),
    "fewer labels": (
        "random", lambda s: s.update(labelled=s["labelled"][:1], labelled_counts=[1, 0]),
        "1 images are labelled, expected 3", True,
    ),
    "more labels than images": (
        "random", lambda s: s.update(labelled_counts=[9, 3]), "[5, 3] images are labelled, expected [9, 3]", True
    ),
    "labels taken away": (
        "full", lambda s: s.update(labelled=s["labelled"][1:], labelled_counts=[4, 6]),
        "[4, 6] images are labelled, expected [5, 6]", True,
    ),
    "all labels in another order": (
        "full", lambda s: s["labelled"].reverse(), "in another order than they are drawn in", True
    ),
}  # fmt: skip


class LabelledSet:
    """A labelled set and the images from which it was drawn."""

    def __init__(self, draw):
        images, output = Path("results/fake/data/images.safetensors"), Path("results/fake/splits/fold0.json")
        for path in (images, output):
            path.parent.mkdir(parents=True)
        classes = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
        save_file({"train_classes": classes}, images)
        self.path, parameter = output, with_code("split", {"draw": draw})
        self.job = Job("splits/fold0", "split", canonical(parameter), (images,), (output,))
        write_split(draw_split(classes, **draw), output)

    def judge(self, kept=True):
        Fabricated.record(None, self.job)
        present = {*self.job.outputs, *(self.job.inputs if kept else ())}
        return audit({self.job.name: self.job}, lambda path: digest(path) if path in present else None)[self.job.name]


@pytest.mark.parametrize("draw", DRAWS)
def test_a_labelled_set_as_it_was_drawn_is_fresh(tmp_path, monkeypatch, draw):
    monkeypatch.chdir(tmp_path)
    drawn = LabelledSet(DRAWS[draw] | {"seed": 3})
    assert [drawn.judge(kept).why for kept in (True, False)] == [(), ()]


@pytest.mark.parametrize("name", LABELLED_SETS)
def test_a_labelled_set_is_of_its_draw_and_counts_its_images(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    draw, change, expected, by_itself = LABELLED_SETS[name]
    drawn = LabelledSet(DRAWS[draw] | {"seed": 3})
    edit_json(drawn.path, change)
    node = drawn.judge()
    assert node.verdict == "contradictory"
    assert expected in "; ".join(node.why)
    assert drawn.judge(kept=False).verdict == ("contradictory" if by_itself else "fresh")


SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=4)
ANY_DRAW = st.one_of(
    st.builds(lambda labels, keep: {"scheme": "balanced", "labels": labels, "keep": keep},
              st.integers(1, 10), st.none() | st.floats(0.01, 0.99)),
    st.builds(lambda part: {"scheme": "proportional", "part": part}, st.floats(0.01, 1)),
    st.builds(lambda labels: {"scheme": "random", "labels": labels}, st.integers(1, 40)),
    st.just({"scheme": "full"}),
)  # fmt: skip


@given(sizes=SIZES, without_class=st.integers(0, 3), draw=ANY_DRAW, seed=st.integers(0, 9))
def test_nothing_that_is_drawn_contradicts_itself(tmp_path_factory, sizes, without_class, draw, seed):
    classes = np.repeat([*range(len(sizes)), -1], [*sizes, without_class])
    with chdir(tmp_path_factory.mktemp("drawn")):
        drawn = LabelledSet({"scheme": "full", "seed": 0})
        save_file({"train_classes": np.random.default_rng(seed).permutation(classes)}, drawn.job.inputs[0])
        classes = load_file(drawn.job.inputs[0])["train_classes"]
        parameter = with_code("split", {"draw": draw | {"seed": seed}})
        drawn.job = dataclasses.replace(drawn.job, parameter=canonical(parameter))
        write_split(draw_split(classes, **draw, seed=seed), drawn.path)
        assert [drawn.judge(kept).why for kept in (True, False)] == [(), ()]


@pytest.mark.parametrize(("subcommand", "name"), [("spreadsheet", "tables/s.json"), ("table", "tables/t.runs.json")])
def test_json_of_any_job_has_each_name_once(tmp_path, monkeypatch, subcommand, name):
    monkeypatch.chdir(tmp_path)
    output = Path("results/fake", name)
    output.parent.mkdir(parents=True)
    content = with_code(subcommand, {"module": "spl.tables.grid"} if subcommand == "table" else {})
    job = Job(name.partition(".")[0], subcommand, canonical(content), (), (output,))

    def judge():
        Fabricated.record(None, job, packages=dict(machine.locked()))
        return audit({job.name: job}, lambda path: digest(path) if path.exists() else None)[job.name]

    output.write_text('{"labelled": [1]}')
    assert judge().verdict == "fresh", judge()
    output.write_text('{"labelled": [2], "labelled": [1]}')
    node = judge()
    assert node.verdict == "contradictory"
    assert "it has the name 'labelled' twice" in node.why[0]


@pytest.fixture
def calibrated(tmp_path, monkeypatch):
    """A calibration on a plain and a smooth run, as its job left it; and a function that judges it."""
    monkeypatch.chdir(tmp_path)
    metrics = [Path(f"results/fake/runs/{method}/metrics.csv") for method in ("plain", "smooth")]
    for path, loss in zip(metrics, (0.5, 0.25), strict=True):
        path.parent.mkdir(parents=True)
        path.write_text(f"step,unlabelled_loss,coverage\n10,1,1\n20,{loss},0.5\n")
    content = {"folds": [0], "reference": ["plain"], "smooth": ["smooth"], "threshold": 0.95}
    output = Path("results/fake/calibration/smooth.json")
    job = Job("calibration/smooth", "calibrate", canonical(with_code("calibrate", content)), tuple(metrics), (output,))
    write_calibration(content, metrics, job.outputs)

    def judge():
        Fabricated.record(None, job)
        return audit({job.name: job}, lambda path: digest(path) if path.exists() else None)[job.name]

    return content, job, judge


def test_weights_are_those_of_their_runs(calibrated):
    _, job, judge = calibrated
    assert judge().verdict == "fresh"
    replace(job.outputs[0], '"lambda_u": 2.0', '"lambda_u": 2.1')
    assert judge().why == (f"{job.outputs[0]}: weights.lambda_u is 2.1, the metrics of its runs say 2.0",)


CALIBRATIONS = {
    "a sixth digit": (lambda c: c["weights"].update(lambda_u=2.00001), "weights.lambda_u is 2.00001, the metrics"),
    "a sixth digit of a fold": (lambda c: c["folds"][0]["weights"].update(lambda_u=1.99999), "folds.0.weights"),
    "weights of one fold": (lambda c: c["folds"][0]["weights"].update(lambda_u=3.0), "folds.0.weights.lambda_u is 3.0"),
    "an equilibrium": (lambda c: c["folds"][0]["smooth"].update(coverage=0.9), "folds.0.smooth.coverage is 0.9"),
    "runs of one fold": (lambda c: c["folds"][0]["reference"].update(run="other"), 'folds.0.reference.run is "other"'),
    "one fold more": (lambda c: c["folds"].append(c["folds"][0]), "folds.1 is "),
    "the range": (lambda c: c["range"].update(lambda_u=0.5), "range.lambda_u is 0.5"),
    "a remark": (lambda c: c.update(audited=True), "audited is true, the metrics of its runs say nothing"),
}  # fmt: skip


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_a_calibration_says_of_each_fold_what_its_runs_do(calibrated, name):
    _, job, judge = calibrated
    change, expected = CALIBRATIONS[name]
    edit_json(job.outputs[0], change)
    node = judge()
    assert node.verdict == "contradictory"
    assert expected in "; ".join(node.why)


def test_no_reader_finds_other_weights_under_the_same_name(calibrated):
    _, job, judge = calibrated
    replace(job.outputs[0], '"lambda_u"', '"lambda_u": 9.0, "lambda_u"')
    node = judge()
    assert node.verdict == "contradictory"
    assert "smooth.json: it has the name 'lambda_u' twice" in node.why[0]


def test_no_run_is_believed_to_have_weights_of_which_there_are_two(fabricated):
    replace(fabricated.calibration, '"lambda_u"', '"lambda_u": 9.0, "lambda_u"')
    fabricated.reseal()
    assert "digits.json: it has the name 'lambda_u' twice" in contradiction(fabricated)


def test_plain_and_smooth_runs_cannot_be_swapped(calibrated):
    content, job, judge = calibrated
    write_calibration(content, job.inputs[::-1], job.outputs)
    assert judge().verdict == "contradictory"


def test_a_loss_that_nothing_can_be_divided_by_ends_no_audit(calibrated):
    _, job, judge = calibrated
    replace(job.inputs[1], "20,0.25", "20,0")
    assert judge().verdict == "contradictory"


LATER = (NOW + timedelta(days=365 * 70)).isoformat()
EARLIER = (NOW - timedelta(days=2)).isoformat()
ZERO, LAST = "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"
IMPOSSIBLE = {
    "no packages": (lambda m: m.update(packages={}), "packages has no torch, the code of spl train imports it"),
    "other instructions": (
        lambda m: m["hardware"].update(instructions="AVX512"),
        "hardware.instructions is AVX512, settings.instructions is avx2, for which torch uses AVX2",
    ),
    "no instructions": (lambda m: m["hardware"].pop("instructions"), "hardware.instructions is None"),
    "other libraries": (
        lambda m: m["environment"].update(MKL_CBWR="AVX512"), "environment.MKL_CBWR is AVX512, settings.instructions"
    ),
    "more threads": (lambda m: m["hardware"].update(threads=8), "hardware.threads is 8, settings.threads is 1"),
    "not deterministic": (lambda m: m["hardware"].update(deterministic=False), "hardware.deterministic is False"),
    "the future": (lambda m: m.update(ended=LATER), f"ended is {LATER}, in the future"),
    "the last second": (lambda m: m.update(ended=LAST), f"ended is {LAST}, in the future"),
    "the first second": (lambda m: m.update(ended=ZERO), f"it ended at {ZERO}, before it began"),
    "a last attempt at the end of time": (lambda m: m["attempts"][0].update(begun=LAST), "OverflowError"),
    "attempts from the first to the last second": (
        lambda m: m["attempts"].extend([m["attempts"][0] | {"begun": time} for time in (LAST, ZERO)]),
        "an attempt began at ",
    ),
    "reversed": (lambda m: m.update(ended=EARLIER), f"it ended at {EARLIER}, before it began"),
    "no time": (lambda m: m.update(begun="yesterday"), "begun is 'yesterday'"),
    "an attempt outside": (
        lambda m: m["attempts"][0].update(seconds=9000.0), "its last attempt from "
    ),
    "an attempt of another": (
        lambda m: m["attempts"][0].update(host="elsewhere"), 'journal.jsonl: host of attempt 1 is "h"'
    ),
    "a faster attempt": (
        lambda m: m["attempts"][0].update(seconds=0.5), "seconds of attempt 1 is 1.0, "
    ),
    "an attempt that resumed from nowhere": (
        lambda m: m["attempts"][0].update(first=10, checkpoint="c0ffee"), "checkpoint of attempt 1 is null, "
    ),
    "no attempts": (lambda m: m.update(attempts=[]), "journal.jsonl: it has 1 attempts, "),
    "an attempt that nobody noted": (
        lambda m: m["attempts"].append(m["attempts"][0]), "journal.jsonl: it has 1 attempts, "
    ),
    "nothing on what ran": (
        lambda m: m.pop("process"), "process.files has no workflow/spl/methods/fixmatch.py, which spl train loads"
    ),
    "a file left out that ran": (
        lambda m: m["process"]["files"].pop("workflow/spl/training/step.py"), "process.files has no workflow/spl/train"
    ),
    "neither a commit nor a reason": (
        lambda m: m.update(repository={"commit": None, "diff": None}), "repository has neither a commit nor a problem"
    ),
    "an unfinished attempt": (lambda m: m["attempts"][0].update(status="failed"), "the last attempt is failed"),
    "a variable that no job records": (
        lambda m: m["environment"].update(AUDITED="yes"), "environment.AUDITED: no job records this variable"
    ),
    "a variable of Python that no job records": (
        lambda m: m.update(process={"files": {}, "variables": {"AUDITED": "yes"}}), "process.variables.AUDITED: no job"
    ),
    "attempts in disorder": (
        lambda m: m["attempts"].insert(0, m["attempts"][0] | {"begun": LATER}), "an attempt began at "
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_manifest_that_cannot_be_true_is_contradicted(fabricated, name):
    change, expected = IMPOSSIBLE[name]
    fabricated.edit(FIRST, change)
    assert expected in contradiction(fabricated)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda m: m["hardware"].update(certified="by somebody"), "hardware.certified: Extra inputs"),
        (lambda m: m["hardware"].update(cores="2 (certified)"), "hardware.cores: Input should be a valid integer"),
        (lambda m: m["hardware"].update(deterministic="yes"), "hardware.deterministic: Input should be a valid bool"),
        (lambda m: m["hardware"].update(gpus="none"), "hardware.gpus: Input should be a valid list"),
        (lambda m: m["attempts"][0].update(certified="by somebody"), "attempts.0.certified: Extra inputs"),
        (lambda m: m["attempts"][0].update(first="0"), "attempts.0.first: Input should be a valid integer"),
    ],
)
def test_a_manifest_has_no_fields_of_its_own(fabricated, change, expected):
    fabricated.edit(FIRST, change)
    node = fabricated.judge()[FIRST]
    assert node.verdict == "unrecorded"
    assert expected in node.why[0]


def test_manifests_hold_what_jobs_tell_of_machines_and_attempts(monkeypatch):
    assert Hardware(**machine.hardware()).model_dump(exclude_unset=True) == machine.hardware()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: f"GPU {number}")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91002)
    assert Hardware(**machine.hardware()).gpus == ["GPU 0", "GPU 1"]
    assert machine.hardware().keys() == Hardware.model_fields.keys()
    assert RecordedAttempt.__annotations__.keys() == Attempt.__dataclass_fields__.keys()


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["parameter"].update(settings=[1]),
        lambda m: m["parameter"]["settings"].update(instructions=["avx2"]),
        lambda m: m["attempts"][0].update(seconds="long"),
        lambda m: m["attempts"][0].update(seconds=1e300),
        lambda m: m["attempts"][0].update(begun=7),
    ],
)
def test_a_manifest_of_other_kinds_of_values_ends_no_audit(fabricated, change):
    fabricated.edit(FIRST, change)
    assert fabricated.judge()[FIRST].verdict in ("contradictory", "unrecorded")


def test_a_gpu_is_named_where_one_was_asked_for(fabricated):
    job = fabricated.jobs[FIRST]
    content = job.content
    content["settings"]["device"] = "cuda"
    fabricated.jobs[FIRST] = Job(job.name, "train", canonical(content), job.inputs, job.outputs)
    fabricated.edit(FIRST, lambda manifest: manifest["parameter"]["settings"].update(device="cuda"))
    assert "hardware.gpus is empty, settings.device is cuda" in contradiction(fabricated)


def test_files_that_are_none_of_a_run_are_named_in_one_line(fabricated):
    for name in ("parameters.json", "metrics.csv"):
        files(fabricated)[name].write_text("{")
        fabricated.reseal()
        assert "not what a job writes: " in contradiction(fabricated)
        assert "\n" not in contradiction(fabricated)


def test_a_journal_that_is_gone_or_goes_on_contradicts_nothing(fabricated):
    journal = fabricated.journal(fabricated.jobs[FIRST])
    note(journal.parent, event="start", identity="i", first=20, host="another", pid=1, job=None)
    assert fabricated.judge()[FIRST].verdict == "fresh"
    journal.unlink()
    assert fabricated.judge()[FIRST].verdict == "fresh"


def test_what_agreed_is_not_read_again_where_its_digests_are_the_same(fabricated):
    agreed = set[str]()

    def judge():
        return audit(fabricated.jobs, lambda path: known.get(path), agreed=agreed)[FIRST].verdict

    known = {path: digest(path) for job in fabricated.jobs.values() for path in (*job.inputs, *job.outputs)}
    assert judge() == "fresh"
    assert len(agreed) == 3
    replace(files(fabricated)["metrics.csv"], "0.13333333333333333", "0.06666666666666667")
    assert judge() == "fresh", "its digest is said to be the same, so that it was not read"
    fabricated.reseal()
    known.update({path: digest(path) for path in known})
    assert judge() == "contradictory"


@pytest.mark.usefixtures("_little_memory")
def test_no_mean_is_taken_of_images_that_are_none(prepared):
    """Means of 2^40 channels would take 8 TiB."""
    (images, _), judge = prepared
    save_file(load_file(images) | {"train_images": np.zeros((0, 2**40, 1, 1), np.uint8)}, images)
    assert "train_images has the shape (0, 1099511627776, 1, 1), which is none of images" in "; ".join(judge().why)


def test_losses_without_end_are_named_and_numpy_prints_nothing(fabricated, recwarn):
    path = files(fabricated)["metrics.csv"]
    path.write_text(path.read_text().replace(",0.5,0.5,0.5,", ",1.7e+308,0.5,1.7e+308,"))
    fabricated.reseal()
    assert "loss at step" in contradiction(fabricated)
    assert not recwarn.list


def test_verdicts_are_the_same_on_one_core_and_on_all(fabricated, monkeypatch):
    replace(files(fabricated, SECOND)["metrics.csv"], "0.16666666666666666", "0.06666666666666667")
    fabricated.reseal()
    on_one = fabricated.judge()
    monkeypatch.setattr(parallel, "FEW", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    assert fabricated.judge() == on_one
    assert [on_one[name].verdict for name in (FIRST, SECOND)] == ["fresh", "contradictory"]


def test_other_cores_find_what_agrees_and_nothing_else(fabricated, monkeypatch):
    def agreeing():
        known = {path: digest(path) for job in fabricated.jobs.values() for path in (*job.inputs, *job.outputs)}
        return parallel.agreeing(list(fabricated.jobs.values()), known.get)

    assert agreeing() == set(), "so few jobs take longer that way"
    monkeypatch.setattr(parallel, "FEW", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    agreed = set[str]()
    fabricated.judge(agreed)
    assert agreeing() == agreed
    files(fabricated)["metrics.csv"].write_text("changed after the job wrote it\n")
    assert len(agreed & agreeing()) == 1, "the run and its summary are other ones now"
    with monkeypatch.context() as ended:
        ended.setattr(parallel, "contradictions", lambda *_: os._exit(1))
        assert agreeing() == set(), "they ended without a word"
    monkeypatch.setattr(os, "fork", Mock(side_effect=BlockingIOError(errno.EAGAIN, "no more processes")))
    assert agreeing() == set()


def test_of_an_archive_the_files_that_are_kept_are_compared(fabricated):
    for name in ("predictions.safetensors", "weights.safetensors"):
        files(fabricated)[name].unlink()
    nodes = audit(fabricated.jobs, lambda path: digest(path) if path.exists() else None, archive=True)
    assert (nodes[FIRST].verdict, nodes[SECOND].verdict) == ("recorded", "fresh")
    replace(files(fabricated)["parameters.json"], '"seed": 0', '"seed": 5')
    fabricated.edit(
        FIRST,
        lambda manifest: manifest["outputs"].update(
            {str(path): digest(path) for path in fabricated.jobs[FIRST].outputs if path.exists()}
        ),
    )
    nodes = audit(fabricated.jobs, lambda path: digest(path) if path.exists() else None, archive=True)
    assert nodes[FIRST].verdict == "contradictory"


def test_every_kind_of_job_that_was_recorded_here_is_believed(tmp_path, monkeypatch):
    """The other side: what :func:`recorded` writes about an honest job contradicts nothing."""
    monkeypatch.chdir(tmp_path)
    output = Path("results/fake/splits/fold0.json")
    output.parent.mkdir(parents=True)
    draw = {"scheme": "balanced", "seed": 0, "labels": 1}
    job = Job("splits/fold0", "split", canonical(with_code("split", {"draw": draw})), (), (output,))
    with recorded(job):
        write_split(draw_split(np.array([0, 1]), **draw), output)
    node = audit({job.name: job}, lambda path: digest(path) if path.exists() else None)[job.name]
    assert node.verdict == "fresh", node.why
