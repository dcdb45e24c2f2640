"""Which images are labelled: the same everywhere, nested, and never a matter of the training seed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spl.data.digits import read_digits
from spl.data.registry import SOURCES
from spl.data.splits import draw_split, read_split, write_split
from spl.data.store import NO_CLASS

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "splits.json").read_text())
CLASSES = read_digits().train_classes

seeds = st.integers(0, 2**63)
pools = st.lists(st.integers(0, 4), min_size=30, max_size=120).map(lambda few: np.array([0, 1, 2, 3, 4] * 3 + few))


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: f"{golden['scheme']}-{golden['seed']}")
def test_a_seed_draws_the_same_images_on_every_machine_and_library_version(golden):
    drawn = draw_split(CLASSES, golden["scheme"], golden["seed"], golden["labels"], golden["keep"])
    assert drawn.labelled == golden["labelled"]
    assert drawn.excluded == golden["excluded"]


@given(pools, seeds, st.integers(1, 3))
def test_balanced_folds_hold_the_same_number_of_each_class(classes, seed, per_class):
    drawn = draw_split(classes, "balanced", seed, per_class)
    assert np.bincount(classes[drawn.labelled]).tolist() == [per_class] * 5 == drawn.labelled_counts
    assert len(set(drawn.labelled)) == 5 * per_class


@given(pools, seeds, st.floats(0.01, 0.99))
def test_proportional_folds_hold_the_same_part_of_each_class(classes, seed, part):
    drawn = draw_split(classes, "proportional", seed, part=part)
    for of_class, labelled in zip(np.bincount(classes), drawn.labelled_counts, strict=True):
        assert labelled == 1 or abs(labelled - part * of_class) <= 0.5
    assert min(drawn.labelled_counts) >= 1


@given(pools, seeds, st.floats(0.01, 0.5), st.floats(0, 0.4))
def test_a_part_of_each_class_is_contained_in_a_larger_one(classes, seed, part, more):
    small, large = (set(draw_split(classes, "proportional", seed, part=one).labelled) for one in (part, part + more))
    assert small <= large


@given(pools, seeds, st.integers(1, 20), st.integers(0, 10))
def test_a_random_fold_is_contained_in_the_one_with_more_labels(classes, seed, labels, more):
    small, large = (draw_split(classes, "random", seed, n).labelled for n in (labels, labels + more))
    assert large[:labels] == small
    assert len(set(large)) == labels + more


SCHEMES = {"balanced": {"labels": 2, "keep": 0.5}, "proportional": {"part": 0.3}, "random": {"labels": 9}, "full": {}}


@given(pools, seeds, st.integers(1, 20), st.sampled_from(list(SCHEMES)))
def test_images_without_a_class_join_the_pool_and_nothing_else(classes, seed, unlabelled, scheme):
    sizes = SCHEMES[scheme]
    before = draw_split(classes, scheme, seed, **sizes)
    after = draw_split(np.append(classes, [NO_CLASS] * unlabelled), scheme, seed, **sizes)
    assert after == replace(before, unlabelled_counts=[*before.unlabelled_counts, unlabelled])


def test_random_folds_are_uniform_over_all_images():
    drawn = [draw_split(CLASSES, "random", seed, 40).labelled for seed in range(300)]
    times = np.bincount(np.concatenate(drawn), minlength=len(CLASSES))
    expected = 300 * 40 / len(CLASSES)
    chi2 = ((times - expected) ** 2 / expected).sum()
    degrees = len(CLASSES) - 1
    assert abs(chi2 - degrees) < 5 * np.sqrt(2 * degrees)


@given(pools, seeds, st.floats(0.05, 0.95))
def test_imbalance_takes_unlabelled_images_of_one_class_and_leaves_the_labelled_set(classes, seed, keep):
    plain, uneven = (draw_split(classes, "balanced", seed, 2, part) for part in (None, keep))
    assert uneven.labelled == plain.labelled
    assert not set(uneven.excluded) & set(uneven.labelled)
    assert set(classes[uneven.excluded]) <= {uneven.imbalanced_class}
    unlabelled = int((classes == uneven.imbalanced_class).sum()) - 2
    assert len(uneven.excluded) == unlabelled - round(keep * unlabelled)
    lost = np.array(plain.unlabelled_counts) - uneven.unlabelled_counts
    assert lost.sum() == len(uneven.excluded) == lost[uneven.imbalanced_class]


paths = st.lists(st.text("abc/. é", min_size=1, max_size=6), min_size=12, max_size=40, unique=True)
schemes = st.sampled_from([("balanced", 2), ("random", 6), ("full", None)])


def drawn_by_name(names, seed, scheme):
    """The names of the labelled images; the class of an image is a function of its name."""
    classes = np.array([len(name) % 2 for name in names])
    return [names[index] for index in draw_split(classes, scheme[0], seed, scheme[1], names=names).labelled]


@given(paths, seeds, schemes, st.randoms())
def test_images_with_names_are_drawn_by_name_whatever_their_order(names, seed, scheme, shuffle):
    shuffled = shuffle.sample(names, len(names))
    assert sorted(drawn_by_name(names, seed, scheme)) == sorted(drawn_by_name(shuffled, seed, scheme))


@given(paths, seeds, schemes, st.text("xyz", min_size=1))
def test_another_image_takes_at_most_its_own_place(names, seed, scheme, new):
    before = drawn_by_name(names, seed, scheme)
    after = drawn_by_name(sorted([*names, new]), seed, scheme)
    assert set(after) <= {*before, new}
    if new not in after:
        assert sorted(after) == sorted(before)


def test_all_labels_means_all_images():
    assert draw_split(CLASSES, "full", 0).labelled == list(range(len(CLASSES)))


@given(pools, seeds)
def test_a_split_survives_its_file(tmp_path_factory, classes, seed):
    path = tmp_path_factory.mktemp("split") / "fold0.json"
    drawn = draw_split(classes, "balanced", seed, 2, 0.5)
    write_split(drawn, path)
    assert read_split(path) == drawn


def test_what_the_study_assumes_of_the_digits_is_true():
    digits = read_digits()
    known = SOURCES["digits"].describe(None)
    assert tuple(np.bincount(digits.train_classes)) == known.train_counts
    assert digits.train_images.shape[2:] == (known.side,) * 2
    assert np.bincount(digits.test_classes).tolist() == [50] * 10
    together = np.concatenate([digits.train_images, digits.test_images]).reshape(1797, -1)
    assert len(together) == 1797
    assert len(np.unique(together, axis=0)) == len(np.unique(np.rint(together), axis=0)) == 1797
