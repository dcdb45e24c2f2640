"""Methods beyond the paper: what their weights and losses are where the reference of semilearn has no case.

And the study that compares them.
"""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spl.methods.exact import exponential, logarithm
from spl.methods.method import BatchPredictions
from spl.methods.registry import METHODS
from spl.methods.softmatch import truncated_gaussian
from spl.methods.uda import sharpened
from spl.study.plan import make_plan
from spl.study.reading import read_study
from spl.study.settings import Settings

CONFIG = Path(__file__).parents[2] / "config"
CLASSES = 4
SETTINGS = Settings(threshold=0.3, prediction_ema=0.9, fairness=0.5)


def alone(rows):
    return rows


def seen(weak, gather=alone):
    labelled = torch.eye(CLASSES)
    return BatchPredictions(labelled, torch.arange(CLASSES), weak, torch.arange(len(weak)), gather)


def drawn(images, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((images, CLASSES), dtype=np.float32)) * 2


def state_of(name, settings=SETTINGS):
    return METHODS[name].state(50, CLASSES, settings)


@given(st.floats(-80, 0, width=32))
def test_the_exponential_is_right_to_the_last_bits(exponent):
    assert exponential(torch.tensor(exponent)).item() == pytest.approx(math.exp(exponent), rel=1e-6)


@given(st.floats(2**-40, 2**20, width=32))
def test_the_logarithm_is_right_to_the_last_bit_and_has_its_gradient(x):
    leaf = torch.tensor(x, requires_grad=True)
    value = logarithm(leaf)
    value.backward()
    assert value.item() == np.float32(math.log(x))
    assert leaf.grad.item() == pytest.approx(1 / x)


@given(scores=st.lists(st.floats(0, 1, width=32), min_size=2), mean=st.floats(0.1, 0.99), variance=st.floats(1e-4, 1))
def test_softmatch_s_weight_is_1_above_the_mean_and_a_gaussian_below(scores, mean, variance):
    ordered = torch.tensor(sorted(scores))
    given = (torch.tensor(mean), torch.tensor(variance))
    weight = truncated_gaussian(ordered, 0.0, SETTINGS, ordered, *given)
    assert (weight[ordered >= given[0]] == 1).all()
    assert (weight.diff() >= -1e-6).all()
    below = np.minimum(ordered.double().numpy() - mean, 0)
    assert weight.numpy() == pytest.approx(np.exp(-2 * below**2 / variance), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("images", [1, 3])
def test_softmatch_weighs_images_of_one_score_in_full(images):
    """A single image has no variance, and equal scores have none in the end."""
    state = state_of("softmatch", SETTINGS.model_copy(update={"prediction_ema": 0.0}))
    weak = torch.tensor([[0.7, 0.1, 0.1, 0.1]]).expand(images, -1)
    for _ in range(3):
        guidance = state.observe(seen(weak))
    weight = truncated_gaussian(weak.amax(1), guidance.threshold, SETTINGS, *guidance.statistics)
    assert weight.tolist() == pytest.approx([1.0] * images)


@pytest.mark.parametrize("name", ["softmatch", "adamatch"])
def test_alignment_makes_a_class_that_is_predicted_too_often_less_probable(name):
    weak = torch.tensor([[0.6, 0.2, 0.1, 0.1]] * 3 + [[0.3, 0.3, 0.2, 0.2]])
    aligned = state_of(name).align(seen(weak))
    assert torch.allclose(aligned.sum(1), torch.ones(4))
    assert (aligned[:, 0] < weak[:, 0]).all()
    assert torch.allclose(aligned.mean(0), torch.full((CLASSES,), 0.25), atol=0.1)


def fairness(state, learning, weight):
    leaf = learning.clone().requires_grad_()
    loss = state.further_loss(torch.zeros(0), leaf, weight)
    loss.backward()
    return loss.item(), leaf.grad


def test_freematch_without_a_pseudo_label_has_no_fairness_loss():
    state = state_of("freematch")
    state.observe(seen(drawn(6).softmax(1)))
    loss, gradient = fairness(state, drawn(6, 1), torch.zeros(6))
    assert loss == 0
    assert not gradient.any()


def test_the_fairness_loss_of_two_processes_is_that_of_one_with_the_gradient_of_the_whole():
    weak, learning, weight = drawn(8).softmax(1), drawn(8, 1), torch.linspace(0, 1, 8)
    whole = state_of("freematch")
    whole.observe(seen(weak))
    loss, gradient = fairness(whole, learning, weight)
    shares = (slice(0, 4), slice(4, 8))
    parts = []
    for own, other in (shares, shares[::-1]):
        state = state_of("freematch")
        state.observe(seen(weak[own], lambda rows: weak))
        # What the other process hands over: the sums over its share, in the order of the calls.
        calls = []
        state.gather = lambda rows, calls=calls: calls.append(rows) or rows
        state.further_loss(torch.zeros(0), learning[other], weight[other])
        handed = iter(calls)
        state.gather = lambda rows, handed=handed: torch.cat([rows, next(handed)])
        one, part = fairness(state, learning[own], weight[own])
        assert one == pytest.approx(loss, rel=1e-5)
        parts.append((own, part))
    for own, part in parts:
        torch.testing.assert_close(part / 2, gradient[own])  # processes average their gradients


@pytest.mark.parametrize("name", ["flexmatch", "freematch", "uda"])
def test_a_smooth_version_weighs_only_what_its_original_counts_and_less(name):
    plain, smooth = METHODS[name], METHODS[f"smooth-{name}"]
    assert smooth.state is plain.state
    assert smooth.calibration == (name, f"smooth-{name}")
    assert set(smooth.reads) == {*plain.reads, "power"}
    state, weak = state_of(name), drawn(40).softmax(1)
    for _ in range(3):
        guidance = state.observe(seen(weak))
    threshold = torch.as_tensor(guidance.threshold)
    counted, factor = (one.weight(weak.amax(1), threshold, SETTINGS) for one in (plain, smooth))
    assert counted.sum() > 0
    assert (factor <= counted).all()
    assert ((factor > 0) == ((counted > 0) & (weak.amax(1) > threshold))).all()


def test_smooth_freematch_s_factor_is_finite_where_every_score_was_1():
    weight = METHODS["smooth-freematch"].weight(torch.tensor([0.9, 1.0]), torch.ones(2), SETTINGS)
    assert weight.tolist() == [0, 1]


@given(st.floats(0.1, 1))
def test_uda_s_targets_are_the_softmax_of_the_logits_over_the_temperature(temperature):
    logits = drawn(5).double()
    expected = (logits / temperature).softmax(1).float()
    torch.testing.assert_close(sharpened(logits.softmax(1).float(), temperature), expected, rtol=1e-4, atol=1e-6)


def test_the_study_has_every_method_and_sees_no_fold_beyond_the_first_look_of_the_registered_one():
    """Its runs of FixMatch and Smooth FixMatch are the registered study's: same labels, settings and calibration."""
    beyond, registered = (make_plan(read_study(CONFIG / f"{name}.yaml")) for name in ("beyond", "digits"))
    rivals = beyond.study.experiments["rivals"]
    stateful = {name for name in METHODS if METHODS[name].reads and "pseudo-label" not in name}
    assert set(rivals.methods) >= stateful - {"smooth-fixmatch-factor", "smooth-fixmatch-sq", "smooth-fixmatch-sqrt"}
    first = registered.study.fold_seeds[: registered.study.registered.looks[0]]
    drawn = {beyond.study.fold_seeds[fold] for one in beyond.study.experiments.values() for fold in one.folds}
    assert drawn <= set(first)
    for method in ("fixmatch", "flexmatch", "smooth-fixmatch"):
        for fold in rivals.folds:
            path = f"digits/balanced-20/fold{fold}/{method}/seed0"
            assert beyond.runs[path] == registered.runs[path]
    seeds = [
        [plan.runs[run].split_seed for run in plan.calibrations["digits/smooth-fixmatch"].runs]
        for plan in (beyond, registered)
    ]
    assert seeds[0] == seeds[1]
