"""Every printed cell follows from the rows of single runs in the tidy file beside it."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from spl.analysis.calibration import write_calibration
from spl.tables import (
    aggregate,
    basin_switches,
    calibration,
    grid,
    imbalance,
    initial_condition,
    instability,
    per_fold,
    random_labels,
    sensitivity,
    summary,
    transitions,
    weakest_classes,
    within_basins,
)

TITLES = {"fixmatch": "FixMatch", "flexmatch": "FlexMatch", "smooth-fixmatch": "Smooth FixMatch"}
GIVEN = {"titles": TITLES, "baseline": "fixmatch"}
FIXMATCH, *OTHERS = TITLES.values()
RUN = ["fold", "seed"]


def experiment(path, seed, folds=range(5), seeds=(0,), labels=(40,), **settings):
    """Runs whose errors are multiples of one of 10,000 test images and differ by no equal gains."""
    draw = np.random.default_rng(seed)
    rows = [
        {"method": method, "variant": "", "labels": size, "fold": fold, "seed": seed, **settings,
         "dataset": "digits", "split": f"{size}/fold{fold}", "split_seed": 1, "threshold": 0.95}
        for method in TITLES for size in labels for fold in folds for seed in seeds
    ]  # fmt: skip
    errors = draw.integers(500, 4000, len(rows)) / 10_000
    best = errors - draw.integers(0, 300, len(rows)) / 10_000
    runs = [f"{path.stem}/{number}" for number in range(len(rows))]
    column = draw.random(len(rows)).round(4)
    pd.DataFrame(rows).assign(
        run=runs, error_last=errors, error_best=best, basin=draw.choice(["low", "high"], len(rows)),
        smallest_column=column, smallest_recall=(column * draw.random(len(rows))).round(4),
        best_step=draw.integers(80, 101, len(rows)), last_step=100, unstable=errors - best > 0.02,
    ).to_csv(path, index=False)  # fmt: skip
    return path


def built(module, inputs, **parameter):
    """The printed table by row, and the rows of single runs of the tidy file."""
    table = module.build(GIVEN | parameter, inputs)
    tidy = pd.read_csv(io.StringIO(table.tidy.to_csv(index=False, float_format="%.10g")))
    return table.printed.set_index(table.printed.columns[0]), tidy


def by_method(tidy, quantity="error_last", **where):
    """Numbers of single runs, a column for each method."""
    chosen = tidy[(tidy["quantity"] == quantity) & (tidy[list(where)] == pd.Series(where)).all(axis=1)]
    return chosen.pivot_table("value", RUN, "method")


def p_printed(p):
    return "< 0.001" if p < 0.0005 else f"{p:.3f}"


def percent(share, digits=2):
    return f"{100 * share:.{digits}f}".replace("-", "−")


def mean_and_std(values):
    return f"{percent(np.mean(values))} ± {percent(np.std(values, ddof=1))}"


def corrected(family, alternative="greater"):
    """p-value and corrected p-value of each comparison of a family."""
    p = {name: stats.wilcoxon(gains, alternative=alternative, method="exact").pvalue for name, gains in family.items()}
    return with_holm(p)


def with_holm(p):
    ascending = sorted(p, key=p.get)
    for place, name in enumerate(ascending):
        steps = [(len(p) - before) * p[other] for before, other in enumerate(ascending[: place + 1])]
        yield name, [p_printed(p[name]), p_printed(min(1, max(steps)))]


def cells(family):
    """Gain, p-value and corrected p-value of each comparison of a family."""
    return ((name, [mean_and_std(family[name]), *p_values]) for name, p_values in corrected(family))


def gains(errors):
    return {method: (errors[FIXMATCH] - errors[method]).round(9) for method in OTHERS}


def test_means_over_folds(tmp_path):
    printed, tidy = built(summary, [experiment(tmp_path / "runs.csv", 1)])
    errors = by_method(tidy)
    compared = dict(cells(gains(errors))) | {FIXMATCH: [""] * 3}
    for method, own in errors.items():
        assert printed.loc[method].tolist() == [percent(own.mean()), percent(own.std()), *compared[method]]


@pytest.mark.parametrize("margin", [0.02, 0.3])
def test_equivalence_within_a_margin(tmp_path, margin):
    printed, tidy = built(summary, [experiment(tmp_path / "runs.csv", 1)], margin=margin)
    p = {}
    for method, own in gains(by_method(tidy)).items():
        sides = (own + margin).round(9), (margin - own).round(9)
        p[method] = max(stats.wilcoxon(side, alternative="greater", method="exact").pvalue for side in sides)
    for method, expected in with_holm(p):
        assert printed.loc[method, ["p (equivalent)", "p (equivalent), Holm"]].tolist() == expected


def test_every_fold(tmp_path):
    printed, tidy = built(per_fold, [experiment(tmp_path / "runs.csv", 2)])
    errors = by_method(tidy)
    compared = dict(cells(gains(errors))) | {FIXMATCH: [""] * 3}
    for method, own in errors.items():
        numbers = [*own, own.max(), own.min(), own.max() - own.min()]
        assert printed[method].tolist() == [*map(percent, numbers), *compared[method]]


def test_class_imbalance(tmp_path):
    inputs = [experiment(tmp_path / "imbalanced.csv", 3), experiment(tmp_path / "balanced.csv", 4)]
    printed, tidy = built(imbalance, inputs, rows=["mean"], keep=[0.5])
    errors = by_method(tidy)
    worse = dict(corrected(gains(errors), "less"))
    compared = {name: [*shown, *worse[name]] for name, shown in cells(gains(errors))} | {FIXMATCH: [""] * 5}
    drops = dict(cells(dict((errors - by_method(tidy, "error_last_balanced")).round(9))))
    for method, own in errors.items():
        assert printed[method].tolist() == [percent(own.mean()), *compared[method], *drops[method]]


def test_random_labels(tmp_path):
    printed, tidy = built(random_labels, [experiment(tmp_path / "runs.csv", 5, labels=(40, 50))])
    errors = {size: by_method(tidy, labels=size) for size in (40, 50)}
    family = {(size, method): own for size in errors for method, own in gains(errors[size]).items()}
    compared = dict(cells(family))
    for size in errors:
        assert printed.loc[list(TITLES.values()), str(size)].tolist() == list(map(mean_and_std, errors[size].T.values))
        for method in OTHERS:
            rows = [f"{method}: {name}" for name in ("gain wrt FixMatch", "p (better)", "p (better), Holm")]
            assert printed.loc[rows, str(size)].tolist() == compared[size, method]


def test_transitions(tmp_path):
    inputs = [experiment(tmp_path / "runs.csv", 6, labels=(40, 50, 60))]
    printed, tidy = built(transitions, inputs, level=0.2, mean_below=0.1, std_below=0.05)
    errors = {size: by_method(tidy, labels=size) for size in (40, 50, 60)}
    for before, after in ((40, 50), (50, 60)):
        for name, (_, p_value, _) in cells(dict((errors[before] - errors[after]).round(9))):
            assert printed.loc[name, f"{before} → {after}"] == p_value


def test_initial_condition(tmp_path):
    inputs = [experiment(tmp_path / "seeds.csv", 7, [4], range(1, 6)), experiment(tmp_path / "folds.csv", 8)]
    printed, tidy = built(initial_condition, inputs)
    errors, over_folds = by_method(tidy), by_method(tidy, "error_last_over_folds")
    for method, own in errors.items():
        numbers = [own.mean(), own.std(), over_folds[method].std(), own.min(), own.max()]
        ahead = "" if method == FIXMATCH else percent(errors[FIXMATCH].min() - own.max())
        assert printed.loc[method].tolist() == [*map(percent, numbers), ahead]


@pytest.mark.parametrize(("setting", "value"), [("momentum", 0.9), ("seed", 0)])
def test_the_values_of_a_setting(tmp_path, setting, value):
    printed, tidy = built(grid, [experiment(tmp_path / "runs.csv", 9, momentum=0.9)], setting=setting)
    for method, own in by_method(tidy, **{setting: value}).items():
        assert printed.loc[method].tolist() == [percent(own.mean())]


def test_all_runs_under_equal_conditions(tmp_path):
    inputs = [experiment(tmp_path / "one.csv", 10), experiment(tmp_path / "two.csv", 11, range(5, 7))]
    printed, tidy = built(aggregate, inputs, settings=["threshold", "momentum"])
    runs = tidy[tidy["run"].notna()].pivot_table("value", ["method", "run"], "quantity")
    partners = tidy[tidy["quantity"] == "error_last_baseline"]
    for partner, error in zip(partners["run_baseline"], partners["value"], strict=True):
        assert runs.loc[(FIXMATCH, partner), "error_last"] == error
    won = {method: (own["error_last_baseline"] - own["error_last"]).round(9) for method, own in runs.groupby("method")}
    compared = dict(cells({method: won[method] for method in OTHERS}))
    for method, own in runs.groupby("method"):
        worse = own["error_last"] - own["error_best"]
        shown = [percent(worse.mean()), percent(worse.max())]
        if method in OTHERS:
            best, worst, wins = won[method].max(), won[method].min(), (won[method] > 0).sum()
            shown += [*compared[method], percent(best), percent(worst), f"{wins} of 7"]
        assert [cell for cell in printed.loc[method] if cell] == shown


def test_calibrated_weights_and_their_residual(tmp_path):
    """From one loss of each run: those that calibrate, by fold, and the study's own, of which a fold is not done."""
    draw = np.random.default_rng(12)
    runs = {(side, fold): f"{side}{fold}" for side in ("reference", "smooth") for fold in range(3)}
    for run in runs.values():
        metrics = {"step": range(10, 101, 10), "unlabelled_loss": draw.uniform(0.2, 0.9, 10), "coverage": 0.5}
        pd.DataFrame(metrics).to_csv(tmp_path / run, index=False)
    given = {side: [runs[side, fold] for fold in range(3)] for side in ("reference", "smooth")}
    file = tmp_path / "weights.json"
    write_calibration(
        {"threshold": 0.95, "folds": [0, 1, 2], **given}, [tmp_path / run for run in runs.values()], [file]
    )
    own = {str(fold): [runs["reference", 2 - fold], runs["smooth", fold]] for fold in (0, 2)}
    rows = [{"title": "Smooth FixMatch", "threshold": "0.95", "runs": own}]
    done = sorted({run for pair in own.values() for run in pair})
    table = calibration.build({"calibrations": rows, "runs": done}, [file, *(tmp_path / run for run in done)])
    printed = table.printed.set_index("").loc["Smooth FixMatch"]
    losses = table.tidy[table.tidy["fold"].notna()].pivot_table("value", "fold", "quantity")
    ratios = losses["reference_loss"] / losses["smooth_loss"]
    weight = losses["reference_loss"].mean() / losses["smooth_loss"].mean()
    residual = weight * losses["late_smooth_loss"].mean() / losses["late_reference_loss"].mean()
    numbers = [*(f"{number:.3f}" for number in (*ratios, weight, ratios.max() - ratios.min())), f"{residual:.3f} (2)"]
    assert printed.tolist() == ["0.95", *numbers]
    assert losses["late_smooth_loss"].notna().tolist() == [True, False, True]
    assert set(table.runs[-1]) == set(done)
    assert json.loads(file.read_text())["weights"]["lambda_u"] == pytest.approx(weight)


@pytest.mark.parametrize(("late", "note"), [(0.6, "20 % above"), (0.4, "20 % below"), (0.5, ""), (0.52, "")])
def test_a_residual_beyond_what_the_folds_differ_by_is_told(tmp_path, late, note):
    """Both methods' losses are 0.5 on average; that of the smooth one differs by a tenth between the folds."""
    runs = {"r0": 0.5, "s0": 0.475, "r1": 0.5, "s1": 0.525}
    for run, loss in (runs | {"reference": 0.5, "smooth": late}).items():
        metrics = {"step": [10, 20], "unlabelled_loss": loss, "coverage": 0.5}
        pd.DataFrame(metrics).to_csv(tmp_path / run, index=False)
    parameter = {"threshold": 0.95, "folds": [0, 1], "reference": ["r0", "r1"], "smooth": ["s0", "s1"]}
    file, done = tmp_path / "weights.json", ["reference", "smooth"]
    write_calibration(parameter, [tmp_path / run for run in ("r0", "r1", "s0", "s1")], [file])
    rows = [{"title": "Smooth FixMatch", "threshold": "0.95", "runs": {"0": done}}]
    table = calibration.build({"calibrations": rows, "runs": done}, [file, *(tmp_path / run for run in done)])
    alone = {"threshold": 0.95, "folds": [0], "reference": ["r0"], "smooth": ["s0"]}
    write_calibration(alone, [tmp_path / run for run in ("r0", "s0")], [tmp_path / "alone.json"])
    inputs = [tmp_path / "alone.json", *(tmp_path / run for run in done)]
    assert not calibration.build({"calibrations": rows, "runs": done}, inputs).note, "nothing to compare it with"
    assert table.note == (
        f"Smooth FixMatch ends with a weighted loss {note} that of the method it is calibrated to: "
        "more than the folds lie apart."
        if note
        else ""
    )


def test_a_residual_without_runs_or_without_pseudo_labels_is_a_dash(tmp_path):
    metrics = {"step": [10, 20], "unlabelled_loss": [0.5, 0.5], "coverage": 0.5}
    pd.DataFrame(metrics).to_csv(tmp_path / "run", index=False)
    pd.DataFrame(metrics | {"unlabelled_loss": 0.0}).to_csv(tmp_path / "silent", index=False)
    file = tmp_path / "weights.json"
    parameter = {"threshold": 0.95, "folds": [0], "reference": ["one"], "smooth": ["other"]}
    write_calibration(parameter, [tmp_path / "run"] * 2, [file])
    for runs in ([], ["silent"]):
        rows = [
            {
                "title": "Smooth FixMatch",
                "threshold": "0.95",
                "runs": {str(fold): runs * 2 for fold, _ in enumerate(runs)},
            }
        ]
        table = calibration.build({"calibrations": rows, "runs": runs}, [file, *(tmp_path / run for run in runs)])
        assert table.printed.iloc[0].tolist() == ["Smooth FixMatch", "0.95", "1.000", "1.000", "0.000", "–"]


def test_basin_switches(tmp_path):
    printed, tidy = built(basin_switches, [experiment(tmp_path / "runs.csv", 12, range(9))])
    low = by_method(tidy, "low_basin")
    for method in OTHERS:
        down, up = (int((low[method] - low[FIXMATCH] == way).sum()) for way in (1, -1))
        p_value = stats.binomtest(down, down + up).pvalue
        assert [cell.split()[0] for cell in printed.loc[method, ["high → low", "low → high"]]] == [str(down), str(up)]
        assert printed.loc[method, "p"] == p_printed(p_value)


def test_gains_within_basins(tmp_path):
    printed, tidy = built(within_basins, [experiment(tmp_path / "runs.csv", 13, range(40))])
    errors, low = by_method(tidy), by_method(tidy, "low_basin")
    kinds = {(0, 0): "both high", (1, 1): "both low", (1, 0): "low → high", (0, 1): "high → low"}
    for method, own in errors.items():
        high, collapsed = own[low[method] == 0], own[low[method] == 1]
        described = [f"{mean_and_std(values)}, n = {len(values)}" for values in (high, collapsed)]
        assert printed.loc[method].tolist()[5:] == [*described, percent(collapsed.mean() - high.mean())]
        for (theirs, ours), kind in kinds.items() if method in OTHERS else ():
            gained = (errors[FIXMATCH] - own)[(low[FIXMATCH] == theirs) & (low[method] == ours)]
            assert printed.loc[method, kind] == f"{mean_and_std(gained)}, n = {len(gained)}"
            assert len(gained) > 1
    assert printed["pairs"].tolist() == ["", "40 of 40", "40 of 40"]


@pytest.mark.parametrize(("column", "noun"), [("smallest_column", "column"), ("smallest_recall", "recall")])
def test_weakest_classes(tmp_path, column, noun):
    printed, tidy = built(weakest_classes, [experiment(tmp_path / "runs.csv", 14)])
    shares = by_method(tidy, column)
    compared = dict(cells({method: (shares[method] - shares[FIXMATCH]).round(9) for method in OTHERS}))
    shown = [f"smallest {noun}", f"gain of the {noun}", f"p of the {noun} (better)", f"p of the {noun} (better), Holm"]
    for method, own in shares.items():
        assert printed.loc[method, shown].tolist() == [mean_and_std(own), *compared.get(method, [""] * 3)]


def test_instability(tmp_path):
    printed, tidy = built(instability, [experiment(tmp_path / "runs.csv", 15)])
    discrepancy = by_method(tidy) - by_method(tidy, "error_best")
    late = by_method(tidy, "best_step") > 0.9 * by_method(tidy, "last_step")
    compared = dict(cells({method: (discrepancy[FIXMATCH] - discrepancy[method]).round(9) for method in OTHERS}))
    for method, own in discrepancy.items():
        counts = [f"{late[method].sum()} of 5", f"{(own > 0.02).sum()} of 5"]
        lost = [percent(own.mean()), percent(own.max())]
        assert printed.loc[method].tolist() == [*counts, *lost, *compared.get(method, [""] * 3)]


def test_sensitivity(tmp_path):
    grids = [experiment(tmp_path / f"{value}.csv", 16 + place, momentum=value)
             for place, value in enumerate((0.8, 0.85, 0.9, 0.95))]  # fmt: skip
    pd.concat(map(pd.read_csv, grids)).to_csv(tmp_path / "runs.csv", index=False)
    printed, tidy = built(sensitivity, [tmp_path / "runs.csv"], setting="momentum", default=0.9)
    errors = {value: by_method(tidy, momentum=value) for value in (0.8, 0.85, 0.9, 0.95)}
    largest = pd.concat(errors).groupby(level=RUN).max()
    of_folds = {
        "range": largest - pd.concat(errors).groupby(level=RUN).min(),
        "rise": np.maximum(errors[0.8], errors[0.85]) - errors[0.9],
    }
    for name, heading in (("range", "range"), ("rise", "rise below 0.9")):
        pd.testing.assert_frame_equal(by_method(tidy, name), of_folds[name])
        compared = dict(
            cells({method: (of_folds[name][FIXMATCH] - of_folds[name][method]).round(9) for method in OTHERS})
        )
        shown = [heading, f"gain of the {name}", f"p of the {name} (better)", f"p of the {name} (better), Holm"]
        for method, own in of_folds[name].items():
            assert printed.loc[method, shown].tolist() == [mean_and_std(own), *compared.get(method, [""] * 3)]
