"""Labels that are added to finished runs: the runs that a study plans, and the tables and figure that compare them."""

import json
from contextlib import chdir
from dataclasses import asdict
from graphlib import TopologicalSorter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import yaml
from fabricated import fabricate
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file
from scipy import stats

from spl.analysis.additions import changed_predictions, read_additions
from spl.analysis.predictions import Predictions, read_predictions
from spl.campaign.jobs import jobs
from spl.errors import InputError
from spl.figures import added_labels as figure
from spl.paper.selection import exhibit_caption, exhibits
from spl.study.plan import make_plan
from spl.study.reading import check_study
from spl.tables import added_labels, additions

DIGITS = {
    "source": "digits",
    "training": {"network": "wrn-10-1", "flip": False, "crop_padding": 1},
    "calibration": {"split": {"scheme": "random", "labels": [40]}, "steps": 20},
}
EXPERIMENT = {
    "dataset": "digits",
    "split": {"scheme": "random", "labels": [20, 30, 50]},
    "folds": [0, 1],
    "methods": ["fixmatch", "smooth-fixmatch"],
    "steps_per_addition": 10,
}


def study(**changed):
    experiments = {"mine": EXPERIMENT | changed}
    training = {"steps": 40, "batch": 4, "mu": 2, "evaluate_every": 5, "evaluate_late_every": 5}
    return {
        "name": "mine", "title": "Mine", "datasets": {"digits": DIGITS}, "training": training,
        "experiments": experiments,
    }  # fmt: skip


def planned(**changed):
    return make_plan(check_study(study(**changed), "mine.yaml"))


@settings(max_examples=25, deadline=None)
@given(
    labels=st.lists(st.integers(1, 900), min_size=2, max_size=5, unique=True),
    more=st.integers(1, 50),
    folds=st.sampled_from([[0], [2, 0]]),
    seeds=st.sampled_from([[0], [3, 1]]),
)
def test_each_link_goes_on_from_the_one_before_and_stands_beside_runs_of_equal_and_of_equal_total_steps(
    labels, more, folds, seeds
):
    split = {"scheme": "random", "labels": labels}
    plan = planned(split=split, steps_per_addition=more, folds=folds, seeds=seeds)
    found = plan.additions["mine"]
    assert len(found) == 2 * len(folds) * len(seeds) * (len(labels) - 1)
    for addition in found:
        first, before, after, equal_steps, equal_total = (plan.runs[path] for path in asdict(addition).values())
        assert after.start == before.path
        assert not any(run.start for run in (first, equal_steps, equal_total))
        assert before.labels == max(size for size in labels if size < after.labels)
        assert (first.labels, first.settings["steps"]) == (min(labels), 40)
        assert after.split == equal_steps.split == equal_total.split
        assert after.settings == equal_steps.settings
        length, run = 0, after
        while run.start:
            length, run = length + run.settings["steps"], plan.runs[run.start]
        assert run == first
        assert equal_total.settings["steps"] == 40 + length
        assert len({(run.method, run.fold, run.seed) for run in (first, before, after, equal_steps, equal_total)}) == 1
    assert set(plan.experiments["mine"]) == {path for one in found for path in asdict(one).values()}


def test_what_fits_the_length_of_a_run_fits_that_of_a_link():
    plan = planned(training={"steps": 600}, steps_per_addition=300)
    for addition in plan.additions["mine"]:
        decay = [plan.runs[path].settings["ema"] for path in (addition.first, addition.after)]
        assert decay == [0.95, 0.9]
        assert plan.runs[addition.equal_total].settings["ema"] > 0.96


def test_runs_from_initial_weights_are_shared_with_other_experiments():
    shared = study()
    shared["experiments"]["other"] = {
        key: value for key, value in EXPERIMENT.items() if key != "steps_per_addition"
    } | {"training": {"steps": 10}}  # fmt: skip
    plan = make_plan(check_study(shared, "mine.yaml"))
    assert {addition.equal_steps for addition in plan.additions["mine"]} < set(plan.experiments["other"])


def test_a_link_waits_for_the_run_before_whose_final_state_is_its_last_input():
    plan = planned()
    every = jobs(plan, {})
    for addition in plan.additions["mine"]:
        link = every[f"runs/{addition.after}"]
        assert link.content["start"] == addition.before
        assert str(link.inputs[-1]) == f"results/mine/runs/{addition.before}/weights.safetensors"


VARIANTS = [{"momentum": 0.8}, {"momentum": 0.9}]


def test_variants_have_chains_of_their_own():
    plan = planned(variants=VARIANTS, methods=["fixmatch"], folds=[0])
    momentum = [plan.runs[path].settings["momentum"] for one in plan.additions["mine"] for path in asdict(one).values()]
    assert momentum == [0.8] * 10 + [0.9] * 10
    assert len({one.after for one in plan.additions["mine"]}) == 4


@pytest.mark.parametrize(
    ("changed", "key", "hint"),
    [
        ({"split": {"scheme": "balanced", "per_class": 2}}, "split", "expected scheme: random with at least 2 numbers"),
        ({"split": {"scheme": "random", "labels": [20]}}, "split", "expected scheme: random with at least 2 numbers"),
        ({"methods": []}, "methods", "expected at least one method, for steps_per_addition"),
        ({"training": {"stop": 20}}, "", "stop 20: expected none of fixmatch; labels are added to complete runs"),
        (
            {"variants": [{"steps": 40}, {"steps": 50}]},
            "variants.1",
            "the same as variants.0 for fixmatch but for steps",
        ),
        ({"steps_per_addition": 0}, "steps_per_addition", "expected at least 1, got 0"),
    ],
)
def test_a_study_that_cannot_add_labels_is_refused_in_one_line(changed, key, hint):
    with pytest.raises(InputError) as refused:
        planned(**changed)
    [line] = str(refused.value).splitlines()
    assert line.startswith(f"mine.yaml: experiments.mine{'.' * bool(key)}{key}: ")
    assert hint in line


def test_a_chain_draws_its_own_first_weights():
    earlier = study()
    earlier["experiments"] = {
        "first": {"dataset": "digits", "split": {"scheme": "random", "labels": [10]}, "methods": ["fixmatch"]},
        "second": EXPERIMENT | {"methods": ["fixmatch"], "folds": [0], "start_from": "first"},
    }
    with pytest.raises(InputError, match=r"experiments.second.start_from: expected without steps_per_addition"):
        make_plan(check_study(earlier, "mine.yaml"))


def test_an_experiment_of_the_paper_trains_as_in_the_paper():
    paper = study()
    paper["datasets"] = {"digits": DIGITS | {"stands_in_for": "CIFAR-10"}}
    paper["experiments"] = {"random-labels": EXPERIMENT}
    plan = make_plan(check_study(paper, "mine.yaml"))
    with pytest.raises(InputError, match=r"^mine.yaml: experiments.random-labels.steps_per_addition: expected in an"):
        exhibits(plan, "mine.yaml")


FOLDS, TRUE = range(6), np.arange(200, dtype=np.uint8) % 10


@pytest.fixture
def finished(tmp_path):
    """The parameter and the inputs of tables of one method: predictions of 3 runs from 20 to 30 labels on each fold."""
    random = np.random.default_rng(0)
    rows, files, found = [], [], []
    accuracy = {"before": 0.5, "after": 0.7, "equal_steps": 0.6, "equal_total": 0.8}
    for fold in FOLDS:
        of_fold = {"first": f"before/fold{fold}"}
        for role, part in accuracy.items():
            run = of_fold[role] = f"{role}/fold{fold}"
            wrong = random.random(len(TRUE)) > part + random.uniform(-0.05, 0.05)
            predicted = np.where(wrong, (TRUE + 1) % 10, TRUE).astype(np.uint8)
            path = tmp_path / f"runs/{run}/predictions.safetensors"
            path.parent.mkdir(parents=True)
            save_file({"predicted": predicted[None], "true": TRUE}, path, {"classes": "10"})
            files.append(path)
            labels = 20 if role == "before" else 30
            rows.append(
                {"run": run, "method": "fixmatch", "variant": "", "labels": labels, "fold": fold, "seed": 0,
                 "error_last": wrong.mean()}
            )  # fmt: skip
        found.append(of_fold)
    summary = tmp_path / "mine.csv"
    pd.DataFrame(rows).to_csv(summary, index=False)
    return {"titles": {"fixmatch": "FixMatch"}, "additions": found}, [summary, *files]


def values(table, quantity, **of):
    """One quantity of a table, over the folds or of all of them."""
    tidy = table.tidy[table.tidy["quantity"] == quantity]
    for column, value in of.items():
        tidy = tidy[tidy[column] == value]
    return tidy


def right(inputs, run):
    [path] = [path for path in inputs[1:] if path.as_posix().endswith(f"runs/{run}/predictions.safetensors")]
    return read_predictions(path).predicted[-1] == TRUE


def test_corrected_and_kept_are_shares_of_the_same_test_images(finished):
    table = added_labels.build(*finished)
    for role, name in (("after", "after"), ("equal_total", "equal total steps")):
        for fold in FOLDS:
            before, then = right(finished[1], f"before/fold{fold}"), right(finished[1], f"{role}/fold{fold}")
            for change, among in (("corrected", ~before), ("kept", before)):
                [value] = values(table, change, runs=name, fold=fold)["value"]
                assert value == pytest.approx((then & among).sum() / among.sum())
    line = table.printed.iloc[0]
    assert line[""] == "FixMatch, 20 → 30"
    mean = 100 * values(table, "corrected", runs="after")["value"].mean()
    assert line["corrected"].startswith(f"{mean:.2f} ± ")


predictions = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30)


@given(predictions)
def test_corrected_and_kept_make_up_all_that_is_right_after(images):
    true, before, after = np.array(images, dtype=np.uint8).T
    corrected, kept = changed_predictions(Predictions(before[None], true, 3), Predictions(after[None], true, 3))
    wrong = (before != true).sum()
    assert np.isnan(corrected) == (wrong == 0)
    assert np.isnan(kept) == (wrong == len(true))
    found = np.nansum([corrected * wrong, kept * (len(true) - wrong)])
    assert found == pytest.approx((after == true).sum())


def test_the_tests_are_exact_and_paired_by_fold_and_corrected_for_all_additions(finished):
    table = additions.build(*finished)
    errors = pd.read_csv(finished[1][0]).set_index("run")["error_last"]
    gained = {
        other: [errors[f"{role}/fold{fold}"] - errors[f"after/fold{fold}"] for fold in FOLDS]
        for other, role in (
            ("error, before", "before"), ("error, equal steps", "equal_steps"),
            ("error, equal total steps", "equal_total"),
        )
    }  # fmt: skip
    for compared, differences in gained.items():
        for quantity, way in (("p_value", "greater"), ("p_worse", "less")):
            [p] = values(table, quantity, compared=compared)["value"]
            rounded = np.round(differences, 10)
            assert p == pytest.approx(stats.wilcoxon(rounded, alternative=way, method="exact").pvalue)
    [corrected] = values(table, "gain_mean", compared="corrected, equal total steps")["value"]
    shares = added_labels.build(*finished)
    after, scratch = (values(shares, "corrected", runs=name)["value"].mean() for name in ("after", "equal total steps"))
    assert corrected == pytest.approx(after - scratch)
    assert table.alignment[1] == "left"


def test_the_runs_before_are_behind_every_share_of_changed_predictions(finished):
    for table in (added_labels.build(*finished), additions.build(*finished)):
        for line, number in table.tidy.iterrows():
            roles = {run.split("/")[0] for run in table.runs[line]}
            if number["quantity"].startswith(("corrected", "kept")) or "corrected" in str(number.get("compared")):
                assert roles >= {"before"}
                assert len(roles) == (3 if "compared" in number else 2)
            if not pd.isna(number.get("fold")):
                assert {run.split("/fold")[1] for run in table.runs[line]} == {str(number["fold"])}


def test_a_run_that_is_not_done_is_left_out_of_its_pairs(finished):
    parameter, inputs = finished
    rows = pd.read_csv(inputs[0])
    rows.loc[rows["run"] == "before/fold3", "error_last"] = None
    rows.to_csv(inputs[0], index=False)
    inputs = [path for path in inputs if "before/fold3" not in path.as_posix()]
    line = added_labels.build(parameter, inputs).printed.iloc[0]
    assert {name: line[name].endswith(" (5)") for name in ("before", "after", "corrected", "kept")} == {
        "before": True, "after": False, "corrected": True, "kept": True
    }  # fmt: skip
    gains = additions.build(parameter, inputs).printed.set_index("compared")["gain"]
    assert gains["error, before"].endswith(" (5)")
    assert not gains["error, equal steps"].endswith(" (5)")
    assert len(figure.draw(parameter, inputs)[1]) == 3 * len(FOLDS) + 2 * (len(FOLDS) - 1)


def test_a_method_without_finished_runs_has_no_axes(finished):
    (parameter, inputs), rows = finished, pd.read_csv(finished[1][0])
    more = rows.assign(run="other/" + rows["run"], method="smooth-fixmatch", error_last=None)
    pd.concat([rows, more]).to_csv(inputs[0], index=False)
    others = [{role: f"other/{run}" for role, run in of_fold.items()} for of_fold in parameter["additions"]]
    both = {
        "titles": parameter["titles"] | {"smooth-fixmatch": "Smooth FixMatch"},
        "additions": [*parameter["additions"], *others],
    }
    drawn, shown = figure.draw(both, inputs)
    assert [axis.get_title() for axis in drawn.axes] == ["FixMatch"]
    assert set(shown["method"]) == {"FixMatch"}
    assert set(added_labels.build(both, inputs).printed.loc[1, ["before", "after", "kept"]]) == {"–"}


def test_the_curves_begin_at_the_runs_with_the_fewest_labels(finished):
    _, shown = figure.draw(*finished)
    sizes = {curve: set(runs["labels"]) for curve, runs in shown.groupby("curve")}
    assert sizes == {
        "resumed": {20, 30}, "from initial weights, equal steps": {30},
        "from initial weights, equal total steps": {20, 30},
    }  # fmt: skip
    errors = pd.read_csv(finished[1][0])
    for curve, role in (("resumed", "after"), ("from initial weights, equal total steps", "equal_total")):
        last = shown[(shown["curve"] == curve) & (shown["labels"] == 30)]
        assert last["error_last"].tolist() == errors[errors["run"].str.startswith(role)]["error_last"].tolist()


def test_a_whole_study_has_all_its_tables_figures_and_captions(tmp_path):
    """Of several methods, one of them calibrated, and several variants, in results that nobody trained."""
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(study(variants=VARIANTS)))
    page = fabricate(file, tmp_path).read_text()
    plan = planned(variants=VARIANTS)
    shown = exhibits(plan, "")
    for name in ("means-mine", "additions-mine", "curve-mine", "basins-mine", "collapses-mine", "confusion-mine"):
        assert f'id="{name}"' in page
        assert "None" not in exhibit_caption(plan, shown[name])
    assert "Holm" in exhibit_caption(plan, shown["additions-mine"])
    results = tmp_path / "results/mine"
    rows = pd.read_csv(results / "tables/means-mine.csv")["method"].unique().tolist()
    assert rows == [f"{name}, momentum = {value}" for name in ("FixMatch", "Smooth FixMatch") for value in (0.8, 0.9)]
    curves = pd.read_csv(results / "figures/curve-mine.csv")
    assert (curves.groupby("method").size() == 2 * (3 + 2 + 3)).all()
    content = json.loads((results / "tables/means-mine.runs.json").read_text())
    assert set(content["runs"]) == set(plan.experiments["mine"])


def test_links_are_trained_in_the_order_of_their_chain(tmp_path):
    plan = planned()
    with chdir(tmp_path):
        every = jobs(plan, exhibits(plan, ""))
    makers = {path: name for name, job in every.items() for path in job.outputs}
    graph = {name: {makers[path] for path in job.inputs if path in makers} for name, job in every.items()}
    order = {name: place for place, name in enumerate(TopologicalSorter(graph).static_order())}
    chain = plan.additions["mine"][:2]
    assert [one.before for one in chain][1] == chain[0].after
    places = [order[f"runs/{path}"] for path in (chain[0].before, chain[0].after, chain[1].after)]
    assert all(earlier < later for earlier, later in pairwise(places))


def test_additions_are_read_in_the_order_of_the_study(finished):
    [added] = read_additions(*finished)
    assert (added.method, added.start, added.end) == ("FixMatch", 20, 30)
    assert added.after.planned.index.tolist() == [(fold, 0) for fold in FOLDS]
