"""What several unit tests train on."""

import pytest
import torch

from spl.data.digits import DIGITS, read_digits
from spl.data.splits import draw_split, write_split
from spl.data.store import save_dataset


@pytest.fixture(scope="session")
def inputs(tmp_path_factory):
    """Folder of the prepared digits and a split of them. Nobody writes into it."""
    folder = tmp_path_factory.mktemp("inputs")
    save_dataset("digits", DIGITS.classes, read_digits(), folder)
    write_split(draw_split(read_digits().train_classes, "balanced", 0, 2), folder / "split.json")
    return folder


@pytest.fixture
def gradients_of_logits(monkeypatch):
    """A step then leaves gradients at the logits that a test put in the network's place, and moves no weight."""

    def gradients(loss, weights):
        loss.backward()
        return [torch.zeros_like(weight) for weight in weights.values()]

    monkeypatch.setattr("spl.training.step.gradients", gradients)
