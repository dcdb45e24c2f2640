"""Evidence that contradicts itself is a verdict of its own, whoever made digests, manifests and seal fit it."""

import csv
import dataclasses
import json
import platform
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import write_predictions
from safetensors.numpy import load_file, save_file
from train_job import train_parameter

from spl.analysis.calibration import write_calibration
from spl.analysis.summary import MEDIAN_OVER, write_summary
from spl.attempts.journal import note, read_attempts
from spl.campaign.job import Job, canonical
from spl.code.subcommands import present_code, with_code
from spl.data.splits import Split, write_split
from spl.data.store import Dataset, save_dataset
from spl.provenance import evidence, machine
from spl.provenance.files import digest
from spl.provenance.manifest import Manifest
from spl.provenance.recording import recorded
from spl.provenance.verdicts import audit
from spl.study.files import DATA_FILES, RUN_FILES, SUMMARISED
from spl.training.instructions import LEVELS

BASINS = {"collapsed": 0.01, "partly_collapsed": 0.5, "recall": 0.25, "unstable": 0.05}
STEPS = (10, 20)
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
        self.calibration.write_text(json.dumps({"weights": {"lambda_u": 1.5, "lambda_max": 2.0}}))
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
            writer.writerow(["step", "test_error", "coverage", "purity", "batch_checksum"])
            for step, matrix in zip(STEPS, matrices, strict=True):
                error = float(np.mean(np.arange(30) >= np.trace(matrix)))
                writer.writerow([step, error, 0.5, "nan", 7 * step + seed])
        save_file({"w": np.zeros(3, np.float32)}, weights)
        calibrated = {"lambda_u": 1.5}
        parameters.write_text(json.dumps(job.content | {"calibrated": calibrated}))
        note(self.journal(job).parent, event="start", identity="i", first=0, host="h", pid=1, job=None)
        note(self.journal(job).parent, event="end", status="done", reason="", seconds=1.0)
        self.record(job, attempts=[vars(one) for one in read_attempts(self.journal(job).parent)], hardware=HARDWARE)

    def journal(self, job):
        path = self.results / "checkpoints" / job.name.removeprefix("runs/") / "journal.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def record(self, job, **changes):
        locked = machine.locked()
        known = {
            "subcommand": job.subcommand, "parameter": job.content,
            "code": {"fingerprint": present_code(job.subcommand, job.content), "modules": []},
            "inputs": {str(path): digest(path) for path in job.inputs},
            "outputs": {str(path): digest(path) for path in job.outputs},
            "repository": None, "lock": "", "hardware": {}, "host": "h", "slurm_job": None,
            "packages": {"python": platform.python_version()}
            | {name: locked[name] for name in ("numpy", "pandas", "safetensors", "torch")},
            "environment": dict(LEVELS["avx2"].environment),
            "begun": NOW.isoformat(), "ended": (NOW + timedelta(seconds=3)).isoformat(),
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

    def judge(self):
        return audit(self.jobs, lambda path: digest(path) if path.exists() else None)


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


def test_the_last_step_is_that_of_the_settings(fabricated):
    replace(files(fabricated)["metrics.csv"], "\n20,", "\n19,")
    fabricated.reseal()
    assert "the last step is 19, settings say 20" in contradiction(fabricated)


def test_steps_rise(fabricated):
    """Else any evaluation may be that of the best step."""
    replace(files(fabricated)["metrics.csv"], "\n10,", "\n30,")
    fabricated.reseal()
    assert "metrics.csv: its steps do not rise" in contradiction(fabricated)


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


SEPARATORS = ",\n"


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        (",0.1333333333,", ",0.0333333333,", "error_last"),
        (",high,", ",low,", "basin"),
        (",0.5,\n", ",0.75,\n", "coverage"),
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
    content |= {"missing": {RUNS[1]: {"method": "fixmatch", "seed": 1, "lambda_u": None}}}
    done = fabricated.summary.inputs[: len(SUMMARISED)]
    job = fabricated.jobs["analysis/all"] = dataclasses.replace(
        fabricated.summary, parameter=canonical(content), inputs=done
    )
    write_summary(content, job.inputs, job.outputs)
    fabricated.record(job)
    assert fabricated.judge()["analysis/all"].verdict == "fresh"
    write_rows(summary, with_cell(rows_of(summary), 2, "method", "flexmatch"))
    fabricated.reseal()
    assert f"method of {RUNS[1]} is flexmatch" in contradiction(fabricated, "analysis/all")


def test_the_median_is_over_as_many_evaluations_as_summaries_take():
    assert evidence.MEDIAN_OVER == MEDIAN_OVER


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
    assert "parameters.json has a name twice" in contradiction(fabricated)


def test_a_folder_in_the_place_of_predictions_hides_no_contradiction(fabricated):
    path = files(fabricated)["predictions.safetensors"]
    replace(files(fabricated)["metrics.csv"], "0.1333333333", "0.0333333333")
    path.unlink()
    path.mkdir()
    (path / "anything").touch()
    fabricated.reseal()
    node = fabricated.judge()[FIRST]
    assert (node.verdict, node.why) == ("tampered", (f"{path} is a folder; expected a file",))


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
    assert judge().why == (f"{job.outputs[0]}: lambda_u is 2.1, the metrics of its runs say 2.0",)


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
    "reversed": (lambda m: m.update(ended=EARLIER), f"it ended at {EARLIER}, before it began"),
    "no time": (lambda m: m.update(begun="yesterday"), "begun is 'yesterday'"),
    "an attempt outside": (
        lambda m: m["attempts"][0].update(seconds=9000.0), "its last attempt from "
    ),
    "an attempt of another": (
        lambda m: m["attempts"][0].update(host="elsewhere"), 'journal.jsonl: host of attempt 1 is "h"'
    ),
    "an unfinished attempt": (lambda m: m["attempts"][0].update(status="failed"), "the last attempt is failed"),
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
    assert contradiction(fabricated)


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
    job = Job("splits/fold0", "split", canonical(with_code("split", {})), (), (output,))
    with recorded(job):
        output.write_text("{}")
    node = audit({job.name: job}, lambda path: digest(path) if path.exists() else None)[job.name]
    assert node.verdict == "fresh", node.why
