"""Folds needed: simulated power against repeated exact tests, and what six folds can and cannot show."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from typer.testing import CliRunner

from spl.analysis import power
from spl.analysis.statistics import wilcoxon
from spl.cli.statistics import app
from spl.errors import InputError

PILOT = {"a": [5.2, 1.2, 9.2, 4.2, 4.4, 8.6], "b": [4.1, 1.3, 7.2, 3.5, 4.0, 8.5]}


def write(folder, errors=PILOT):
    lines = [f"{name},{fold},{error}" for name, column in errors.items() for fold, error in enumerate(column)]
    path = folder / "pilot.csv"
    path.write_text("\n".join(["method,fold,error_percent", *lines]))
    return path


def test_simulated_power_is_the_share_of_significant_exact_tests():
    random = np.random.default_rng(5)
    differences = random.normal(0.01, 0.012, 400).round(6)
    found = power.signed_rank_power(differences, 0.05, seed=0, most=12)
    for n in (5, 6, 9, 12):
        drawn = random.choice(differences, (2000, n))
        share = np.mean([wilcoxon(study).greater <= 0.05 for study in drawn])
        assert found[n - 1] == pytest.approx(share, abs=0.035), n


@pytest.mark.parametrize("n", [1, 4, 5, 6, 9, 20])
@pytest.mark.parametrize("level", [0.05, 0.025, 0.05 / 4])
def test_the_critical_sum_is_the_smallest_that_scipy_s_exact_test_finds_significant(n, level):
    significant = []
    for most in range(n + 1):  # gains of the largest ranks; then one rank less at a time gives every sum
        for lost in range(most and n - most + 1):
            signs = np.array([-1] * (n - most) + [1] * most)
            if lost:
                signs[n - most], signs[n - most - lost] = -1, 1
            differences = signs * np.arange(1.0, n + 1)
            if stats.wilcoxon(differences, alternative="greater", method="exact").pvalue <= level:
                significant.append(differences[differences > 0].sum())
    assert power.critical_sum(n, level) == min(significant, default=np.inf)


def test_too_few_folds_have_no_power_and_six_reach_it_at_once():
    certain = power.signed_rank_power(np.array([0.01, 0.02]), 0.05, seed=0, most=8)
    assert certain.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert power.signed_rank_power(np.array([0.01]), 0.05 / 4, seed=0, most=7).tolist() == [0, 0, 0, 0, 0, 0, 1]


def test_without_an_effect_the_power_is_at_most_the_level():
    random = np.random.default_rng(1).normal(0, 1, 200)
    found = power.signed_rank_power(np.concatenate([random, -random]), 0.05, seed=0, most=30)
    assert (found <= 0.05 + 0.01).all()
    assert found[-1] > 0.03


@settings(max_examples=10)
@given(st.lists(st.integers(-40, 40), min_size=3, max_size=6), st.integers(4, 9))
def test_the_gain_that_folds_show_is_where_their_power_reaches_80_percent(deviations, folds):
    centred = np.concatenate([deviations, -np.array(deviations)]) / 500
    gain = power.detectable_gain(centred, 0.05, folds, seed=0)
    if folds < 5:
        assert gain == np.inf
        return
    above, below = (
        power.signed_rank_power(centred + gain + side, 0.05, seed=0, most=folds)[-1] for side in (1e-6, -1e-6)
    )
    assert above >= 0.8 - 1e-3
    assert below < 0.8 + 1e-3


def test_the_folds_needed_keep_the_power_from_there_on(tmp_path):
    [found] = power.power_of_methods(write(tmp_path), gain=0.01)
    for target, folds in found.needed.items():
        assert (found.by_folds[folds - 1 :] >= target).all()
        assert found.by_folds[folds - 2] < target
    assert found.needed[0.8] < found.needed[0.9]


def test_a_larger_gain_needs_fewer_folds_and_a_pilot_s_own_gain_is_its_estimate(tmp_path):
    path = write(tmp_path)
    [small], [large], [own] = (power.power_of_methods(path, gain) for gain in (0.005, 0.02, None))
    assert small.needed[0.8] > large.needed[0.8]
    assert own.gain == pytest.approx(
        0.006
    )  # the median of the averages of two of 1.1, -0.1, 2, 0.7, 0.4 and 0.1 points
    assert (power.power_of_methods(path, own.gain)[0].by_folds == own.by_folds).all()


def test_a_method_that_is_worse_has_the_power_of_the_opposite_test(tmp_path):
    [forth] = power.power_of_methods(write(tmp_path))
    [back] = power.power_of_methods(write(tmp_path), baseline="b")
    assert (back.gain, back.needed) == (-forth.gain, forth.needed)


def test_deviations_count_either_way_whichever_side_of_the_pilot_they_are_on(tmp_path):
    """A rare large gain in a pilot of six says as little for the method as a rare large loss says against it."""
    gain, loss = ({"a": [50] * 6, "b": [50 - sign * large for large in (0, 0, 0, 0, 0, 20)]} for sign in (1, -1))
    [up], [down] = (power.power_of_methods(write(tmp_path, errors), gain=0.01) for errors in (gain, loss))
    assert up.by_folds == pytest.approx(down.by_folds, abs=0.03)
    assert up.by_folds[5] == pytest.approx((11 / 12) ** 6, abs=0.02)  # all six are gains unless one is a large loss


def test_comparisons_of_a_family_share_the_level(tmp_path):
    found = power.power_of_methods(write(tmp_path, PILOT | dict.fromkeys("cdef", PILOT["b"])))
    assert {one.level for one in found} == {0.05 / 5}
    assert {one.by_folds[5] for one in found} == {0}  # 1/64 is above 1/100
    assert {one.detectable for one in found} == {np.inf}


def test_seeds_decide_the_numbers_and_alone(tmp_path):
    path = write(tmp_path)
    first, again, other = (power.power_of_methods(path, 0.01, seed=seed)[0].by_folds for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert first == pytest.approx(other, abs=0.03)


def test_a_pilot_of_two_folds_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"pilot\.csv: expected a pilot with at least 3 folds of b, got 2"):
        power.power_of_methods(write(tmp_path, {"a": [5, 6], "b": [4, 5]}))


def spl(*arguments):
    done = CliRunner().invoke(app, list(map(str, arguments)))
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


def test_the_command_prints_what_the_function_returns(tmp_path):
    path = write(tmp_path)
    [found] = power.power_of_methods(path, 0.01)
    [numbers] = json.loads(spl("power", path, "--gain", "1.0", "--format", "json"))["comparisons"]
    assert numbers["power"] == found.by_folds.tolist()
    assert numbers["folds"] == {str(target): folds for target, folds in found.needed.items()}
    whole = spl("power", path, "--gain", "1.0")
    assert "One fold more can lower the power a little" in whole
    shown = whole.split("Power by number of folds")[0].splitlines()
    assert [str(folds) in shown[2].split() for folds in found.needed.values()] == [True, True]


@pytest.mark.parametrize("ending", [".png", ".svg"])
def test_the_plot_is_the_same_bytes_each_time(tmp_path, ending):
    for name in "xy":
        spl("power", write(tmp_path), "--plot", tmp_path / f"{name}{ending}")
    assert (tmp_path / f"x{ending}").read_bytes() == (tmp_path / f"y{ending}").read_bytes()


def test_a_plot_that_cannot_be_written_is_refused_before_anything_is_printed(tmp_path):
    for plot, message in {"power.gif": "ends with .png or .svg", "none/power.png": "a folder that exists"}.items():
        with pytest.raises(InputError, match=message):
            spl("power", write(tmp_path), "--plot", tmp_path / plot)
