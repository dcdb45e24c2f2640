"""What was measured of pseudo-labels during training: curves, and tables of the last part of the runs."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tidy import lines

from spl.figures import pseudo_labels
from spl.tables import training_measures

TITLES = {"fixmatch": "FixMatch", "smooth-fixmatch": "Smooth FixMatch"}
STEPS = [10, 20, 40, 50, 60]
FLIPS = {"flips": "flips", "weight_movement": "movement"}
GIVEN = {"titles": TITLES, "baseline": "fixmatch", "measures": FLIPS, "after": 0.5}


@pytest.fixture
def experiment(tmp_path):
    """Six folds of two methods with random metrics: the inputs, and the metrics by run."""
    draw = np.random.default_rng(0)
    rows, metrics = [], {}
    for method in TITLES:
        for fold in range(6):
            run = f"digits/balanced-20/fold{fold}/{method}/seed0"
            what = {"method": method, "variant": "", "fold": fold, "seed": 0, "error_last": 0.1, "coverage": 0.99}
            rows.append({"run": run, **what})
            columns = ["coverage", "purity", "flips", "weight_movement"]
            metrics[run] = pd.DataFrame(draw.uniform(size=(5, 4)), columns=columns).assign(step=STEPS)
            (tmp_path / "runs" / run).mkdir(parents=True)
            metrics[run].to_csv(tmp_path / "runs" / run / "metrics.csv", index=False)
    pd.DataFrame(rows).to_csv(tmp_path / "runs.csv", index=False)
    return [tmp_path / "runs.csv", *sorted(tmp_path.glob("runs/**/metrics.csv"))], metrics


def late(metrics, column):
    """The mean over steps 31 to 60, whose evaluations are at 40, 50 and 60 after 20, 10 and 10 steps."""
    return (2 * metrics[column][2] + metrics[column][3] + metrics[column][4]) / 4


def test_the_last_part_of_each_run_counts_by_its_steps(experiment):
    inputs, metrics = experiment
    table = training_measures.build(GIVEN, inputs)
    tidy = table.tidy
    for column in FLIPS:
        own = tidy[(tidy["endpoint"] == column) & tidy["fold"].notna()]
        assert own["value"].tolist() == pytest.approx([late(metrics[run], column) for run in metrics])
        assert [table.runs[line] for line in own.index] == [(run,) for run in metrics]
        mean = np.mean([late(metrics[run], column) for run in list(metrics)[:6]])
        found = lines(tidy[tidy["endpoint"] == column]).loc["FixMatch"]
        assert found["mean"] == pytest.approx(mean)
        cell = table.printed.set_index("").loc["FixMatch", FLIPS[column]]
        assert cell == f"{100 * mean:.2f} ± {100 * found['std']:.2f}"


def test_a_method_whose_pseudo_labels_change_less_gains(experiment):
    inputs, metrics = experiment
    table = training_measures.build(GIVEN, inputs)
    values = [late(metrics[run], "flips") for run in metrics]
    gains = np.array(values[:6]) - values[6:]
    found = lines(table.tidy[table.tidy["endpoint"] == "flips"]).loc["Smooth FixMatch"]
    assert found["gain_mean"] == pytest.approx(gains.mean())
    assert found["p_value"] == pytest.approx(stats.wilcoxon(gains, alternative="greater", method="exact").pvalue)
    assert table.printed.columns.tolist() == [
        "", "flips", "movement", "gain of the flips", "p of the flips (better)",
        "gain of the movement", "p of the movement (better)",
    ]  # fmt: skip


def test_without_a_baseline_nothing_is_compared_and_the_summary_s_own_column_is_not_taken(experiment):
    inputs, metrics = experiment
    given = {"titles": TITLES, "measures": {"coverage": "coverage"}, "after": 0.8}
    table = training_measures.build(given, inputs)
    assert table.printed.columns.tolist() == ["", "coverage"]
    last = [metrics[run]["coverage"][3:].mean() for run in list(metrics)[:6]]
    assert lines(table.tidy).loc["FixMatch", "mean"] == pytest.approx(np.mean(last))


def test_a_run_without_the_measure_and_one_that_is_not_done_are_told(experiment):
    inputs, metrics = experiment
    paths = list(metrics)
    metrics[paths[0]].assign(flips=np.nan).to_csv(next(path for path in inputs if paths[0] in str(path)), index=False)
    summary = pd.read_csv(inputs[0])
    summary.loc[summary["run"] == paths[7], "error_last"] = np.nan
    summary.to_csv(inputs[0], index=False)
    printed = training_measures.build(GIVEN, inputs).printed.set_index("")
    assert printed.loc["FixMatch", "flips"].endswith("(5)")
    assert not printed.loc["FixMatch", "movement"].endswith(")")
    assert printed.loc["Smooth FixMatch", "gain of the flips"].endswith("(4)")
    assert printed.loc["Smooth FixMatch", "gain of the movement"].endswith("(5)")


def test_curves_show_the_mean_over_the_runs_of_each_method(experiment):
    inputs, metrics = experiment
    figure, shown = pseudo_labels.draw({"titles": TITLES}, inputs)
    assert [axis.get_ylabel() for axis in figure.axes] == ["coverage", "purity"]
    for place, (method, title) in enumerate(TITLES.items()):
        own = [metrics[run] for run in metrics if f"/{method}/" in run]
        rows = shown[shown["method"] == title]
        assert rows["runs"].tolist() == [6] * 5
        for axis, name in zip(figure.axes, ("coverage", "purity"), strict=True):
            values = np.array([run[name] for run in own])
            line = axis.lines[place]
            assert line.get_label() == title
            assert line.get_ydata() == pytest.approx(values.mean(axis=0))
            assert rows[f"{name}_mean"].to_numpy() == pytest.approx(values.mean(axis=0))
            assert rows[f"{name}_std"].to_numpy() == pytest.approx(values.std(axis=0, ddof=1))


def test_curves_of_one_method_in_several_variants_differ_in_style(experiment):
    inputs, _ = experiment
    summary = pd.read_csv(inputs[0])
    lower = summary["fold"] > 2
    summary["variant"], summary["threshold"] = np.where(lower, "threshold=0.8", ""), np.where(lower, 0.8, 0.95)
    summary.to_csv(inputs[0], index=False)
    figure, _ = pseudo_labels.draw({"titles": TITLES}, inputs)
    looks = {line.get_label(): (line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines}
    assert len(looks) == len(set(looks.values())) == 4
    assert looks["FixMatch, τ = 0.8"] == (looks["FixMatch, τ = 0.95"][0], "--")


def test_where_no_purity_is_known_its_axes_say_so_and_end_with_the_others(experiment):
    inputs, _ = experiment
    for path in inputs[1:]:
        pd.read_csv(path).assign(purity=np.nan).to_csv(path, index=False)
    figure, shown = pseudo_labels.draw({"titles": TITLES}, inputs)
    coverage, purity = figure.axes
    assert [text.get_text() for text in purity.texts] == ["unknown"]
    assert not coverage.texts
    assert purity.get_xlim() == coverage.get_xlim()
    assert shown["purity_mean"].isna().all()
