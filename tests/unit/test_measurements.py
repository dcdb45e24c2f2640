"""What runs measure is possible, whatever rounding does; and at the steps at which they are evaluated."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spl.audit.measurements import COLUMNS, evaluation_steps, impossible_measurements
from spl.methods.registry import METHODS
from spl.study.settings import Settings
from spl.training.evaluation import is_evaluated
from spl.training.optimiser import unlabelled_weight

INTERVALS = st.integers(1, 60) | st.floats(0.01, 0.99)


@given(st.integers(1, 150), st.integers(1, 150), INTERVALS, INTERVALS)
def test_the_steps_of_evaluations_are_those_of_training(steps, stop, every, late):
    settings = Settings(steps=steps, stop=min(stop, steps), evaluate_every=every, evaluate_late_every=late)
    expected = [done for done in range(1, settings.stop + 1) if is_evaluated(done, settings)]
    assert evaluation_steps(settings.model_dump()) == expected


def measured(settings, seed):
    """The columns of metrics as a run sums them up, in 32-bit floats."""
    random, rows, before = np.random.default_rng(seed), [], 0
    for step in evaluation_steps(settings.model_dump()):
        steps = range(before, step)
        weights = np.array([unlabelled_weight(one, settings) for one in steps], np.float32)
        labelled, unlabelled = random.exponential(size=(2, len(steps))).astype(np.float32)
        losses = labelled + weights * unlabelled
        means = {
            "loss": losses,
            "labelled_loss": labelled,
            "unlabelled_loss": unlabelled,
            "unweighted_loss": unlabelled,
        }
        means = {name: float(np.add.accumulate(every)[-1] / np.float32(len(steps))) for name, every in means.items()}
        rows.append(dict.fromkeys(COLUMNS, 1.0) | means | {"step": step, "batch_checksum": -step})
        before = step
    return {name: [row[name] for row in rows] for name in COLUMNS}


@given(st.floats(0, 100), st.sampled_from([0.0, 0.3, 1.0]), st.integers(1, 3000), st.integers(0, 99))
def test_losses_add_up_within_rounding(weight, ramp, steps, seed):
    settings = Settings(steps=steps, lambda_u=weight, ramp=ramp, evaluate_every=0.5, evaluate_late_every=0.1)
    columns = measured(settings, seed)
    assert list(impossible_measurements(columns, METHODS["fixmatch"], settings.model_dump())) == []
    columns["loss"][-1] = 1.001 * (columns["labelled_loss"][-1] + weight * columns["unlabelled_loss"][-1])
    [line] = impossible_measurements(columns, METHODS["fixmatch"], settings.model_dump())
    loss = columns["loss"][-1]
    assert line.startswith(f"loss at step {steps} is {loss}, labelled_loss and {weight:g} unlabelled_loss")


def test_without_unlabelled_images_nothing_is_known_of_pseudo_labels():
    settings = Settings(steps=1)
    columns = measured(settings, 0)
    columns |= {name: [math.nan] for name in COLUMNS if name.startswith(("un", "cov", "pur", "fl", "weight"))}
    columns["loss"] = columns["labelled_loss"]

    def wrong(**changes):
        changed = columns | {name: [value] for name, value in changes.items()}
        return list(impossible_measurements(changed, METHODS["supervised"], settings.model_dump()))

    assert wrong() == []
    assert wrong(coverage=0.5) == ["coverage at step 1 is 0.5"]
    assert wrong(loss=columns["loss"][0] + 1)[0].startswith("loss at step 1")


@pytest.mark.parametrize("method", ["freematch", "smooth-fixmatch-factor"])
def test_a_further_loss_is_not_known_from_the_columns(method):
    settings = Settings(steps=1)
    columns = measured(settings, 0)
    columns["loss"][0] += 1
    assert list(impossible_measurements(columns, METHODS[method], settings.model_dump())) == []
