"""Twins: how far apart runs are that differ in a disturbance of their initial weights."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file
from scipy import stats
from tidy import lines

from spl.analysis.twins import divergence
from spl.figures import twins as figure_of_twins
from spl.tables import twins as table_of_twins

TITLES = {"fixmatch": "FixMatch", "smooth-fixmatch": "Smooth FixMatch"}
GIVEN = {"titles": TITLES, "baseline": "fixmatch"}
STEPS = [10, 20, 30]
TRUE = np.arange(100) % 10


@pytest.fixture
def experiment(tmp_path):
    """Five folds of two methods: the inputs, and the predictions by method, fold and whether disturbed."""
    draw = np.random.default_rng(0)
    rows, predicted = [], {}
    for method in TITLES:
        for noise in (0.0, 1e-6):
            for fold in range(5):
                run = f"digits/balanced-20/fold{fold}/{method}{'/initial_noise=1e-06' * (noise > 0)}/seed0"
                wrong = draw.uniform(size=(3, 100)) < 0.3
                own = np.where(wrong, draw.integers(0, 10, (3, 100)), TRUE).astype(np.uint8)
                predicted[method, fold, noise > 0] = own
                folder = tmp_path / "runs" / run
                folder.mkdir(parents=True)
                save_file({"predicted": own, "true": TRUE.astype(np.uint8)}, folder / "predictions.safetensors",
                          {"classes": "10"})  # fmt: skip
                pd.DataFrame({"step": STEPS}).to_csv(folder / "metrics.csv", index=False)
                what = {"method": method, "fold": fold, "seed": 0, "error_last": 0.1, "initial_noise": noise}
                rows.append({"run": run, **what})
    pd.DataFrame(rows).to_csv(tmp_path / "runs.csv", index=False)
    return [tmp_path / "runs.csv", *sorted((tmp_path / "runs").rglob("*.*"))], predicted


def test_twins_are_compared_image_by_image_at_each_evaluation(experiment):
    inputs, predicted = experiment
    apart = divergence(pd.read_csv(inputs[0]), inputs).set_index(["method", "fold", "step"])
    assert len(apart) == 2 * 5 * 3
    for (method, fold, step), row in apart.iterrows():
        one, other = (predicted[method, fold, disturbed][STEPS.index(step)] for disturbed in (False, True))
        assert row["disagreement"] == pytest.approx((one != other).mean())
        errors = [(own != TRUE).mean() for own in (one, other)]
        assert row["error_difference"] == pytest.approx(abs(errors[0] - errors[1]))
        assert row["twin"] == row["run"].replace(f"/{method}/", f"/{method}/initial_noise=1e-06/")


def test_a_run_and_itself_do_not_disagree(experiment):
    inputs, _ = experiment
    for disturbed in (path for path in inputs if "noise" in str(path) and path.suffix == ".safetensors"):
        original = str(disturbed).replace("/initial_noise=1e-06", "")
        disturbed.write_bytes(Path(original).read_bytes())
    apart = divergence(pd.read_csv(inputs[0]), inputs)
    assert (apart[["disagreement", "error_difference"]] == 0).all(axis=None)


def test_a_pair_without_its_twin_is_left_out_and_told(experiment):
    inputs, _ = experiment
    summary = pd.read_csv(inputs[0])
    gone = (summary["method"] == "fixmatch") & (summary["fold"] == 2) & (summary["initial_noise"] > 0)
    summary.assign(error_last=summary["error_last"].mask(gone)).to_csv(inputs[0], index=False)
    figure, shown = figure_of_twins.draw(GIVEN, inputs)
    assert set(shown.loc[shown["method"] == "fixmatch", "fold"]) == {0, 1, 3, 4}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["FixMatch (4)", "Smooth FixMatch"]
    printed = table_of_twins.build(GIVEN, inputs).printed.set_index("")
    assert printed.loc["FixMatch", "disagreement"].endswith("(4)")
    assert printed.loc["Smooth FixMatch", "gain of the disagreement"].endswith("(4)")


def test_without_a_pair_there_is_nothing_to_show(experiment):
    inputs, _ = experiment
    summary = pd.read_csv(inputs[0])
    summary[summary["initial_noise"] == 0].to_csv(inputs[0], index=False)
    assert len(figure_of_twins.draw(GIVEN, inputs)[1]) == 0
    assert set(table_of_twins.build(GIVEN, inputs).printed["disagreement"]) == {"–"}


def test_two_twins_of_one_run_are_refused(experiment):
    inputs, _ = experiment
    summary = pd.read_csv(inputs[0])
    again = summary[summary["initial_noise"] > 0].assign(initial_noise=0.5)
    with pytest.raises(ValueError, match="one disturbed run"):
        divergence(pd.concat([summary, again]), inputs)


def test_curves_show_the_mean_over_pairs_and_the_csv_every_pair(experiment):
    inputs, predicted = experiment
    figure, shown = figure_of_twins.draw(GIVEN, inputs)
    [axis] = figure.axes
    for line, method in zip(axis.lines, TITLES, strict=True):
        pairs = [predicted[method, fold, False] != predicted[method, fold, True] for fold in range(5)]
        assert line.get_xdata().tolist() == STEPS
        assert line.get_ydata() == pytest.approx(np.mean(pairs, axis=(0, 2)))
    assert len(shown) == 2 * 5 * 3


def test_a_method_whose_twins_end_closer_gains(experiment):
    inputs, predicted = experiment
    table = table_of_twins.build(GIVEN, inputs)
    apart = {
        method: [(predicted[method, fold, False][-1] != predicted[method, fold, True][-1]).mean() for fold in range(5)]
        for method in TITLES
    }
    gains = np.array(apart["fixmatch"]) - apart["smooth-fixmatch"]
    found = lines(table.tidy[table.tidy["endpoint"] == "disagreement"]).loc["Smooth FixMatch"]
    assert found["mean"] == pytest.approx(np.mean(apart["smooth-fixmatch"]))
    assert found["gain_mean"] == pytest.approx(gains.mean())
    assert found["p_value"] == pytest.approx(stats.wilcoxon(gains, alternative="greater", method="exact").pvalue)
    [line] = table.tidy.index[(table.tidy["quantity"] == "gain_mean") & (table.tidy["endpoint"] == "disagreement")]
    assert len(table.runs[line]) == 20
    assert sum("initial_noise" in run for run in table.runs[line]) == 10
