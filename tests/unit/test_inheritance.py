"""Runs that start from the final state of another run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from spl.data.digits import read_digits
from spl.data.splits import draw_split
from spl.data.store import grey_levels
from spl.errors import InputError
from spl.study.files import DATA_FILES, RunInputs
from spl.study.plan import make_plan
from spl.study.reading import read_study
from spl.study.settings import Settings
from spl.training.inheritance import CLASSES, read_final_state
from spl.training.loop import train

DIGITS = read_digits()
GREY = grey_levels(DIGITS.train_images)
SHORT = Settings(
    network="wrn-10-1", steps=8, batch=4, mu=2, flip=False, crop_padding=1, ema=0.9, batch_norm_momentum=0.1,
    evaluate_every=8, evaluate_late_every=8, threshold=0.2,
)  # fmt: skip
STILL = {"ema": 1 - 1e-12, "learning_rate": 1e-30, "batch_norm_momentum": 1e-9, "steps": 1}
SPLIT = draw_split(DIGITS.train_classes, "balanced", 0, 2)


def run(final=None, split=SPLIT, **changed):
    settings = SHORT.model_copy(update=changed)
    return train(DIGITS, GREY, split, "fixmatch", settings, 0, lambda evaluation: None, final=final)


def final_state(result):
    return {**result.weights, CLASSES: torch.from_numpy(result.known)}


def without(split, label):
    return replace(split, labelled=[index for index in split.labelled if DIGITS.train_classes[index] != label])


def test_a_run_that_learns_nothing_predicts_what_the_other_one_predicted():
    first = run()
    again = run(final_state(first), **STILL)
    assert np.array_equal(again.evaluations[-1].predicted, first.evaluations[-1].predicted)
    for name, value in first.weights.items():
        if not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(again.weights[name], value, rtol=1e-5, atol=1e-6)


def test_outputs_follow_their_classes_when_a_class_is_added():
    """The other run knows neither class 3 nor its output; the outputs of all other classes are taken over."""
    first = run(split=without(SPLIT, 3))
    fresh, taken_over = run(**STILL), run(final_state(first), **STILL)
    name = "network.classifier.weight"
    rows = [0, 1, 2, 4, 5, 6, 7, 8, 9]
    torch.testing.assert_close(taken_over.weights[name][rows], first.weights[name], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(taken_over.weights[name][3], fresh.weights[name][3], rtol=1e-5, atol=1e-6)


def test_another_network_is_refused():
    with pytest.raises(InputError, match=r"^start_from: expected a run of the same network; .* differs$"):
        run(final_state(run()), network="wrn-10-2")


def test_what_is_not_the_weights_of_a_run_is_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    with pytest.raises(InputError, match="weights.safetensors: not the weights of a run"):
        read_final_state(path)
    save_file({"classes": torch.arange(3)}, path)
    path.write_bytes(path.read_bytes()[:9])
    with pytest.raises(InputError, match="weights.safetensors: not the weights of a run"):
        read_final_state(path)


@pytest.mark.parametrize("calibration", ["", "digits/smooth-fixmatch"])
@pytest.mark.parametrize("start", ["", "digits/one/seed0"])
def test_the_inputs_of_a_job_are_told_apart_by_its_parameter(calibration, start):
    further = [Path(name) for name, there in (("c.json", calibration), ("w.safetensors", start)) if there]
    paths = [*(Path("data", name) for name in DATA_FILES), Path("split.json"), *further]
    expected = RunInputs(
        Path("data"),
        Path("split.json"),
        Path("c.json") if calibration else None,
        Path("w.safetensors") if start else None,
    )
    assert RunInputs.of({"calibration": calibration, "start": start}, paths) == expected


STUDY = """
name: resumption
title: Labels are added to a trained network
datasets:
  digits:
    source: digits
    training: { network: wrn-10-1, flip: false, crop_padding: 1 }
training: { steps: 4, batch: 4 }
experiments:
  random-labels:
    dataset: digits
    split: { scheme: random, labels: [20, 30, 40] }
    methods: [fixmatch]
    folds: [0, 1]
  resumed:
    dataset: digits
    split: { scheme: random, labels: [30, 40] }
    methods: [fixmatch]
    folds: [1]
    start_from: random-labels
"""


def read(tmp_path, old="", new=""):
    path = tmp_path / "study.yaml"
    assert old in STUDY
    head, _, tail = STUDY.rpartition(old) if old else (STUDY, "", "")
    path.write_text(head + new + tail)
    return read_study(path)


def test_a_run_starts_from_the_one_with_the_next_fewer_labels(tmp_path):
    plan = make_plan(read(tmp_path))
    starts = {path: plan.runs[path].start for path in plan.experiments["resumed"]}
    folder = "digits/random-{}/fold1/fixmatch/{}seed0"
    assert starts == {
        folder.format(30, "start_from=random-labels/"): folder.format(20, ""),
        folder.format(40, "start_from=random-labels/"): folder.format(30, ""),
    }
    assert not any(plan.runs[path].start for path in plan.experiments["random-labels"])


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("start_from: random-labels", "start_from: none-such", "'none-such' is not an experiment above this one"),
        ("start_from: random-labels", "start_from: resumed", "'resumed' is not an experiment above this one"),
        (
            "labels: [30, 40]",
            "labels: [20, 40]",
            "random-labels begins at 20 labels; expected fewer than the 20 of",
        ),
        ("folds: [1]", "folds: [2]", "random-labels lacks fold 2"),
        ("methods: [fixmatch]", "methods: [flexmatch]", "random-labels lacks method flexmatch"),
        ("folds: [1]", "training: { momentum: 0.5 }", "random-labels has no run of fixmatch with the same settings"),
    ],
)
def test_a_run_that_has_none_to_start_from_is_refused(tmp_path, old, new, hint):
    with pytest.raises(InputError, match=r"experiments.resumed.start_from") as caught:
        read(tmp_path, old, new)
    assert hint in str(caught.value)
