"""The losses: where the derivative jumps, and where it does not."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spl.figures.fig1 import plain_loss, smooth_loss
from spl.methods.registry import METHODS
from spl.methods.smooth_fixmatch_factor import factor_loss
from spl.methods.smoothness import smoothness_factor
from spl.study.settings import Settings
from spl.training.optimiser import unlabelled_weight

PLAIN = ["pseudo-label", "fixmatch", "flexmatch", "uda", "freematch", "adamatch"]
SMOOTH = [
    *("smooth-pseudo-label", "smooth-fixmatch", "smooth-fixmatch-sq", "smooth-fixmatch-sqrt"),
    *("smooth-flexmatch", "smooth-uda"),
]

thresholds = st.floats(0.3, 0.98)
scores = st.floats(0.0, 1.0)


def settings_of(name, threshold):
    return Settings(threshold=threshold, **{k: v for k, v in METHODS[name].defaults.items() if k == "power"})


def slope(name, score, threshold):
    """d loss / d score of the loss of one image whose pseudo-label has this score in the view that learns."""
    s = torch.tensor([score], dtype=torch.float64, requires_grad=True)
    weight = METHODS[name].weight(s.detach(), threshold, settings_of(name, threshold))
    (weight * -torch.log(s)).sum().backward()
    return s.grad.item()


@pytest.mark.parametrize("name", PLAIN)
@given(threshold=thresholds)
def test_the_derivative_of_the_plain_losses_jumps_at_the_threshold(name, threshold):
    below, above = (slope(name, threshold + step, threshold) for step in (-1e-9, 1e-9))
    assert below == 0
    assert above == pytest.approx(-1 / threshold, rel=1e-6)


@pytest.mark.parametrize("name", SMOOTH)
@given(threshold=thresholds)
def test_the_derivative_of_the_smooth_losses_does_not(name, threshold):
    jumps = [
        abs(slope(name, threshold + step, threshold) - slope(name, threshold - step, threshold))
        for step in (1e-4, 1e-8, 1e-12)
    ]
    assert jumps[0] > jumps[1] > jumps[2]
    assert jumps[2] < 1e-4 / threshold


@given(threshold=thresholds, score=scores)
def test_the_equivalent_losses_of_figure_1_have_the_gradients_of_training(threshold, score):
    def difference(loss):
        high, low = np.array([score + 1e-6]), np.array([score - 1e-6])
        return (loss(high, threshold) - loss(low, threshold)).item() / 2e-6

    if abs(score - threshold) > 1e-5 and 1e-5 < score < 1 - 1e-5:
        assert difference(plain_loss) == pytest.approx(slope("pseudo-label", score, threshold), abs=1e-4)
        assert difference(smooth_loss) == pytest.approx(slope("smooth-pseudo-label", score, threshold), abs=1e-4)


def test_the_equivalent_losses_are_continuous():
    score = np.linspace(0, 1, 100001)[1:]
    for loss in (plain_loss, smooth_loss):
        assert np.abs(np.diff(loss(score, 0.95))).max() < 2e-5


@given(threshold=thresholds, power=st.floats(0.1, 8), pair=st.tuples(scores, scores))
def test_the_factor_grows_from_0_at_the_threshold_to_1(threshold, power, pair):
    low, high = sorted(pair)
    values = smoothness_factor(torch.tensor([low, high, threshold, 1.0], dtype=torch.float64), threshold, power)
    assert values[0] <= values[1]
    assert values[2] == 0
    assert values[3] == pytest.approx(1)
    if low <= threshold:
        assert values[0] == 0


@given(threshold=thresholds, score=scores)
def test_a_vanishing_power_gives_the_indicator(threshold, score):
    if abs(score - threshold) > 1e-3:
        factor = smoothness_factor(torch.tensor([score], dtype=torch.float64), threshold, 1e-6)
        indicator = METHODS["fixmatch"].weight(torch.tensor([score]), threshold, Settings())
        assert factor.item() == pytest.approx(indicator.item(), abs=1e-4)


@given(threshold=thresholds, score=scores)
def test_the_factor_as_loss_raises_scores_above_the_threshold_and_leaves_the_others(threshold, score):
    leaf = torch.tensor([score], dtype=torch.float64, requires_grad=True)
    factor_loss(leaf, threshold).backward()
    factor = max(score - threshold, 0) / (1 - threshold)
    assert leaf.grad.item() == pytest.approx(-factor / (1 - threshold), abs=1e-9)


def test_pseudo_labeling_ramps_its_loss_up_over_the_first_two_fifths():
    settings = Settings(steps=1000, lambda_u=3.0, ramp=METHODS["pseudo-label"].defaults["ramp"])
    assert [unlabelled_weight(step, settings) for step in (0, 200, 400, 999)] == [0, 1.5, 3, 3]
    assert unlabelled_weight(0, Settings(lambda_u=3.0)) == 3


def test_the_registry_holds_the_methods():
    assert set(METHODS) >= {"supervised", "smooth-fixmatch-factor", *PLAIN, *SMOOTH}
    assert METHODS["supervised"].settings == frozenset()
    assert METHODS["smooth-fixmatch-sq"].defaults["power"] == 2
    assert METHODS["smooth-fixmatch-sqrt"].defaults["power"] == 0.5
