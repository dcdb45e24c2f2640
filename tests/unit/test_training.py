"""A training on the real digits: what decides it, what does not, and what it reports."""

import math
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import get_args

import pytest
import torch

from spl.data.digits import read_digits
from spl.data.splits import draw_split
from spl.data.store import NO_CLASS, grey_levels
from spl.errors import InterruptedTrainingError, NotFiniteError
from spl.methods.registry import METHODS
from spl.study.known_methods import METHOD_SETTINGS
from spl.study.settings import Settings
from spl.training import batches as batching
from spl.training.batches import PIXELS_AT_ONCE, Pools, build_pools, draw_batches
from spl.training.checkpoints import Checkpoints
from spl.training.evaluation import MEASURES, is_evaluated
from spl.training.loop import train
from spl.training.optimiser import SCHEDULES, learning_rate
from spl.training.step import train_step

DIGITS = read_digits()
GREY = grey_levels(DIGITS.train_images)
SHORT = Settings(
    network="wrn-10-1", steps=12, batch=4, mu=2, flip=False, crop_padding=1, ema=0.9, batch_norm_momentum=0.1,
    evaluate_every=6, evaluate_late_every=6, lambda_max=0.5,
)  # fmt: skip


def trained(method="fixmatch", seed=0, split_seed=0, split=None, dataset=DIGITS, **changed):
    used = {k: v for k, v in METHODS[method].defaults.items() if k not in changed and v != "calibrated"}
    settings = SHORT.model_copy(update={**used, **changed})
    only = {k: v for k, v in settings.model_dump().items() if k not in METHOD_SETTINGS - METHODS[method].settings}
    split = split or draw_split(DIGITS.train_classes, "balanced", split_seed, 2)
    return train(dataset, GREY, split, method, SimpleNamespace(**only), seed, lambda evaluation: None)


def pools_of(labelled, unlabelled=1297):
    """The digits with these labelled images and the first so many as unlabelled ones."""
    images, classes = torch.from_numpy(DIGITS.train_images), torch.from_numpy(DIGITS.train_classes)
    return Pools(images, classes, torch.tensor(labelled), torch.arange(unlabelled), *map(torch.tensor, GREY))


def batches(pools, seed=0, first=0, settings=SHORT):
    return list(draw_batches(pools, settings, seed, first, unlabelled=True, strong=True))


def checksums(result):
    return [evaluation.measures["batch_checksum"] for evaluation in result.evaluations]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_twice_to_the_same_bits_and_reads_no_setting_that_is_not_its_own(method):
    first, second = trained(method), trained(method)
    assert first.weights.keys() == second.weights.keys()
    assert all(torch.equal(value, second.weights[name]) for name, value in first.weights.items())
    assert repr([e.measures for e in first.evaluations]) == repr([e.measures for e in second.evaluations])
    for evaluation in first.evaluations:
        assert evaluation.predicted.shape == DIGITS.test_classes.shape
        right = (evaluation.predicted == DIGITS.test_classes).sum()
        assert evaluation.measures["test_error"] == pytest.approx(1 - right / 500)


def test_fixmatch_and_its_variants_see_the_same_batches_in_the_same_views():
    reference = checksums(trained("fixmatch"))
    for method in ("smooth-fixmatch", "smooth-fixmatch-sq", "flexmatch", "smooth-fixmatch-factor"):
        assert checksums(trained(method)) == reference
    assert checksums(trained("fixmatch", seed=1)) != reference


def test_the_training_seed_changes_weights_batches_and_views_and_the_split_seed_neither():
    def drawn(seed, split_seed):
        return batches(pools_of(draw_split(DIGITS.train_classes, "random", split_seed, 20).labelled), seed)[0]

    one, other_seed, other_split = drawn(0, 0), drawn(1, 0), drawn(0, 1)
    for view in ("weak", "strong", "labelled"):
        assert not torch.equal(getattr(one, view), getattr(other_seed, view))
    assert not torch.equal(one.positions, other_seed.positions)
    assert torch.equal(one.positions, other_split.positions)
    assert torch.equal(one.strong, other_split.strong)
    assert not torch.equal(one.labelled, other_split.labelled)


def test_a_batch_depends_on_its_step_alone(monkeypatch):
    pools = pools_of(range(20))
    together, later = batches(pools), batches(pools, first=5)
    monkeypatch.setitem(PIXELS_AT_ONCE, "cpu", 1)
    alone = batches(pools)
    assert len(together) == len(alone) == 12
    for one, other in [*zip(together, alone, strict=True), *zip(together[5:], later, strict=True)]:
        assert all(torch.equal(getattr(one, name), getattr(other, name)) for name in vars(one))


def test_no_more_than_two_blocks_are_drawn_before_a_step_is_taken(monkeypatch):
    """One that is used, one that waits: memory stays bounded, however slow the steps are."""
    drawn, original = [], batching.draw_block
    monkeypatch.setitem(PIXELS_AT_ONCE, "cpu", 1)
    monkeypatch.setattr(batching, "draw_block", lambda *given, **how: drawn.append(1) or original(*given, **how))
    taken = draw_batches(pools_of(range(20)), SHORT, 0, 0, unlabelled=True, strong=True)
    for step in range(3):
        next(taken)
        time.sleep(0.2)
        assert len(drawn) == step + 2
    taken.close()


def test_what_fails_while_it_is_drawn_ahead_fails_in_its_step(monkeypatch):
    original = batching.draw_block

    def draw(pools, settings, seed, steps, *sizes, **how):
        if steps.start == 2:
            raise ZeroDivisionError
        return original(pools, settings, seed, steps, *sizes, **how)

    monkeypatch.setitem(PIXELS_AT_ONCE, "cpu", 1)
    monkeypatch.setattr(batching, "draw_block", draw)
    taken = draw_batches(pools_of(range(20)), SHORT, 0, 0, unlabelled=True, strong=True)
    next(taken), next(taken)
    with pytest.raises(ZeroDivisionError):
        next(taken)


def test_each_step_draws_its_own_images_and_views():
    drawn = batches(pools_of(range(20)))
    assert len({tuple(batch.positions.tolist()) for batch in drawn}) == len(drawn)
    assert len({tuple(batch.targets.tolist()) for batch in drawn}) > 1
    only_one = pools_of([0], 1)
    views = batches(only_one)
    for view in ("labelled", "weak", "strong"):
        assert len({tuple(getattr(batch, view).flatten().tolist()) for batch in views}) > len(views) / 2, view
    operations_alone = SHORT.model_copy(update={"crop_padding": 0, "cutout": 0.0})
    strong = [batch.strong for batch in batches(only_one, settings=operations_alone)]
    assert len({tuple(view.flatten().tolist()) for view in strong}) > len(strong) / 2


def test_a_class_without_a_label_is_never_predicted_and_counts_as_error():
    split = draw_split(DIGITS.train_classes, "balanced", 0, 2)
    kept = [index for index in split.labelled if DIGITS.train_classes[index] != 3]
    result = trained(split=replace(split, labelled=kept))
    predicted = result.evaluations[-1].predicted
    assert result.weights["averaged.classifier.bias"].shape == (9,)
    assert set(predicted.tolist()) <= {0, 1, 2, 4, 5, 6, 7, 8, 9}
    assert predicted.max() == 9, "outputs are numbered as the classes of the data set"
    assert result.evaluations[-1].measures["test_error"] >= 0.1


def test_supervised_training_learns_the_digits():
    split = draw_split(DIGITS.train_classes, "full", 0)
    result = trained("supervised", split=split, steps=150, batch=32, evaluate_every=150)
    assert result.evaluations[-1].measures["test_error"] < 0.15
    assert math.isnan(result.evaluations[-1].measures["coverage"])


def test_lambda_u_weighs_the_unlabelled_loss():
    without, supervised = trained("fixmatch", lambda_u=0.0, threshold=0.0), trained("fixmatch", lambda_u=0.0)
    with_it = trained("fixmatch", threshold=0.0)
    name = "averaged.classifier.weight"
    assert torch.equal(without.weights[name], supervised.weights[name])
    assert not torch.equal(without.weights[name], with_it.weights[name])


def test_the_measures_are_those_of_the_equations():
    everything = trained("fixmatch", threshold=0.0).evaluations[-1].measures
    assert everything["coverage"] == pytest.approx(1)
    assert everything["unlabelled_loss"] == pytest.approx(everything["unweighted_loss"])
    assert 0 <= everything["purity"] <= 1
    nothing = trained("fixmatch", threshold=1 - 1e-9).evaluations[-1].measures
    assert nothing["coverage"] == nothing["unlabelled_loss"] == 0
    assert nothing["unweighted_loss"] > 0
    assert math.isnan(nothing["purity"])
    assert nothing.keys() == everything.keys()


@pytest.mark.parametrize("method", ["fixmatch", "flexmatch", "supervised"])
def test_images_without_a_class_train_like_images_whose_class_is_hidden_and_leave_purity_unknown(method):
    hidden = DIGITS.train_classes.copy()
    hidden[600:] = NO_CLASS
    split = draw_split(hidden, "balanced", 0, 2)
    known, unknown = (
        trained(method, split=split, dataset=replace(DIGITS, train_classes=classes), threshold=0.3)
        for classes in (DIGITS.train_classes, hidden)
    )
    assert all(torch.equal(weight, unknown.weights[name]) for name, weight in known.weights.items())
    assert known.known.tolist() == unknown.known.tolist() == list(range(10))
    pools = build_pools(replace(DIGITS, train_classes=hidden), GREY, split, known.known, torch.device("cpu"))
    assert pools.classes.tolist() == hidden.tolist(), "their truth is that of no class"
    for before, after in zip(known.evaluations, unknown.evaluations, strict=True):
        assert math.isnan(after.measures["purity"])
        assert before.predicted.tolist() == after.predicted.tolist()
        same = before.measures.keys() - {"purity"}
        assert repr([before.measures[name] for name in same]) == repr([after.measures[name] for name in same])


def test_pseudo_labeling_leaves_the_running_statistics_to_the_labelled_images():
    """With or without the unlabelled forward, the batch-norm buffers are the same after one step."""
    buffers = []
    for method in ("pseudo-label", "supervised"):
        weights = trained(method, steps=1, evaluate_every=1).weights
        buffers.append({name: value for name, value in weights.items() if "running" in name})
    assert all(torch.equal(value, buffers[1][name]) for name, value in buffers[0].items())


def test_the_averaged_weights_are_an_exponential_moving_average():
    weights = [trained(steps=1, evaluate_every=1, ema=decay).weights for decay in (0.0, 0.25, 0.5)]
    name = "classifier.weight"
    now = weights[0][f"averaged.{name}"]
    assert torch.equal(now, weights[0][f"network.{name}"])
    start = 2 * weights[2][f"averaged.{name}"] - now
    assert torch.allclose(weights[1][f"averaged.{name}"], 0.25 * start + 0.75 * now, atol=1e-6)


def test_the_learning_rate_falls_along_seven_sixteenths_of_a_half_cosine():
    settings = Settings(steps=1000)
    assert learning_rate(0, settings) == 0.03
    assert learning_rate(500, settings) == pytest.approx(0.03 * math.cos(7 * math.pi / 32))
    assert learning_rate(1000, settings) == pytest.approx(0.03 * math.cos(7 * math.pi / 16))


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [("cosine", lambda part: (1 + math.cos(math.pi * part)) / 2), ("constant", lambda part: 1)],
)
def test_other_schedules_have_names(schedule, expected):
    settings = Settings(steps=1000, schedule=schedule)
    for step in (0, 1, 250, 999, 1000):
        assert learning_rate(step, settings) == pytest.approx(0.03 * expected(step / 1000), abs=1e-12)


def test_every_schedule_of_the_settings_is_known():
    assert set(get_args(Settings.model_fields["schedule"].annotation)) == set(SCHEDULES)


def test_a_twin_begins_with_weights_that_differ_in_their_last_bits_alone():
    """And sees the same batches; without training, nothing else tells the two apart."""
    run, twin = (trained(initial_noise=noise, learning_rate=1e-30) for noise in (0.0, 1e-6))
    assert checksums(run) == checksums(twin)
    for name, weight in run.weights.items():
        if name.startswith("network.") and weight.ndim > 1:
            relative = (twin.weights[name] / weight - 1).abs()
            assert 0 < relative.mean() < 2e-6, name
            assert relative.max() < 1e-5, name
    assert torch.equal(
        trained(initial_noise=1e-6).weights["network.stem.weight"],
        trained(initial_noise=1e-6).weights["network.stem.weight"],
    )


def test_flips_and_movements_are_those_of_the_visits_before():
    """With a single unlabelled image every step visits it; a weight that is 1 from the first step on does not move."""
    split = draw_split(DIGITS.train_classes, "balanced", 0, 2)
    only = replace(split, excluded=list(range(1, 1297)))
    every_step = {"evaluate_every": 1, "evaluate_late_every": 1}
    first, *later = [e.measures for e in trained(split=only, threshold=0.0, **every_step).evaluations]
    assert math.isnan(first["flips"])
    assert math.isnan(first["weight_movement"])
    assert all(0 <= row["flips"] <= 1 for row in later)
    assert all(row["weight_movement"] == 0 for row in later)


def test_evaluations_come_closer_in_the_last_fifth_and_include_the_last_step():
    settings = Settings(steps=1003, evaluate_every=100, evaluate_late_every=50)
    done = [step for step in range(1, 1004) if is_evaluated(step, settings)]
    assert done == [*range(100, 801, 100), 850, 900, 950, 1000, 1003]


@pytest.mark.parametrize(
    ("fraction", "steps", "every"), [(0.005, 1000, 5), (0.1, 1003, 100), (0.005, 20, 1), (0.5, 3, 2)]
)
def test_an_interval_below_1_is_that_part_of_the_steps_and_at_least_one(fraction, steps, every):
    parts = Settings(steps=steps, evaluate_every=fraction, evaluate_late_every=fraction)
    whole = Settings(steps=steps, evaluate_every=every, evaluate_late_every=every)
    evaluated = [[step for step in range(1, steps + 1) if is_evaluated(step, settings)] for settings in (parts, whole)]
    assert evaluated[0] == evaluated[1]


@pytest.mark.parametrize("method", ["fixmatch", "pseudo-label", "flexmatch"])
def test_a_run_that_stops_early_is_the_beginning_of_the_whole_run_bit_for_bit(method, tmp_path):
    """Its learning rate and its ramp are those of the whole schedule; its last evaluation is where it stops."""
    chosen = {"threshold": 0.1, "evaluate_every": 3, "evaluate_late_every": 3}
    split = draw_split(DIGITS.train_classes, "balanced", 0, 2)
    kept = Checkpoints(tmp_path / "run", 1e9, lambda line: None)
    used = {k: v for k, v in METHODS[method].defaults.items() if v != "calibrated"}
    arguments = DIGITS, GREY, split, method, SHORT.model_copy(update=used | chosen), 0, lambda evaluation: None
    with pytest.raises(InterruptedTrainingError):
        train(*arguments, kept, lambda done: done == 7)
    whole, stopped = train(*arguments), trained(method, stop=7, **chosen)
    assert [one.step for one in stopped.evaluations] == [3, 6, 7]
    assert repr([e.measures for e in stopped.evaluations[:2]]) == repr([e.measures for e in whole.evaluations[:2]])
    halfway = kept.read()
    assert halfway.step == 7
    assert all(torch.equal(value, halfway.tensors[name]) for name, value in stopped.weights.items())


def test_a_loss_that_is_not_finite_stops_the_training():
    """Named are the step, though losses are looked at only now and then, its batch, and where to go on from."""
    with pytest.raises(NotFiniteError, match=r"in step 2, whose batch has checksum -?\d+; last good checkpoint: none"):
        trained(learning_rate=1e30)


def test_a_measure_that_overflows_while_the_losses_are_finite_stops_nothing(monkeypatch):
    def overflowing(*given):
        measured = train_step(*given)
        measured[MEASURES.index("loss") + 1 :] = math.inf
        return measured

    expected = trained().weights
    monkeypatch.setattr("spl.training.loop.train_step", overflowing)
    assert all(torch.equal(value, expected[name]) for name, value in trained().weights.items())
