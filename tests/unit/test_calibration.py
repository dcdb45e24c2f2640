"""Calibrated weights: what equations 25 and 26 say of two equilibria, and which part of a run is one."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spl.analysis.calibration import equilibrium, weights, write_calibration
from spl.errors import InputError
from spl.study.weights import read_weights

POSITIVE = st.floats(1e-3, 1e3)


def metrics(losses, factor=0.4):
    steps = range(10, 10 * len(losses) + 1, 10)
    return pd.DataFrame({"step": steps, "unlabelled_loss": losses, "coverage": factor})


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


@pytest.mark.parametrize("silent", ["reference", "smooth"])
def test_a_run_without_pseudo_labels_calibrates_nothing(silent):
    measured = {name: equilibrium(metrics([0.0 if name == silent else 0.5] * 4)) for name in ("reference", "smooth")}
    with pytest.raises(InputError, match=f"of the {silent} run is 0"):
        weights(measured["reference"], measured["smooth"], 0.95)


def test_what_is_written_is_read_and_tells_both_equilibria(tmp_path):
    for name, loss in (("reference", 0.6), ("smooth", 0.4)):
        metrics([loss] * 4).to_csv(tmp_path / name)
    file = tmp_path / "digits" / "smooth-fixmatch.json"
    write_calibration({"threshold": 0.95}, [tmp_path / "reference", tmp_path / "smooth"], [file])
    assert read_weights(file) == pytest.approx({"lambda_u": 1.5, "lambda_max": 1.5 * 0.05 * math.e})
    assert json.loads(file.read_text())["equilibrium"]["smooth"]["unlabelled_loss"] == pytest.approx(0.4)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"weights": {"lambda_u": "many"}}'])
def test_anything_else_is_refused(tmp_path, content):
    file = tmp_path / "weights.json"
    file.write_text(content)
    with pytest.raises(InputError, match="not a calibration"):
        read_weights(file)
    with pytest.raises(InputError, match="not a calibration"):
        read_weights(tmp_path / "absent.json")
