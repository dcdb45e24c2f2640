"""Flips of pseudo-labels and movements of weights between two visits of an image."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spl.training.history import PoolHistory

POOL = 6
visits = st.tuples(st.integers(0, POOL - 1), st.integers(0, 3), st.sampled_from([0.0, 0.25, 1.0]))
batches = st.lists(st.lists(visits, min_size=1, max_size=10), min_size=1, max_size=6)


@given(batches=batches)
def test_a_batch_is_compared_with_the_visits_before_it(batches):
    history, memory = PoolHistory(POOL, torch.device("cpu")), {}
    for batch in batches:
        positions, labels, weights = (torch.tensor(column) for column in zip(*batch, strict=True))
        measured = history.visit(positions, labels, weights)
        known = [(memory[position], (label, weight)) for position, label, weight in batch if position in memory]
        revisited, flipped, moved = (values.sum().item() for values in measured)
        assert revisited == len(known)
        assert flipped == sum(a[0] != b[0] for a, b in known)
        assert moved == pytest.approx(sum(abs(a[1] - b[1]) for a, b in known))
        memory |= {position: (label, weight) for position, label, weight in batch}


def test_what_is_remembered_is_what_checkpoints_hold():
    history, restored = (PoolHistory(POOL, torch.device("cpu")) for _ in range(2))
    history.visit(torch.tensor([2, 4]), torch.tensor([1, 0]), torch.tensor([0.5, 0.0]))
    for name, tensor in restored.tensors().items():
        tensor.copy_(history.tensors()[name])
    measured = restored.visit(torch.tensor([2]), torch.tensor([3]), torch.tensor([0.75]))
    assert [values.tolist() for values in measured] == [[1], [1], [0.25]]
