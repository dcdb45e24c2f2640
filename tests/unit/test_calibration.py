"""Calibrated weights: what equations 25 and 26 say of two equilibria, and which part of a run is one."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spl.analysis.calibration import equilibrium, late_loss, weights, write_calibration
from spl.errors import InputError
from spl.study.weights import read_weights

POSITIVE = st.floats(1e-3, 1e3)


def metrics(losses, coverage=0.4):
    steps = range(10, 10 * len(losses) + 1, 10)
    return pd.DataFrame({"step": steps, "unlabelled_loss": losses, "coverage": coverage})


def test_equilibrium_is_the_second_half():
    assert equilibrium(metrics([9, 9, 1, 3]))["unlabelled_loss"] == 2
    assert equilibrium(metrics([9, 9, 9, 1, 3]))["unlabelled_loss"] == pytest.approx(13 / 3)


@given(
    reference=POSITIVE,
    confidence=st.floats(1e-3, 1),
    factors=st.lists(st.floats(1e-3, 1), min_size=1),
    threshold=st.floats(0, 0.99),
)
def test_at_the_calibrated_weights_both_equations_hold(reference, confidence, factors, threshold):
    """Equation 26 is met exactly where all views are learnt alike, so that mean and geometric mean of 1 / f agree."""
    factor, loss = np.mean(factors), np.mean([phi * -np.log(confidence) for phi in factors]) + 1e-9
    found = weights({"unlabelled_loss": reference}, {"unlabelled_loss": loss, "coverage": factor}, threshold)
    assert found["lambda_u"] * loss == pytest.approx(1 * reference)
    pull_of_loss = found["lambda_u"] * np.mean([phi / confidence for phi in factors])
    assert pull_of_loss == pytest.approx(found["lambda_max"] * factor / (1 - threshold), rel=1e-4)


def test_a_view_that_is_not_learnt_at_all_does_not_decide():
    """Of a thousand views one has a score of 1e-6: in the mean of 1 / f it would count a thousand times all others."""
    scores = np.array([0.9] * 999 + [1e-6])
    found = weights({"unlabelled_loss": 1.0}, {"unlabelled_loss": -np.log(scores).mean(), "coverage": 1.0}, 0.95)
    assert found["lambda_max"] / found["lambda_u"] == pytest.approx(0.05 / 0.9, rel=0.02)


def calibrated(folder, losses, threshold=0.95):
    """The file that runs with these losses at equilibrium give: by fold, (reference, smooth)."""
    sides = {name: [f"{name}{fold}" for fold in losses] for name in ("reference", "smooth")}
    for place, name in enumerate(sides):
        for run, pair in zip(sides[name], losses.values(), strict=True):
            metrics([9, 9, pair[place], pair[place]]).to_csv(folder / run)
    file = folder / "digits" / "smooth-fixmatch.json"
    inputs = [folder / run for runs in sides.values() for run in runs]
    write_calibration({"threshold": threshold, "folds": list(losses), **sides}, inputs, [file])
    return file


@pytest.mark.parametrize("silent", ["reference1", "smooth1"])
def test_a_run_without_pseudo_labels_calibrates_nothing(tmp_path, silent):
    pair = (0.0, 0.5) if silent == "reference1" else (0.5, 0.0)
    with pytest.raises(InputError, match=f"unlabelled loss of {silent} is 0"):
        calibrated(tmp_path, {0: (0.5, 0.5), 1: pair})


def test_what_is_written_is_read_and_tells_the_equilibria_of_one_fold(tmp_path):
    file = calibrated(tmp_path, {4: (0.6, 0.4)})
    expected = {"lambda_u": 1.5, "lambda_max": 1.5 * 0.05 * math.e}
    assert read_weights(file) == pytest.approx(expected)
    content = json.loads(file.read_text())
    assert content["range"] == {"lambda_u": 0, "lambda_max": 0}
    [fold] = content["folds"]
    assert (fold["fold"], fold["weights"]) == (4, pytest.approx(expected))
    assert fold["smooth"] == {"run": "smooth4", "unlabelled_loss": pytest.approx(0.4), "coverage": pytest.approx(0.4)}


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(st.tuples(POSITIVE, st.floats(0.1, 10)), min_size=1, max_size=4))
def test_equation_25_holds_for_the_mean_over_folds_and_every_fold_s_own_ratio_is_told(tmp_path, pairs):
    content = json.loads(calibrated(tmp_path, dict(enumerate(pairs))).read_text())
    reference, smooth = np.mean(pairs, axis=0)
    assert content["weights"]["lambda_u"] * smooth == pytest.approx(reference)
    own = [fold["weights"]["lambda_u"] for fold in content["folds"]]
    assert own == pytest.approx([one / other for one, other in pairs])
    assert min(own) - 1e-9 <= content["weights"]["lambda_u"] <= max(own) + 1e-9
    assert content["range"]["lambda_u"] == pytest.approx(max(own) - min(own), abs=1e-12)


def test_the_late_loss_is_the_mean_over_the_steps_of_the_last_fifth():
    losses = pd.DataFrame({"step": [40, 80, 90, 100], "unlabelled_loss": [9.0, 9.0, 1.0, 3.0]})
    assert late_loss(losses) == 2
    uneven = pd.DataFrame({"step": [40, 70, 85, 100, 105], "unlabelled_loss": [9.0, 9.0, 1.0, 3.0, 5.0]})
    assert late_loss(uneven) == pytest.approx((15 * 1 + 15 * 3 + 5 * 5) / 35)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"weights": {"lambda_u": "many"}}'])
def test_anything_else_is_refused(tmp_path, content):
    file = tmp_path / "weights.json"
    file.write_text(content)
    with pytest.raises(InputError, match="not a calibration"):
        read_weights(file)
    with pytest.raises(InputError, match="not a calibration"):
        read_weights(tmp_path / "absent.json")
