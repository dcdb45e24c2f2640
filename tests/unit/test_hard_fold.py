"""Which fold the second stage of a study is to use, as its first stage shows."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from matrices import write_predictions
from safetensors.numpy import save_file

from spl.campaign.hard_fold import hard_fold_message
from spl.study.files import SUMMARISED
from spl.study.plan import make_plan
from spl.study.reading import check_study

PROTOCOL = yaml.safe_load((Path(__file__).parents[1] / "studies/protocol.yaml").read_text())


def planned(**folds):
    """The demo with experiments on these folds."""
    changed = {name: PROTOCOL["experiments"][name] | {"folds": of_it} for name, of_it in folds.items()}
    return make_plan(check_study(PROTOCOL | {"experiments": PROTOCOL["experiments"] | changed}, ""))


def finish(plan, results, errors, collapsed=()):
    """The files of FixMatch's runs of scarce-labels, by their fold's error; returns the paths of all runs."""
    for path in plan.experiments["scarce-labels"]:
        run = plan.runs[path]
        if run.method == "fixmatch":
            folder = results / "runs" / path
            folder.mkdir(parents=True)
            matrix = np.diag([100] * 10)
            if run.fold in collapsed:
                matrix[3, 3], matrix[3, 4] = 0, 100
            write_predictions(folder / "predictions.safetensors", [matrix])
            pd.DataFrame(
                {"step": [10], "test_error": [errors[run.fold]], "coverage": [1.0], "purity": [1.0]}
            ).to_csv(folder / "metrics.csv", index=False)  # fmt: skip
    return list(plan.runs)


ERRORS = [0.1, 0.2, 0.15, 0.3, 0.05, 0.1]


@pytest.mark.parametrize(
    ("folds", "collapsed", "message"),
    [
        (
            ([0], [2]), [3],
            "FixMatch's worst fold is 3 (error 30.00 %, low basin); initial-condition uses 0, factor-as-loss uses 2: "
            "set their folds to [3].",
        ),
        (
            ([3], [3]), [],
            "FixMatch's worst fold is 3 (error 30.00 %, high basin); initial-condition uses 3, factor-as-loss uses 3.",
        ),
    ],
)  # fmt: skip
def test_the_worst_fold_of_fixmatch_is_named_beside_those_in_use(tmp_path, folds, collapsed, message):
    plan = planned(**{"initial-condition": folds[0], "factor-as-loss": folds[1]})
    assert hard_fold_message(plan, tmp_path, finish(plan, tmp_path, ERRORS, collapsed)) == message


def test_before_the_first_stage_is_done_no_fold_is_named(tmp_path):
    plan = planned()
    done = finish(plan, tmp_path, ERRORS)
    missing = next(path for path in plan.experiments["scarce-labels"] if "/fixmatch/" in path)
    text = hard_fold_message(plan, tmp_path, [path for path in done if path != missing])
    assert text.startswith("FixMatch's worst fold is known when its runs of scarce-labels are done; initial-condition")


def test_a_study_without_the_second_stage_has_nothing_to_choose(tmp_path):
    experiments = {"scarce-labels": PROTOCOL["experiments"]["scarce-labels"]}
    assumed = {key: why for key, why in PROTOCOL["assumed"].items() if not key.startswith("experiments.")}
    plan = make_plan(check_study(PROTOCOL | {"experiments": experiments, "gate": None, "assumed": assumed}, ""))
    assert hard_fold_message(plan, tmp_path, list(plan.runs)) == ""


def put_holes(path):
    with path.open("wb") as file:
        file.truncate(2**40)


def other_shapes(path, images=10**5):
    """Predictions that, put against the true classes, ask for any memory."""
    arrays = {"predicted": np.zeros((1, images, 1), np.uint8), "true": np.zeros(images, np.uint8)}
    save_file(arrays, path, {"classes": "1"})


def more_classes(path):
    save_file(
        {"predicted": np.zeros((1, 10), np.uint8), "true": np.arange(10).astype(np.uint8)}, path, {"classes": "9" * 9}
    )


UNREADABLE = {
    "missing": lambda _: None,
    "a pipe": os.mkfifo,
    "a folder": os.mkdir,
    "empty": Path.touch,
    "junk": lambda path: path.write_text("a,b\n"),
    "of holes": put_holes,
}
STRANGE = {
    **{f"{name}, {what}": (name, put) for name in SUMMARISED[1:] for what, put in UNREADABLE.items()},
    "no number": ("metrics.csv", lambda path: path.write_text("test_error\nnan\n")),
    "no rows": ("metrics.csv", lambda path: path.write_text("test_error\n")),
    "other shapes": ("predictions.safetensors", other_shapes),
    "more classes than images": ("predictions.safetensors", more_classes),
}


@pytest.mark.parametrize("what", STRANGE)
def test_results_of_the_first_stage_that_no_run_writes_are_named_and_not_waited_for(tmp_path, what):
    plan = planned()
    done = finish(plan, tmp_path, ERRORS)
    name, put = STRANGE[what]
    file = tmp_path / "runs" / next(path for path in done if "/fixmatch/" in path and "/fold3/" in path) / name
    file.unlink()
    put(file)
    text = hard_fold_message(plan, tmp_path, done)
    assert text.startswith(f"FixMatch's worst fold is unknown: {file}: not what a run writes: ")
    assert "; initial-condition uses " in text
    assert text.isprintable()
