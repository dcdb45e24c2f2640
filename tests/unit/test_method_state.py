"""What a method may carry, change and add: every method that does so, run in the real loop, interrupted and resumed."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, softmax

from spl.data.digits import read_digits
from spl.data.splits import draw_split
from spl.data.store import grey_levels
from spl.errors import InterruptedTrainingError
from spl.methods.indicator import reaches
from spl.methods.method import BatchPredictions, Guidance, Method, MethodState
from spl.methods.registry import METHODS
from spl.methods.smooth_fixmatch_factor import FactorLoss
from spl.methods.uda import Sharpening
from spl.study.settings import Settings
from spl.training import step as stepping
from spl.training.checkpoints import Checkpoints
from spl.training.loop import train
from spl.training.state import start

DIGITS = read_digits()
GREY = grey_levels(DIGITS.train_images)
SETTINGS = Settings(
    network="wrn-10-1", steps=12, batch=4, mu=2, flip=False, crop_padding=1, ema=0.9, batch_norm_momentum=0.1,
    evaluate_every=3, evaluate_late_every=3, threshold=0.15, lambda_phi=0.1, lambda_max=1.0, prediction_ema=0.9,
)  # fmt: skip


def example():
    """The README's method with a state."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    [text] = re.findall(r"```python\n(# workflow/spl/methods/mean_threshold.py\n.*?)```", readme, re.DOTALL)
    defined = {}
    exec(text, defined)
    return defined["METHOD"]


STATEFUL = {name: method for name, method in METHODS.items() if method.state is not MethodState}
STATEFUL["the README's"] = example()


@pytest.fixture(params=STATEFUL)
def method(request, monkeypatch):
    monkeypatch.setattr("spl.training.loop.METHODS", {"stateful": STATEFUL[request.param]})
    return STATEFUL[request.param]


def test_it_survives_an_interruption_bit_for_bit(method, tmp_path, monkeypatch):
    split = draw_split(DIGITS.train_classes, "balanced", 0, 2)
    arguments = DIGITS, GREY, split, "stateful", SETTINGS, 0, lambda evaluation: None
    states = []
    monkeypatch.setattr("spl.training.loop.start", lambda *given: states.append(start(*given)) or states[-1])
    undisturbed = train(*arguments)
    kept = Checkpoints(tmp_path / "run", 1e9, lambda line: None)
    with pytest.raises(InterruptedTrainingError):
        train(*arguments, kept, lambda done: done == 7)
    at_seven = {name: value.clone() for name, value in states[-1].method_state.tensors().items()}
    saved = kept.read().tensors
    assert bool(at_seven) == (method.state not in (Sharpening, FactorLoss))
    assert all(torch.equal(saved[f"method.{name}"], value) for name, value in at_seven.items())
    resumed = train(*arguments, kept)
    first, last = states[0].tensors(), states[-1].tensors()
    assert first.keys() == last.keys()
    assert all(torch.equal(value, last[name]) for name, value in first.items())
    assert repr([e.measures for e in undisturbed.evaluations]) == repr([e.measures for e in resumed.evaluations])


def step_on(monkeypatch, method, guidance=None):
    """The gradient of one step for drawn logits, and these; with other guidance than the method's if given."""
    drawn = torch.from_numpy(np.random.default_rng(0).standard_normal((20, 3), dtype=np.float32))
    labelled, weak, learning = (part.clone().requires_grad_() for part in torch.split(drawn, [4, 8, 8]))
    monkeypatch.setattr(stepping, "forward", lambda *_: (labelled, weak.detach(), learning))
    settings = Settings(threshold=0.5)
    empty = torch.zeros(0)
    pools = type("Pools", (), {"device": torch.device("cpu"), "unlabelled": torch.arange(20)})()
    state = start(torch.nn.Linear(1, 1), pools, 3, method, settings)
    if guidance is not None:
        state.method_state.observe = partial(guidance, state.method_state)
    number = torch.tensor(1.0)
    batch = stepping.Batch(
        empty, torch.tensor([0, 1, 2, 0]), torch.arange(8), torch.zeros(8), empty, number, number, number
    )
    stepping.train_step(state, batch, method, settings)
    return learning.grad, weak.detach(), learning.detach(), state


def test_changed_probabilities_decide_score_and_pseudo_label(monkeypatch, gradients_of_logits):
    def turned(state, batch):
        return Guidance(0.5, probabilities=batch.weak.roll(1, 1))

    gradient, weak, learning, _ = step_on(monkeypatch, Method("Turned", reaches), turned)
    score, label = softmax(weak, 1).roll(1, 1).max(1)
    leaf = learning.clone().requires_grad_()
    ((score >= 0.5) * cross_entropy(leaf, label, reduction="none")).mean().backward()
    torch.testing.assert_close(gradient, leaf.grad)


def test_targets_are_learnt_in_place_of_the_pseudo_label(monkeypatch, gradients_of_logits):
    gradient, weak, learning, _ = step_on(monkeypatch, METHODS["uda"])
    probabilities = softmax(weak, 1)
    sharp = softmax(probabilities.log() / 0.4, 1)
    leaf = learning.clone().requires_grad_()
    selected = probabilities.amax(1) >= 0.5
    (selected * -(sharp * leaf.log_softmax(1)).sum(1)).mean().backward()
    torch.testing.assert_close(gradient, leaf.grad)


def test_a_further_loss_is_added(monkeypatch, gradients_of_logits):
    gradient, weak, learning, state = step_on(monkeypatch, METHODS["freematch"])
    leaf = learning.clone().requires_grad_()
    thresholds = state.method_state.score * state.method_state.probability / state.method_state.probability.max()
    score, label = softmax(weak, 1).max(1)
    weight = (score >= thresholds[label]).float()
    loss = (weight * cross_entropy(leaf, label, reduction="none")).mean()
    (loss + state.method_state.further_loss(weak, leaf, weight)).backward()
    torch.testing.assert_close(gradient, leaf.grad)


def test_a_method_sees_the_labelled_images_too():
    seen = BatchPredictions(torch.tensor([[0.9, 0.1]]), torch.tensor([0]), torch.eye(2), torch.arange(2), lambda x: x)
    guidance = METHODS["adamatch"].state(5, 2, Settings(threshold=0.5)).observe(seen)
    assert guidance.threshold.item() == pytest.approx(0.45)
