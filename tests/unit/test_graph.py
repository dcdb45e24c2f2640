"""A step that is repeated on a batch in a fixed place, as a CUDA graph needs it."""

from dataclasses import fields
from types import SimpleNamespace

import pytest
import torch

from spl.data.digits import read_digits
from spl.data.splits import draw_split
from spl.data.store import grey_levels
from spl.methods.registry import METHODS
from spl.study.settings import Settings
from spl.training.batches import Batch
from spl.training.graph import repeat
from spl.training.loop import train

DIGITS = read_digits()
GREY = grey_levels(DIGITS.train_images)
SHORT = Settings(
    network="wrn-10-1", steps=6, batch=4, mu=3, flip=False, crop_padding=1, ema=0.9, batch_norm_momentum=0.1,
    threshold=0.2, evaluate_every=3, evaluate_late_every=3, lambda_max=0.5, lambda_phi=0.5, lambda_u=1.0,
)  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_a_repeated_step_trains_to_the_same_bits(method):
    split = draw_split(DIGITS.train_classes, "balanced", 0, 2)
    given = {name: value for name, value in METHODS[method].defaults.items() if value != "calibrated"}
    plain, repeated = (
        train(
            DIGITS, GREY, split, method, SimpleNamespace(**{**SHORT.model_dump(), **given, "graph": graph}), 0,
            lambda evaluation: None,
        )
        for graph in (False, True)
    )  # fmt: skip
    assert plain.weights.keys() == repeated.weights.keys()
    assert all(torch.equal(value, repeated.weights[name]) for name, value in plain.weights.items())
    assert repr(plain.evaluations) == repr(repeated.evaluations)


def batch(number):
    return Batch(*(torch.full((2,), number) for _ in fields(Batch)))


def test_every_batch_lies_in_the_same_place():
    seen = []
    take = repeat(lambda batch: seen.append([(value.data_ptr(), value.tolist()) for value in vars(batch).values()]))
    for number in range(5):
        take(batch(number))
    assert all([place for place, _ in one] == [place for place, _ in seen[0]] for one in seen)
    assert [one[0][1] for one in seen] == [[number] * 2 for number in range(5)]
