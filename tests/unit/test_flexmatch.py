"""FlexMatch's class thresholds."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spl.methods.flexmatch import ClassThresholds
from spl.methods.method import BatchPredictions
from spl.methods.pool_memory import NEVER
from spl.study.settings import Settings


def begun(pool, classes, threshold):
    return ClassThresholds(pool, classes, Settings(threshold=threshold))


def after(latest, classes, threshold):
    """Class thresholds that remember these predictions."""
    thresholds = begun(len(latest), classes, threshold)
    labels = torch.tensor(latest)
    [positions] = torch.where(labels != NEVER)
    if len(positions):
        thresholds.remember(positions, torch.ones(len(positions)), labels[positions])
    return thresholds


def remembered(latest, positions, score, predicted, threshold):
    """The memory as a loop over the batch would leave it."""
    latest = list(latest)
    for position, s, label in zip(positions, score, predicted, strict=True):
        if s >= threshold:
            latest[position] = label
    return latest


@given(st.data())
def test_of_an_image_drawn_twice_the_last_confident_prediction_is_kept(data):
    n = data.draw(st.integers(2, 40))

    def column(values):
        return data.draw(st.lists(values, min_size=n, max_size=n))

    positions, predicted = column(st.integers(0, 9)), column(st.integers(0, 3))
    score = column(st.sampled_from([0.2, 0.95, 0.99]))
    thresholds = begun(10, 4, 0.95)
    for half in (slice(0, n // 2), slice(n // 2, n)):
        before = thresholds.latest.tolist()
        thresholds.remember(
            torch.tensor(positions[half], dtype=torch.long),
            torch.tensor(score[half], dtype=torch.float64),
            torch.tensor(predicted[half], dtype=torch.long),
        )
        latest = remembered(before, positions[half], score[half], predicted[half], 0.95)
        assert thresholds.latest.tolist() == latest
        assert thresholds.counts.tolist() == [latest.count(label) for label in range(NEVER, 4)]


@given(st.lists(st.integers(NEVER, 3), min_size=1, max_size=60))
def test_thresholds_follow_the_counts_of_the_curriculum(latest):
    thresholds = after(latest, 4, 0.9)
    counts = [latest.count(label) for label in range(4)]
    largest = max([*counts, latest.count(NEVER)])
    beta = [count / largest for count in counts]
    expected = [0.9 * b / (2 - b) for b in beta]
    assert thresholds.of(torch.arange(4)).tolist() == pytest.approx(expected, rel=1e-6)


def test_nothing_learnt_yet_means_no_threshold_and_everything_learnt_means_tau():
    assert begun(100, 4, 0.95).of(torch.arange(4)).tolist() == [0] * 4
    learnt = after([number % 4 for number in range(100)], 4, 0.95)
    assert learnt.of(torch.arange(4)).tolist() == pytest.approx([0.95] * 4)


def test_a_batch_is_weighed_before_it_is_remembered_and_the_batches_of_all_processes_are():
    thresholds = begun(4, 2, 0.9)
    probabilities = torch.tensor([[0.95, 0.05], [0.4, 0.6]])
    elsewhere = iter([torch.tensor([2, 3]), torch.tensor([0.99, 0.99]), torch.tensor([1, 1])])

    def observed(gather):
        nothing = torch.zeros(0)
        return thresholds.observe(BatchPredictions(nothing, nothing, probabilities, torch.tensor([0, 1]), gather))

    assert observed(lambda values: torch.cat([values, next(elsewhere)])).threshold.tolist() == [0, 0]
    assert thresholds.latest.tolist() == [0, NEVER, 1, 1]
    assert observed(lambda values: values).threshold.tolist() == pytest.approx([0.9 * 0.5 / 1.5, 0.9])


def test_its_memory_is_what_checkpoints_hold():
    thresholds, restored = after([0, 1, 1, NEVER], 2, 0.9), begun(4, 2, 0.9)
    for name, tensor in restored.tensors().items():
        tensor.copy_(thresholds.tensors()[name])
    assert restored.latest.tolist() == [0, 1, 1, NEVER]
    assert torch.equal(restored.of(torch.arange(2)), thresholds.of(torch.arange(2)))
