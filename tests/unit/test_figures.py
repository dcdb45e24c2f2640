"""Figures: what they hold, that text stays beside the data, and that the file beside a figure is what it shows."""

from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matrices import write_predictions

from spl.data.splits import Split, write_split
from spl.figures import against, basins, collapse, confusion, curves, fig1, fig4, fig5
from spl.figures.matrix import class_names
from spl.figures.style import Percent, new_figure, save_figure, ticks_at
from spl.methods.registry import METHODS
from spl.study.appearance import LOOKS, looks_of

TITLES = {"fixmatch": "FixMatch", "smooth-fixmatch": "Smooth FixMatch", "smooth-fixmatch-sq": "Smooth FixMatch-sq"}
SHAPES = ["fixmatch", "smooth-fixmatch", "smooth-fixmatch-sqrt", "smooth-fixmatch-sq"]
BEYOND = yaml.safe_load((Path(__file__).parents[2] / "config/beyond.yaml").read_text())["experiments"]["rivals"][
    "methods"
]
LIMITS = {"collapsed": 0.01, "partly_collapsed": 0.5, "recall": 0.25, "unstable": 0.05}
MOMENTUM = {"setting": "momentum", "label": "SGD momentum", "titles": TITLES}
LABELS = {"setting": "labels", "label": "number of labels", "titles": TITLES, "baseline": "fixmatch"}


def linear(colour):
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]


def lightness(colour):
    """L* of CIE 1976, 0 to 100: what is left of a colour in grey."""
    return 116 * np.dot([0.2126, 0.7152, 0.0722], linear(colour)) ** (1 / 3) - 16


def seen(colour):
    """A colour in the space Oklab, in which distances are as large as they look."""
    cones = [[0.4122215, 0.5363325, 0.0514460], [0.2119035, 0.6806995, 0.1073970], [0.0883025, 0.2817188, 0.6299787]]
    mixed = [[0.2104543, 0.7936178, -0.0040720], [1.9779985, -2.4285922, 0.4505937], [0.0259040, 0.7827718, -0.8086758]]
    return mixed @ np.cbrt(np.array(cones) @ linear(colour))


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def labels_of(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def line_of(axis, label):
    [line] = [line for line in axis.lines if line.get_label() == label]
    return line


def assert_legible(figure):
    """No legend over an axes area, no two labels of an axis over each other, and all text on the paper."""
    figure.draw_without_rendering()
    for axis in figure.axes:
        for legend in figure.legends:
            assert not legend.get_window_extent().overlaps(axis.get_window_extent())
        for side, (low, high) in ((axis.xaxis, axis.get_xlim()), (axis.yaxis, sorted(axis.get_ylim()))):
            ticks = [tick for tick in side.get_major_ticks() if low <= tick.get_loc() <= high]
            labels = [label for tick in ticks for label in (tick.label1, tick.label2) if label.get_visible()]
            boxes = [label.get_window_extent() for label in labels if label.get_text()]
            assert not any(one.overlaps(other) for one, other in combinations(boxes, 2)), labels
    needed, paper = figure.get_tightbbox(), figure.get_size_inches()
    assert needed.x0 >= -0.01
    assert needed.y0 >= -0.01
    assert needed.x1 <= paper[0] + 0.01
    assert needed.y1 <= paper[1] + 0.01


def test_the_methods_of_the_paper_have_looks_of_their_own():
    assert set(LOOKS) <= set(METHODS)
    assert len({(look.colour, look.marker) for look in LOOKS.values()}) == len(LOOKS)


def test_methods_that_share_a_figure_do_not_share_nearly_one_colour():
    """Those of config/beyond.yaml; white and black are 1 apart."""
    colours = [seen(LOOKS[method].colour) for method in BEYOND]
    assert min(np.linalg.norm(one - other) for one, other in combinations(colours, 2)) > 0.15
    broken = {method for method, look in LOOKS.items() if look.line != "-"}
    assert broken == {"jump-fixmatch", "smooth-flexmatch", "smooth-freematch", "smooth-uda"}


@pytest.mark.parametrize("count", [36, 37])
def test_other_methods_of_a_study_share_no_look_while_there_are_free_ones(count):
    looks = looks_of(["fixmatch", *(f"mine-{number}" for number in range(count))])
    assert looks.pop("fixmatch") == LOOKS["fixmatch"]
    assert len(set(looks.values())) == 36
    assert len({look.colour for look in list(looks.values())[:6]}) == 6, "neighbours differ in colour"
    assert not {look.colour for look in looks.values()} & {look.colour for look in LOOKS.values()}


def test_the_shapes_that_share_a_figure_differ_in_grey():
    grey = [lightness(LOOKS[method].colour) for method in SHAPES]
    assert np.diff(grey).min() > 10


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 99), min_size=1, max_size=13, unique=True))
def test_ticks_mark_what_was_measured_and_their_labels_do_not_overlap(values):
    figure = new_figure(3.5, 2.7)
    axis = figure.subplots()
    axis.plot([value / 100 for value in values], values)
    ticks_at(axis, [value / 100 for value in values] * 2)
    assert axis.get_xticks().tolist() == sorted(value / 100 for value in values)
    printed = {label.get_position()[0]: label.get_text() for label in axis.get_xticklabels() if label.get_text()}
    assert printed == {value: f"{value:g}" for value in printed}
    assert min(values) / 100 in printed
    assert_legible(figure)


ERRORS = {
    ("fixmatch", 0.8): [0.30, 0.20, 0.10],
    ("fixmatch", 0.9): [0.08, 0.06],
    ("smooth-fixmatch", 0.8): [0.10],
    ("smooth-fixmatch", 0.95): [0.07, 0.05],
    ("flexmatch", 0.8): [0.99],
}


@pytest.fixture
def momentum(tmp_path):
    rows = [
        {"method": method, "momentum": value, "fold": fold, "seed": 0, "error_last": error, "coverage": 0.5}
        for (method, value), errors in ERRORS.items()
        for fold, error in enumerate(errors)
    ]
    return write(tmp_path / "momentum.csv", sorted(rows, key=lambda row: (row["method"], -row["fold"])))


def test_error_against_a_setting_draws_every_run_and_the_means_there_are(momentum):
    figure, shown = against.draw(MOMENTUM, [momentum])
    [axis] = figure.axes
    assert labels_of(figure) == ["FixMatch", "Smooth FixMatch"]
    assert line_of(axis, "FixMatch").get_xydata().tolist() == pytest.approx(np.array([[0.8, 0.2], [0.9, 0.07]]))
    assert line_of(axis, "Smooth FixMatch").get_xydata().tolist() == pytest.approx(np.array([[0.8, 0.1], [0.95, 0.06]]))
    dots = [line.get_xydata() for line in axis.lines if line.get_linestyle() == "None"]
    assert [len(some) for some in dots] == [5, 3]
    assert np.vstack(dots).tolist() == shown[["momentum", "error_last"]].to_numpy().tolist()
    assert axis.get_xlabel() == "SGD momentum"
    assert_legible(figure)


@pytest.mark.parametrize("errors", [(0.9, 0.91), (0.0, 0.0), (1.0, 1.0)])
def test_error_against_a_setting_begins_at_zero_and_cuts_no_marker(tmp_path, errors):
    common = {"method": "fixmatch", "fold": 0, "seed": 0}
    rows = [common | {"momentum": value, "error_last": error} for value, error in zip((0.8, 0.9), errors, strict=True)]
    figure, _ = against.draw(MOMENTUM, [write(tmp_path / "x.csv", rows)])
    low, high = figure.axes[0].get_ylim()
    assert low == 0
    assert high > 1.03 * max(errors)


def test_error_against_a_setting_refuses_runs_that_differ_in_something_else(momentum):
    write(momentum, pd.concat([pd.read_csv(momentum)] * 2))
    with pytest.raises(ValueError, match="cannot share a dot"):
        against.draw(MOMENTUM, [momentum])


@pytest.mark.parametrize("values", [[0.5, 0.9, 0.95, 0.98, 0.99], range(40, 170, 10), [0.9]])
def test_values_as_a_study_may_choose_them_stay_legible(tmp_path, values):
    rows = [
        {"method": method, "momentum": value, "fold": 0, "seed": 0, "error_last": 0.05 + 0.1 * abs(0.9 - value)}
        for method in SHAPES
        for value in values
    ]
    titles = {method: METHODS[method].title for method in SHAPES}
    figure, _ = against.draw(MOMENTUM | {"titles": titles}, [write(tmp_path / "x.csv", rows)])
    assert len(labels_of(figure)) == 4
    assert_legible(figure)


def test_the_hardest_fold_is_where_the_baseline_errs_most_on_average(tmp_path):
    errors = {0: (0.30, 0.10, 0.05), 3: (0.20, 0.20, 0.20), 4: (0.01, 0.02, 0.03)}
    rows = [
        {"method": method, "labels": labels, "fold": fold, "seed": 0, "error_last": error + (fold == 4) * extra}
        for method, extra in (("fixmatch", 0), ("smooth-fixmatch", 0.9))
        for fold, of_fold in errors.items()
        for labels, error in zip((40, 50, 60), of_fold, strict=True)
    ]
    figure, shown = fig5.draw(LABELS, [write(tmp_path / "random.csv", rows)])
    assert set(shown["fold"]) == {3}
    assert figure.axes[0].get_title() == "fold 3, the hardest:\nmean error of FixMatch 20.0 %"
    assert line_of(figure.axes[0], "FixMatch").get_xydata().tolist() == [[40, 0.2], [50, 0.2], [60, 0.2]]
    assert_legible(figure)


@pytest.mark.parametrize(
    ("errors", "labels"),
    [
        ([0.04, 0.06], ["FixMatch", "Fully supervised"]),
        ([0.04, None], ["FixMatch", "Fully supervised (1)"]),
        ([None], ["FixMatch"]),
    ],
)
def test_the_fully_supervised_runs_are_a_line_across_the_hardest_fold(tmp_path, errors, labels):
    run = {"method": "fixmatch", "fold": 0, "seed": 0}
    rows = [run | {"labels": labels, "error_last": 4 / labels} for labels in (40, 50)]
    every = [
        run | {"method": "supervised", "labels": 50000, "seed": seed, "error_last": error}
        for seed, error in enumerate(errors)
    ]
    given = LABELS | {"titles": TITLES | {"supervised": "Fully supervised"}}
    figure, shown = fig5.draw(given, [write(tmp_path / "random.csv", rows), write(tmp_path / "full.csv", every)])
    assert labels_of(figure) == labels
    done = [error for error in errors if error]
    own = shown[shown["method"] == "supervised"]
    assert own["error_last"].tolist() == done
    if done:
        line = line_of(figure.axes[0], labels[1])
        assert (line.get_linestyle(), line.get_color()) == ("--", LOOKS["supervised"].colour)
        assert [*line.get_ydata(), *own["mean"]] == pytest.approx([np.mean(done)] * (2 + len(done)))
    assert_legible(figure)


@pytest.fixture
def splits(tmp_path):
    paths = []
    for counts in ([3, 1], [2, 2], [4, 4], [6, 2]):
        fold = len(paths) % 2
        path = tmp_path / "splits" / "digits" / f"random-{sum(counts)}" / f"fold{fold}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_split(Split("random", fold, list(range(sum(counts))), [], None, counts, [9, 9]), path)
        paths.append(path)
    return paths


def test_without_runs_there_is_no_curve_of_those_that_had_trouble_and_the_expectation_is_smooth(splits):
    figure, shown = fig4.draw({}, splits)
    assert labels_of(figure) == ["one fold", "mean of 2 folds", "expected, $\\sqrt{1/n}$"]
    assert shown["normalised_std"].tolist() == [0.5, 0, 0, 0.5]
    assert list(shown) == ["labels", "fold", "normalised_std", "expected"]
    n, expected = line_of(figure.axes[0], "expected, $\\sqrt{1/n}$").get_xydata().T
    assert (n[0], n[-1], len(n) > 50) == (4, 8, True)
    assert expected == pytest.approx(n**-0.5)
    assert_legible(figure)


def test_a_fold_had_trouble_if_one_of_its_runs_ended_in_the_low_basin(splits, tmp_path):
    rows = [
        {"split": f"digits/random-{n}/fold{fold}", "basin": "low" if (n, fold, method) == (4, 0, "b") else "high"}
        for n, fold, method in product((4, 8), (0, 1), "ab")
    ]
    figure, shown = fig4.draw({}, [*splits, write(tmp_path / "random.csv", rows)])
    assert shown["low_basin"].tolist() == [True, False, False, False]
    assert line_of(figure.axes[0], "mean of 2 folds").get_xydata().tolist() == [[4, 0.25], [8, 0.25]]
    trouble = line_of(figure.axes[0], "mean of those of which\nany run fell into the low basin")
    np.testing.assert_equal(trouble.get_xydata(), [[4, 0.5], [8, np.nan]])
    assert_legible(figure)


def test_where_both_means_are_the_same_both_are_seen(splits, tmp_path):
    rows = [{"split": f"digits/random-{n}/fold{fold}", "basin": "low"} for n in (4, 8) for fold in (0, 1)]
    figure, _ = fig4.draw({}, [*splits, write(tmp_path / "random.csv", rows)])
    mean, trouble = (line for line in figure.axes[0].lines if line.get_label().startswith("mean of"))
    assert mean.get_xydata().tolist() == trouble.get_xydata().tolist()
    assert mean.get_zorder() > trouble.get_zorder()
    assert trouble.get_linewidth() > 1.5 * mean.get_linewidth()
    assert trouble.get_markersize() > 1.5 * mean.get_markersize()


def metrics(path, errors):
    steps = 100 * np.arange(1, len(errors) + 1)
    return write(path, {"step": steps, "test_error": errors, "labelled_accuracy": np.linspace(0.5, 1, len(errors))})


@pytest.mark.parametrize(("column", "first"), [("test_accuracy", [0.25, 0.75]), ("labelled_accuracy", [0.5, 1.0])])
def test_curves_hold_what_was_measured(tmp_path, column, first):
    given = [{"label": "FixMatch", "method": "fixmatch"}, {"label": "Smooth", "method": "smooth-fixmatch"}]
    inputs = [metrics(tmp_path / "a.csv", [0.75, 0.25]), metrics(tmp_path / "b.csv", [0.5, 0.4, 0.3])]
    figure, shown = curves.draw({"column": column, "label": "accuracy on the labelled batch", "curves": given}, inputs)
    assert line_of(figure.axes[0], "FixMatch").get_xydata().tolist() == [[100, first[0]], [200, first[1]]]
    assert shown.groupby("curve").size().to_dict() == {"FixMatch": 2, "Smooth": 3}
    assert shown.loc[shown["curve"] == "FixMatch", column].tolist() == first
    assert_legible(figure)
    both, _ = curves.draw(
        {"column": column, "label": "", "curves": [one | {"method": "fixmatch"} for one in given]}, inputs
    )
    assert {line.get_color() for line in both.axes[0].lines} == {LOOKS["fixmatch"].colour}
    assert len({line.get_linestyle() for line in both.axes[0].lines}) == 2, "of one method"


def test_curves_say_how_far_they_still_move_at_their_end(tmp_path):
    errors = [*[0.9] * 8, 0.5, 0.4]
    given = {"column": "test_accuracy", "label": "", "curves": [{"label": "FixMatch", "method": "fixmatch"}]}
    inputs = [metrics(tmp_path / "a.csv", errors)]
    figure, _ = curves.draw(given | {"change_over": 0.2}, inputs)  # (0.6 + 0.5) / 2 - 0.1
    assert figure.axes[0].get_title() == "change over the last 20 % of the steps:\nFixMatch +45.0 points"
    figure, _ = curves.draw(given | {"change_over": 0.1}, inputs)
    assert figure.axes[0].get_title() == "change over the last 10 % of the steps:\nFixMatch +10.0 points"
    figure, _ = curves.draw(given | {"change_over": 0.01}, inputs)  # no evaluation in the part before
    assert not figure.axes[0].get_title()
    figure, _ = curves.draw(given, inputs)
    assert not figure.axes[0].get_title()


CLASSES = ["airplane", "automobile", "bird", "cat"]
STEPS = [10, 100, 200, 300, 390, 395, 400]


@pytest.fixture
def collapsing(tmp_path):
    """The files of an experiment whose worst run loses its second class on the way."""
    rows = []
    for number, error in enumerate((0.1, 0.4, 0.2)):
        run = f"digits/balanced-1/fold{number}/fixmatch/seed0"
        folder = tmp_path / "runs" / run
        write(folder / "metrics.csv", {"step": STEPS, "test_error": error})
        confusions = np.stack([np.diag([50] * 4)] * len(STEPS))
        if number == 1:
            confusions[2:, 1, 1], confusions[2:, 1, 3] = 10, 40
            confusions[-1, 1, 1], confusions[-1, 1, 3] = 0, 50
        write_predictions(folder / "predictions.safetensors", confusions)
        what = {"method": "fixmatch", "variant": None, "fold": number, "seed": 0, "labels": 4, "error_last": error}
        rows.append({"run": run, "split": f"digits/balanced-1/fold{number}", **what})
    summary = write(tmp_path / "partial" / "analysis" / "experiment.csv", rows)
    return [summary, *(tmp_path / "runs").rglob("predictions.safetensors"), *(tmp_path / "runs").rglob("metrics.csv")]


@pytest.mark.parametrize(("evaluations", "steps"), [(5, [10, 100, 200, 300, 400]), (2, [10, 400]), (400, STEPS)])
def test_collapse_shows_evenly_spread_evaluations_of_the_worst_run(collapsing, evaluations, steps):
    given = {"titles": TITLES, "classes": CLASSES, "basins": LIMITS, "evaluations": evaluations}
    figure, shown = collapse.draw(given, collapsing)
    matrices = [axis for axis in figure.axes if axis.images]
    assert [axis.get_title().split("\n")[0] for axis in matrices] == [f"step {step}" for step in steps]
    assert figure.get_suptitle() == "FixMatch, fold 1, seed 0"
    for step, axis in zip(steps, matrices, strict=True):
        cells = shown[shown["step"] == step]
        drawn = np.asarray(axis.images[0].get_array())
        assert (drawn.ravel() == cells["test_images"] / 50).all()
        framed = {CLASSES[round(patch.get_x() + 0.5)] for patch in axis.patches}
        assert framed == set(cells.loc[cells["column_share"] < 0.5, "predicted"])
        assert framed == ({"automobile"} if step >= 200 else set())


def test_the_worst_run_is_told_by_what_differs_in_its_experiment(collapsing):
    runs = pd.read_csv(collapsing[0]).assign(variant=["lambda_phi=0.1", "lambda_phi=0.5", "lambda_phi=0.1"])
    write(collapsing[0], runs.assign(labels=[20, 40, 40], lambda_phi=[0.1, 0.5, 0.1]))
    given = {"titles": TITLES, "classes": CLASSES, "basins": LIMITS, "evaluations": 2}
    assert collapse.draw(given, collapsing)[0].get_suptitle() == "FixMatch, λ_Φ = 0.5, 40 labels, fold 1, seed 0"
    first, second = (axis.get_title() for axis in confusion.draw(given, collapsing)[0].axes[:2])
    assert first.startswith("best: FixMatch, λ_Φ = 0.1\n")
    assert second.startswith("worst: FixMatch, λ_Φ = 0.5\n40 labels, fold 1, seed 0, error ")
    write(collapsing[0], runs.assign(error_last=[0.25, 0.5, 0.25]))
    first, _ = (axis.get_title() for axis in confusion.draw(given, collapsing)[0].axes[:2])
    assert first.endswith(", one of 2 runs with error 25.0 %")


@pytest.mark.parametrize("classes", [4, 10, 100])
def test_matrices_leave_no_empty_band_their_scale_is_as_high_and_names_are_legible_or_away(
    tmp_path, collapsing, classes
):
    for path in tmp_path.glob("runs/**/predictions.safetensors"):
        write_predictions(path, [np.diag([1000] * classes)] * len(STEPS))
    given = {"titles": TITLES, "classes": [f"automobile {number}" for number in range(classes)], "basins": LIMITS}
    for figure, _ in (collapse.draw(given | {"evaluations": 4}, collapsing), confusion.draw(given, collapsing)):
        assert_legible(figure)
        assert len(figure.axes[0].get_xticklabels()) == (classes if classes < 100 else 0)
        assert figure.get_figheight() - figure.get_tightbbox().height < 0.15
        last = [axis for axis in figure.axes if axis.images][-1]
        [bar] = last.child_axes
        assert bar.get_window_extent().height == pytest.approx(last.get_window_extent().height)
        assert all(axis.get_xlabel().startswith("predicted class") for axis in figure.axes if axis.images)


@pytest.mark.filterwarnings("error")  # of matplotlib's about letters that the font lacks
def test_a_class_whose_name_cannot_be_printed_is_numbered_and_a_dollar_begins_no_formula(tmp_path, collapsing):
    for path in tmp_path.glob("runs/**/predictions.safetensors"):
        write_predictions(path, [np.diag([50] * 4)] * len(STEPS))
    names = ["żółw" + 100 * "!", "$x$ and $", "鳥", "🐸 frog"]
    assert class_names(names) == ["żółw" + 17 * "!" + "… class 1", r"\$x\$ and \$", "class 3", "class 4"]
    assert class_names(["a" * 30]) == ["a" * 30]
    given = {"titles": TITLES, "classes": names, "basins": LIMITS, "evaluations": 2}
    for draw in (collapse.draw, confusion.draw):
        figure, shown = draw(given, collapsing)
        assert_legible(figure)
        figure.savefig(tmp_path / "figure.pdf")
        assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == class_names(names)
        assert set(shown["true"]) == set(names), "the file beside the figure has them"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0.01, 0.5))
def test_stacked_dots_do_not_overlap_and_none_could_lie_lower(values, distance):
    levels = basins.stack_levels(pd.Series(values), distance)
    for level in range(levels.max() + 1):
        on_level = np.sort(np.array(values)[levels == level])
        assert (np.diff(on_level) >= distance).all()
        for value in np.array(values)[levels > level]:
            assert (np.abs(on_level - value) < distance).any()


def in_basins(method, number, error, smallest, basin):
    return {
        "run": f"{method}{number}", "method": method, "variant": "", "labels": 20, "error_last": error, "basin": basin,
        "smallest_column": smallest, "smallest_recall": smallest / 2, "collapsed": "3" if smallest == 0 else "",
    }  # fmt: skip


def dots_of(axis):
    """Colour, marker, hollow or not, and place of each dot."""
    return {
        (line.get_color(), line.get_marker(), line.get_markerfacecolor() == "white", *place)
        for line in axis.lines
        if line.get_linestyle() == "None"
        for place in line.get_xydata().tolist()
    }


def test_basins_show_each_run_where_it_was_measured_and_low_ones_hollow(tmp_path):
    outcomes = [(0.05, 0.9, "high"), (0.05, 0.8, "high"), (0.15, 0.3, "low"), (0.17, 0.0, "low")]
    rows = [
        in_basins(method, number, *outcome)
        for method in ("smooth-fixmatch", "fixmatch", "flexmatch")
        for number, outcome in enumerate(outcomes)
    ]
    figure, shown = basins.draw({"titles": TITLES, "basins": LIMITS}, [write(tmp_path / "experiment.csv", rows)])
    assert labels_of(figure) == ["high basin", basins.LIMIT, *list(basins.KINDS.values())[1:]]
    assert {label.get_text() for label in figure.axes[0].get_yticklabels()} == {"FixMatch", "Smooth FixMatch"}
    assert shown["collapse"].tolist() == ["none", "none", "partly", "wholly"] * 2
    for axis, quantity in zip(figure.axes, basins.QUANTITIES, strict=True):
        drawn = dots_of(axis)
        crosses = {(colour, value) for colour, marker, _, value, _ in drawn if marker == "x"}
        dots = {(colour, hollow, value) for colour, marker, hollow, value, _ in drawn if marker != "x"}
        runs = shown.to_dict("records")
        assert dots == {(LOOKS[run["method"]].colour, run["basin"] == "low", run[quantity]) for run in runs}
        assert crosses == {(LOOKS[run["method"]].colour, run[quantity]) for run in runs if run["smallest_column"] == 0}
        places = np.array([place for _, marker, _, *place in drawn if marker != "x"])
        assert len(np.unique(places, axis=0)) == len(shown) == 8
        assert axis.get_xlim()[0] < places[:, 0].min() <= places[:, 0].max() < axis.get_xlim()[1]
    assert_legible(figure)


def test_each_variant_and_number_of_labels_has_a_row_of_basins(tmp_path):
    rows = [
        in_basins(method, number, 0.1, 0.9, "high")
        | {"variant": f"threshold={tau}", "threshold": tau, "labels": labels}
        for number, (tau, labels, method) in enumerate(product((0.9, 0.95), (20, 40), ("smooth-fixmatch", "fixmatch")))
    ]
    given = {"titles": dict(list(TITLES.items())[:2]), "basins": LIMITS}
    figure, shown = basins.draw(given, [write(tmp_path / "experiment.csv", rows)])
    expected = [
        f"{title}, τ = {tau}, {labels} labels"
        for title in ("Smooth FixMatch", "FixMatch") for tau in (0.9, 0.95) for labels in (20, 40)
    ]  # fmt: skip
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == expected[::-1], "from below"
    assert shown["row"].tolist() == expected
    assert len({height for *_, height in dots_of(figure.axes[0])}) == 8
    assert_legible(figure)


def ends_of_labels(axis):
    ticks = [tick for tick in axis.xaxis.get_major_ticks() if np.clip(at := tick.get_loc(), *axis.get_xlim()) == at]
    return [end for tick in ticks for end in tick.label1.get_window_extent().intervalx]


def test_neighbouring_axes_keep_their_labels_apart(tmp_path):
    rows = [in_basins("fixmatch", number, error, 1.0, "high") for number, error in enumerate((0.1, 0.182))]
    given = {"titles": TITLES, "basins": LIMITS}
    figure, _ = basins.draw(given, [write(tmp_path / "experiment.csv", rows)])
    for pictured in (figure, fig1.draw({"threshold": 0.95}, [])[0]):
        pictured.draw_without_rendering()
        left, right = pictured.axes[-2:]
        assert min(ends_of_labels(right)) - max(ends_of_labels(left)) > 0.15 * pictured.dpi


@pytest.mark.parametrize(
    ("shares", "printed"),
    [
        ([0.0, 0.1, 0.2], ["0 %", "10 %", "20 %"]),
        ([0.2, 0.21], ["20 %", "21 %"]),
        ([0.005, 0.01], ["0.5 %", "1.0 %"]),
        ([0.29, 0.57, 0.58], ["29 %", "57 %", "58 %"]),
    ],
)
def test_percent_has_as_many_decimals_as_the_ticks_need(shares, printed):
    assert Percent().format_ticks(shares) == printed


def test_the_same_inputs_give_the_same_bytes_on_another_day(momentum, tmp_path, monkeypatch):
    for day in ("0", "86400"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", day)
        save_figure(*against.draw(MOMENTUM, [momentum]), tmp_path / day)
    for ending in (".pdf", ".png", ".csv"):
        assert (tmp_path / f"0{ending}").read_bytes() == (tmp_path / f"86400{ending}").read_bytes()
