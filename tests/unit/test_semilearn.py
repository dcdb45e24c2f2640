"""Losses, thresholds, averages and network of semilearn, the code base of USB: tests/peers/semilearn_reference.py."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from semilearn_reference import (
    BEYOND,
    BEYOND_STEPS,
    CHANGED,
    FIXMATCH,
    FLEXMATCH_STEPS,
    GOLDEN,
    POOL,
    TEMPERATURE,
    fill,
)
from torch import nn

from spl.methods.registry import METHODS
from spl.methods.uda import sharpened
from spl.study.settings import Settings
from spl.training import step as stepping
from spl.training.batches import Batch, Pools
from spl.training.evaluation import MEASURES
from spl.training.networks import build_network
from spl.training.state import start

REFERENCE = load_file(GOLDEN)
pytestmark = pytest.mark.usefixtures("gradients_of_logits")
LOSSES = ("loss", "labelled_loss", "unlabelled_loss", "coverage")


def case(name):
    return {key.split("/")[1]: value for key, value in REFERENCE.items() if key.startswith(f"{name}/")}


def begun(method, classes, threshold, **changed):
    settings = Settings(threshold=threshold, **changed)
    empty = torch.zeros(0)
    pools = Pools(empty, empty, empty, torch.arange(POOL), empty, empty)
    return start(nn.Linear(1, 1), pools, classes, METHODS[method], settings), settings


def assert_a_step_is_semilearn_s(given, state, method, settings, monkeypatch):
    """Its losses, coverage and the gradients of its whole loss, for the same logits."""
    leaves = [given[name].clone().requires_grad_() for name in ("labelled", "weak", "strong")]
    monkeypatch.setattr(stepping, "forward", lambda *_: (leaves[0], leaves[1].detach(), leaves[2]))
    number, unlabelled = torch.tensor(1.0), len(given["weak"])
    batch = Batch(
        views=torch.zeros(0), targets=given["targets"], positions=given.get("positions", torch.arange(unlabelled)),
        truth=torch.zeros(unlabelled), checksum=number, step=number, learning_rate=number, unlabelled_weight=number,
    )  # fmt: skip
    measured = dict(zip(MEASURES, stepping.train_step(state, batch, METHODS[method], settings), strict=True))
    for name in LOSSES:
        torch.testing.assert_close(measured[name], given[name], rtol=1e-5, atol=1e-6)
    for name, leaf in (("labelled_gradient", leaves[0]), ("strong_gradient", leaves[2])):
        # A probability minus a target loses digits where they are near, and processors round differently.
        torch.testing.assert_close(leaf.grad, given[name], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("classes", "threshold"), FIXMATCH)
def test_fixmatch_selects_and_weighs_as_semilearn(classes, threshold, monkeypatch):
    state, settings = begun("fixmatch", classes, threshold)
    given = case(f"fixmatch-{classes}-{threshold}")
    assert 0 < given["coverage"] < 1
    assert_a_step_is_semilearn_s(given, state, "fixmatch", settings, monkeypatch)


def test_flexmatch_s_memory_thresholds_and_losses_are_semilearn_s_step_after_step(monkeypatch):
    """semilearn counts at the end of a step, this project before thresholds are needed: the same counts."""
    state, settings = begun("flexmatch", 10, 0.95)
    for step in range(FLEXMATCH_STEPS):
        given = case(f"flexmatch-{step}")
        thresholds = 0.95 * given["beta"] / (2 - given["beta"])
        torch.testing.assert_close(state.method_state.of(torch.arange(10)), thresholds)
        assert_a_step_is_semilearn_s(given, state, "flexmatch", settings, monkeypatch)
        assert torch.equal(state.method_state.latest, given["latest"])
    assert given["beta"].max() == 1, "the warm-up is over, so a class, not the unused images, has the largest count"


@pytest.mark.parametrize("method", BEYOND)
def test_methods_beyond_the_paper_have_semilearn_s_losses_and_averages_step_after_step(method, monkeypatch):
    """Its UDA has a temperature, but does not sharpen."""
    rest = {"prediction_ema": CHANGED["ema_p"], "fairness": CHANGED["ent_loss_ratio"], "temperature": 1.0}
    state, settings = begun(method, 10, {"uda": 0.8, "adamatch": 0.95}.get(method, 0.0), **rest)
    for step in range(BEYOND_STEPS):
        given = case(f"beyond-{step}") | case(f"{method}-{step}")
        assert_a_step_is_semilearn_s(given, state, method, settings, monkeypatch)
        averages = state.method_state.tensors()
        for name, value in averages.items():
            torch.testing.assert_close(value, given[name], rtol=1e-5, atol=1e-7)
    assert set(averages) == given.keys() - case("beyond-0").keys() - case("fixmatch-10-0.5").keys()
    assert 0 < given["coverage"] < 1


def test_uda_s_sharpened_targets_are_those_of_semilearn_s_hook():
    for step in range(BEYOND_STEPS):
        targets = sharpened(case(f"beyond-{step}")["weak"].softmax(1), TEMPERATURE)
        torch.testing.assert_close(targets, case(f"sharpened-{step}")["targets"], rtol=1e-5, atol=1e-7)


def test_with_bias_in_the_stem_alone_the_network_is_semilearn_s():
    given = case("wrn-28-2")
    network = build_network(Settings(conv_bias="stem", batch_norm_eps=1e-5), 3, 10, np.random.default_rng(0))
    network.norm.eps = 1e-3  # semilearn's last batch norm differs from its others
    fill(network)
    assert sum(weight.numel() for weight in network.parameters()) == given["parameters"]
    with torch.no_grad():
        trained, evaluated = network.train()(given["images"]), network.eval()(given["images"])
    torch.testing.assert_close(trained, given["train_logits"], rtol=1e-4, atol=5e-5)
    torch.testing.assert_close(evaluated, given["eval_logits"], rtol=1e-4, atol=5e-5)
