"""One step of training, against the equations and torch's own optimizer."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, softmax

from spl.data.digits import read_digits
from spl.data.splits import draw_split
from spl.data.store import grey_levels
from spl.methods.registry import METHODS
from spl.methods.smoothness import smoothness_factor
from spl.study.settings import Settings
from spl.training import step as stepping
from spl.training.batches import Pools, draw_batches
from spl.training.evaluation import MEASURES, predict_test_images
from spl.training.networks import build_network
from spl.training.state import start
from spl.training.step import train_step

DIGITS = read_digits()
GREY = grey_levels(DIGITS.train_images)
BASE = Settings(
    network="wrn-10-1", steps=20, batch=8, mu=3, flip=False, crop_padding=1, ema=0.9, batch_norm_momentum=0.1,
    threshold=0.05, lambda_phi=0.5, lambda_max=1.0, lambda_u=0.7,
)  # fmt: skip


def pools():
    split = draw_split(DIGITS.train_classes, "balanced", 0, 2)
    return Pools(
        torch.from_numpy(DIGITS.train_images), torch.from_numpy(DIGITS.train_classes), torch.tensor(split.labelled),
        torch.arange(1297), torch.tensor(GREY[0]), torch.tensor(GREY[1]),
    )  # fmt: skip


def begun(method, **changed):
    settings = BASE.model_copy(update={**METHODS[method].defaults, "lambda_u": 0.7, **changed})
    network = build_network(settings, 1, 10, np.random.default_rng(0))
    state = start(network, pools(), 10, METHODS[method], settings)
    batches = draw_batches(pools(), settings, 0, 0, unlabelled=True, strong=METHODS[method].strong_view)
    return state, batches, settings


@pytest.mark.parametrize("method", METHODS)
def test_the_gradient_of_a_step_is_that_of_the_equation_with_constant_weights(method, monkeypatch, gradients_of_logits):
    """Pseudo-labels, scores and weights are constants (sg in equations 16, 19 to 22), but in the factor as loss."""
    state, batches, settings = begun(method, ramp=0.0)
    batch, entry = next(batches), METHODS[method]
    logits = {}

    def forward(*given):
        labelled, weak, learning = original(*given)
        logits.update(labelled=labelled, weak=weak, learning=learning)
        for value in logits.values():
            value.requires_grad_()
            value.retain_grad()
        return labelled, weak, learning

    original = stepping.forward
    monkeypatch.setattr(stepping, "forward", forward)
    train_step(state, batch, entry, settings)

    leaves = {name: value.detach().clone().requires_grad_() for name, value in logits.items()}
    loss = cross_entropy(leaves["labelled"], batch.targets)
    if entry.weight is not None:
        score = softmax(leaves["weak"], 1).amax(1)
        # What the state says of the first batch; tests of the methods compare it with the equations.
        before = entry.state(1297, 10, settings)
        guidance = before.observe(stepping.predictions(leaves["labelled"], leaves["weak"], batch))
        probabilities = (
            softmax(leaves["weak"].detach(), 1) if guidance.probabilities is None else guidance.probabilities
        )
        top, label = probabilities.max(1)
        weight = entry.weight(top, guidance.threshold, settings, *guidance.statistics)
        targets = label if guidance.targets is None else guidance.targets
        loss = loss + 0.7 * (weight * cross_entropy(leaves["learning"], targets, reduction="none")).sum() / len(label)
        if entry.through_weak:
            factor = smoothness_factor(score, settings.threshold)
            loss = loss + 0.5 * (factor.detach() * (1 - factor)).sum() / len(label)
        elif (further := before.further_loss(leaves["weak"], leaves["learning"], weight)) is not None:
            loss = loss + further
    loss.backward()
    for name, leaf in leaves.items():
        if leaf.grad is None or not leaf.grad.any():
            assert logits[name].grad is None or not logits[name].grad.any(), name
        else:
            assert torch.allclose(logits[name].grad, leaf.grad, atol=1e-7), name
    assert (leaves["weak"].grad is not None) == entry.through_weak


def test_flexmatch_s_thresholds_come_from_the_counts_before_the_step():
    state, batches, settings = begun("flexmatch", threshold=0.11)
    measured = train_step(state, next(batches), METHODS["flexmatch"], settings)
    assert measured[MEASURES.index("coverage")] == 1, "nothing was remembered yet, so every threshold was 0"
    assert (state.method_state.latest >= 0).any()


def test_labelled_weak_and_strong_views_share_one_forward_and_its_statistics():
    state, batches, settings = begun("fixmatch")
    batch = next(batches)
    reference = build_network(settings, 1, 10, np.random.default_rng(0))
    reference.train()
    reference(batch.views.contiguous(memory_format=torch.channels_last))
    train_step(state, batch, METHODS["fixmatch"], settings)
    assert torch.allclose(state.network.norm.running_mean, reference.norm.running_mean, atol=1e-6)
    assert torch.allclose(state.network.norm.running_var, reference.norm.running_var, atol=1e-6)


def test_three_steps_are_those_of_torch_s_nesterov_sgd_without_decay_of_biases_and_norms(monkeypatch):
    state, batches, settings = begun("fixmatch", weight_decay=0.1)
    reference = build_network(settings, 1, 10, np.random.default_rng(0))
    named = dict(reference.named_parameters())
    groups = [
        {"params": [p for p in named.values() if p.ndim > 1], "weight_decay": 0.1},
        {"params": [p for p in named.values() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.SGD(groups, lr=settings.learning_rate, momentum=0.9, nesterov=True)
    original = stepping.descend

    def both(weights, gradients, velocity, rate, settings):
        for name, gradient in zip(weights, gradients, strict=True):
            named[name].grad = gradient.clone()
        for group in optimizer.param_groups:
            group["lr"] = rate.item()
        optimizer.step()
        original(weights, gradients, velocity, rate, settings)

    monkeypatch.setattr(stepping, "descend", both)
    for _ in range(3):
        train_step(state, next(batches), METHODS["fixmatch"], settings)
    for name, parameter in state.network.named_parameters():
        assert torch.allclose(parameter, named[name], atol=1e-6), name


def test_what_is_evaluated_are_the_averaged_weights_with_the_live_statistics():
    state, _, _ = begun("fixmatch")
    known = torch.arange(10).numpy()
    for weight in state.averaged.values():
        weight.zero_()
    state.averaged["classifier.bias"][3] = 1
    predicted = predict_test_images(state.network, state.averaged, pools(), DIGITS, known)
    assert predicted.tolist() == [3] * 500
    assert dict(state.network.named_parameters())["stem.weight"].any()


def test_settings_that_a_method_does_not_read_need_not_be_there():
    used = {k: v for k, v in BASE.model_dump().items() if k not in ("power", "lambda_phi")}
    state, batches, _ = begun("fixmatch")
    train_step(state, next(batches), METHODS["fixmatch"], SimpleNamespace(**used))


@pytest.mark.parametrize(
    ("changed", "tolerance"),
    [({"precision": "bf16"}, 0.03), ({"compiled": True}, 1e-4), ({"channels_last": False}, 1e-4)],
    ids=["precision", "compiled", "channels_last"],
)
def test_precision_compiler_and_memory_layout_change_the_results_by_rounding_alone(changed, tolerance, monkeypatch):
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))  # without a C++ compiler
    losses = {}
    for name, given in (("plain", {}), ("changed", changed)):
        state, batches, settings = begun("smooth-fixmatch-factor", **given)
        steps = [train_step(state, next(batches), METHODS["smooth-fixmatch-factor"], settings)[0]]
        steps += [train_step(state, next(batches), METHODS["smooth-fixmatch-factor"], settings)[0]]
        losses[name] = torch.stack(steps)
        assert all(weight.dtype == torch.float32 for weight in state.averaged.values())
    took_effect = {
        "precision": not torch.allclose(losses["plain"], losses["changed"], atol=1e-5),
        "compiled": state.forward is not state.network,
        "channels_last": not state.network.blocks[0].conv1.weight.is_contiguous(memory_format=torch.channels_last),
    }
    assert {name for name, did in took_effect.items() if did} == set(changed)
    assert torch.allclose(losses["plain"], losses["changed"], atol=tolerance)
