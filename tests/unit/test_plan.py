"""The plan: each run once, readable paths, and a canonical parameter that holds exactly what a run uses."""

import json
from functools import partial
from pathlib import Path

import pytest
import yaml

from spl.campaign.cost import cost
from spl.campaign.overview import count_line, default_note, experiment_table
from spl.campaign.parameters import (
    analysis_parameter,
    data_parameter,
    exhibit_parameter,
    page_parameter,
    run_parameter,
    split_parameter,
)
from spl.errors import InputError
from spl.paper import parameters
from spl.paper.catalogue import CATALOGUE, numbered_products
from spl.paper.literature import PUBLISHED, read_published
from spl.paper.sections.every_experiment import experiment_exhibits
from spl.paper.selection import exhibit_inputs, exhibits
from spl.study.plan import make_plan
from spl.study.reading import check_study

CONFIG = Path(__file__).parents[2] / "config"
PROTOCOL = yaml.safe_load((Path(__file__).parents[1] / "studies/protocol.yaml").read_text())


def planned(**changes):
    return make_plan(check_study(PROTOCOL | changes, "study.yaml"))


def with_experiments(**experiments):
    return planned(experiments=experiments, gate=None, assumed={})


SCARCE = {"dataset": "digits", "split": {"scheme": "balanced", "per_class": 2}}


def test_a_run_that_experiments_share_is_planned_once():
    plan = with_experiments(
        one=SCARCE | {"folds": [0, 1], "methods": ["fixmatch", "smooth-fixmatch"]},
        two=SCARCE | {"folds": [1], "methods": ["fixmatch"], "variants": [{"threshold": 0.9}, {"threshold": 0.95}]},
    )
    assert len(plan.runs) == 5 + 6, "six of them calibrate, on three folds"
    shared = "digits/balanced-20/fold1/fixmatch/seed0"
    assert shared in plan.experiments["one"]
    assert shared in plan.experiments["two"]
    assert "digits/balanced-20/fold1/fixmatch/threshold=0.9/seed0" in plan.runs


def test_a_run_s_path_names_what_differs_from_the_defaults_and_nothing_else():
    paths = planned().runs
    assert "digits/balanced-20/fold0/smooth-fixmatch-sq/seed0" in paths
    assert "digits/balanced-20/fold0/smooth-fixmatch/seed0" in paths
    assert "digits-25/balanced-250/fold0/fixmatch/network=wrn-10-2+weight_decay=0.001/seed0" in paths

    plan = planned()  # at a comma Snakemake would split it on the way to a cluster
    assert not [path for path in (*plan.runs, *plan.splits, *plan.calibrations) if "," in path]


@pytest.mark.parametrize("method", ["fixmatch", "supervised", "smooth-fixmatch-sq"])
def test_a_run_s_parameter_holds_only_what_its_method_uses(method):
    plan = with_experiments(one=SCARCE | {"methods": [method]})
    settings = json.loads(run_parameter(plan, next(iter(plan.runs))))["settings"]
    assert ("threshold" in settings) == (method != "supervised")
    assert ("power" in settings) == (method == "smooth-fixmatch-sq")
    assert "lambda_phi" not in settings
    assert {"steps", "batch", "network", "threads"} <= set(settings)


def test_schemes_give_their_splits_names_of_their_own_and_runs_know_their_labels():
    one = SCARCE | {"methods": ["fixmatch"]}
    plan = with_experiments(
        a=one, b=one | {"split": SCARCE["split"] | {"keep": 0.5}},
        c=one | {"split": {"scheme": "random", "labels": [20, 30]}}, d=one | {"split": {"scheme": "full"}},
    )  # fmt: skip
    assert list(plan.splits) == [
        "digits/balanced-20/fold0", "digits/balanced-20-imbalanced-0.5/fold0",
        "digits/random-20/fold0", "digits/random-30/fold0", "digits/full/fold0",
    ]  # fmt: skip
    assert {run.labels for run in plan.runs.values()} == {20, 30, 1297}


def test_a_fold_s_seed_is_in_the_parameter_of_its_splits_and_runs_alone():
    before, after = planned(), planned(fold_seeds=[0, 1, 2, 1003, 4, 5])
    changed = {path for path in before.splits if split_parameter(before, path) != split_parameter(after, path)}
    assert changed == {path for path in before.splits if path.endswith("/fold3")}
    retrained = {path for path in before.runs if run_parameter(before, path) != run_parameter(after, path)}
    assert retrained == {path for path in before.runs if "/fold3/" in path}


def test_any_power_can_be_trained():
    plan = with_experiments(one=SCARCE | {"methods": {"smooth-fixmatch": {"power": 3, "lambda_u": 2}}})
    assert list(plan.runs) == ["digits/balanced-20/fold0/smooth-fixmatch/lambda_u=2.0+power=3.0/seed0"]
    with pytest.raises(InputError, match="smooth-fixmatch.power: needs lambda_u as a number"):
        with_experiments(one=SCARCE | {"methods": {"smooth-fixmatch": {"power": 3}}})


def test_smooth_methods_share_one_calibration_for_each_shape():
    """Equation 25: once per data set and shape at the shape's own threshold, with lambda_u = 1 on both sides.

    The runs follow the first steps of the schedule that the methods have in the study.
    """
    plan = planned()
    assert list(plan.calibrations) == [
        "digits/smooth-fixmatch", "digits/smooth-fixmatch-sq", "digits/smooth-fixmatch-sqrt",
        "digits-25/smooth-fixmatch", "digits/smooth-pseudo-label",
    ]  # fmt: skip
    for path, one in plan.calibrations.items():
        dataset, shape = path.split("/")
        calibration = PROTOCOL["datasets"][dataset]["calibration"]
        for method, runs in ((shape, one.smooth), ("pseudo-label" if "pseudo" in path else "fixmatch", one.reference)):
            assert [plan.runs[run].fold for run in runs] == list(one.folds) == calibration["folds"]
            for run in map(plan.runs.get, runs):
                own = plan.runs.get(f"{run.split}/{method}/seed0")
                changed = {"stop": calibration["steps"], "lambda_u": 1, "evaluate_every": 30, "evaluate_late_every": 30}
                assert own is None or run.settings == {**own.settings, **changed}
                assert (run.method, run.calibration, run.settings["steps"]) == (method, "", 600)
    references = {one.reference for path, one in plan.calibrations.items() if path.startswith("digits/smooth-fixmatch")}
    assert len(references) == 1, "the shapes share the runs of FixMatch"
    assert plan.calibrations["digits/smooth-fixmatch-sq"].threshold == 0.9
    for run in plan.runs.values():
        if run.settings["stop"] is None:
            smooth = run.method.startswith("smooth") and run.dataset != "digits-png"  # whose weight is given
            shape = run.method.removesuffix("-factor")
            assert (run.calibration == f"{run.dataset}/{shape}") == smooth
            assert (run.settings.get("lambda_u") == "calibrated") == smooth


def test_ablations_and_the_factor_as_loss_take_the_calibration_of_their_shape_unless_the_study_fixes_the_weights():
    methods = {"smooth-fixmatch": {"threshold": 0.5}, "smooth-fixmatch-factor": {"lambda_phi": 0.1}}
    plan = with_experiments(one=SCARCE | {"methods": methods})
    assert list(plan.calibrations) == ["digits/smooth-fixmatch"]
    assert plan.calibrations["digits/smooth-fixmatch"].threshold == 0.95
    assert {run.calibration for run in plan.runs.values()} == {"", "digits/smooth-fixmatch"}
    methods = {"smooth-fixmatch": {"lambda_u": 1.5}, "smooth-fixmatch-factor": {"lambda_u": 1.5, "lambda_max": 0.1}}
    plan = with_experiments(one=SCARCE | {"methods": methods})
    assert not plan.calibrations
    assert len(plan.runs) == 2


def test_a_weight_that_nothing_can_calibrate_is_refused():
    uncalibrated = {"digits": {**PROTOCOL["datasets"]["digits"], "calibration": None}}
    with pytest.raises(InputError, match="datasets.digits.calibration: missing; smooth-fixmatch of experiments.one"):
        planned(
            datasets=uncalibrated, experiments={"one": SCARCE | {"methods": ["smooth-fixmatch"]}}, gate=None, assumed={}
        )
    with pytest.raises(InputError, match="fixmatch.lambda_u: expected a number"):
        with_experiments(one=SCARCE | {"methods": {"fixmatch": {"lambda_u": "calibrated"}}})


def test_a_comparison_without_its_baseline_is_refused():
    plan = with_experiments(**{"scarce-labels": SCARCE | {"methods": ["flexmatch"]}})
    with pytest.raises(InputError, match="mine.yaml: experiments.scarce-labels.methods: expected fixmatch among them"):
        exhibits(plan, "mine.yaml")


def test_captions_name_every_value_that_runs_differ_in():
    methods = {"fixmatch": {}, "pseudo-label": {}, "smooth-fixmatch": {"lambda_u": 2}, "supervised": {}}
    plan = with_experiments(**{"scarce-labels": SCARCE | {"methods": methods}})
    caption = json.loads(exhibit_parameter(plan, CATALOGUE["table1"]))["caption"]
    assert "7 or 1 times as many unlabelled" in caption
    assert "λ_u = 1 for FixMatch and Pseudo-Labeling, 2 for Smooth FixMatch (not calibrated)." in caption
    calibrated = json.loads(exhibit_parameter(planned(), CATALOGUE["table1"]))["caption"]
    assert (
        "λ_u = 1; for Smooth FixMatch, Smooth FixMatch-sq and Smooth FixMatch-sqrt it is calibrated (eq" in calibrated
    )


def test_every_job_s_parameter_names_its_code():
    plan = planned()
    shown = exhibits(plan, "")
    parameters = [
        data_parameter(plan, "digits"), split_parameter(plan, "digits/balanced-20/fold0"),
        run_parameter(plan, next(iter(plan.runs))), analysis_parameter(plan, "scarce-labels"),
        page_parameter(plan, shown), *(exhibit_parameter(plan, exhibit) for exhibit in shown.values()),
    ]  # fmt: skip
    codes = [json.loads(parameter)["code"] for parameter in parameters]
    assert all(len(code) == 64 for code in codes)
    modules = {exhibit.module for exhibit in exhibits(plan, "").values()}
    assert len(set(codes)) >= len(modules) + 5, "data, split, run, analysis and page, and every module"


def test_captions_say_what_was_run_and_what_was_assumed():
    caption = json.loads(exhibit_parameter(planned(), CATALOGUE["table1"]))["caption"]
    for words in ("standing in for CIFAR-10", "2 labels per class", "600 steps", "folds 0–5", "30 runs"):
        assert words in caption


def test_an_item_without_its_experiment_is_not_part_of_the_paper():
    plan = with_experiments(**{"scarce-labels": SCARCE | {"methods": ["fixmatch"]}})
    shown = exhibits(plan, "")
    of_the_experiment = experiment_exhibits(plan, "scarce-labels", {"means", "folds"})
    of_the_paper = {"table1", "table7", "fig1", "fig6", "fig9", "aggregate", "confusion"}
    of_the_paper |= {"pseudo-labels", "coverage", "flips"}
    assert set(shown) == of_the_paper | set(of_the_experiment)
    smooth = with_experiments(**{"scarce-labels": SCARCE | {"methods": ["fixmatch", "smooth-fixmatch"]}})
    assert set(exhibits(smooth, "")) - set(shown) == {"claims", "table14", "calibration"}, "of a method that it has"


def test_the_paper_s_study_has_every_item_and_knows_what_each_is_made_of():
    plan = make_plan(check_study(yaml.safe_load((CONFIG / "paper.yaml").read_text()), ""))
    shown = exhibits(plan, "")
    of_the_paper = {name: shown[name] for name in CATALOGUE}
    trained = [name for name, experiment in plan.study.experiments.items() if experiment.methods]
    analysed = (experiment_exhibits(plan, name, numbered_products(of_the_paper, name)) for name in trained)
    assert set(shown) == set(CATALOGUE) | {name for several in analysed for name in several}
    off = {name for name, exhibit in shown.items() if exhibit.module.endswith(".not_run")}
    assert off == {"table15", "fig7", "fig8", *experiment_exhibits(plan, "imagenet-10-percent", set())}, (
        "ImageNet has no root"
    )
    assert "set datasets.imagenet.root" in shown["fig7"].caption(plan)
    runs = {f"runs/{path}" for path in plan.runs}
    made = {f"analysis/{name}.csv" for name in plan.experiments} | {f"splits/{path}.json" for path in plan.splits}
    made |= {f"calibration/{path}.json" for path in plan.calibrations}
    for name, exhibit in shown.items():
        given = json.loads(exhibit_parameter(plan, exhibit))
        assert given["code"]
        for path in exhibit_inputs(plan, exhibit):
            assert path in made or str(Path(path).parent) in runs, f"{name} reads {path}, which nothing makes"
    assert "80 % or 50 % of its unlabelled images" in shown["table3"].caption(plan, *shown["table3"].experiments)


@pytest.mark.parametrize(
    ("edited", "redrawn"),
    [
        ({"source": "FlexMatch paper", "method": "fixmatch", "labels": 40}, {"table1"}),
        ({"source": "FixMatch paper", "labels": 2500}, {"table2"}),
        ({"scheme": "imbalanced"}, {"table3"}),
        ({"scheme": "random", "labels": 120}, {"table5"}),
        ({"labels": 250}, set()),
    ],
)
def test_an_edited_published_number_redraws_exactly_the_tables_that_show_it(monkeypatch, edited, redrawn):
    plan = make_plan(check_study(yaml.safe_load((CONFIG / "paper.yaml").read_text()), ""))
    shown = exhibits(plan, "")
    before = {name: exhibit_parameter(plan, exhibit) for name, exhibit in shown.items()}
    rows = [
        row.model_copy(update={"error_mean": 50.0}) if edited.items() <= row.model_dump().items() else row
        for row in read_published()
    ]
    monkeypatch.setattr(parameters, "read_published", lambda: rows)
    assert {name for name, parameter in before.items() if exhibit_parameter(plan, shown[name]) != parameter} == redrawn


def test_a_stand_in_is_not_redrawn_for_numbers_that_it_does_not_show(monkeypatch):
    plan = planned()
    before = exhibit_parameter(plan, CATALOGUE["table1"])
    given = json.loads(before)["given"]
    assert given["stands_in_for"] == "CIFAR-10"
    assert "published" not in given
    rows = [row.model_copy(update={"error_mean": row.error_mean and 50.0}) for row in read_published()]
    monkeypatch.setattr(parameters, "read_published", lambda: rows)
    assert exhibit_parameter(plan, CATALOGUE["table1"]) == before


def test_published_numbers_that_are_missing_are_a_mistake_before_any_job(monkeypatch, tmp_path):
    monkeypatch.setattr(parameters, "read_published", partial(read_published, tmp_path / PUBLISHED.name))
    with pytest.raises(InputError, match=r"published.csv: cannot be read: No such file"):
        exhibits(planned(), "")


def test_a_test_of_transitions_needs_two_sizes():
    one = SCARCE | {"split": {"scheme": "random", "labels": [20]}, "methods": ["fixmatch", "smooth-fixmatch"]}
    with pytest.raises(InputError, match="experiments.random-labels.split.labels: expected at least 2, for Table 6"):
        exhibits(with_experiments(**{"random-labels": one}), "study.yaml")


@pytest.mark.parametrize(
    ("folds", "reach"), [([0, 1, 2], ["3", "0.125", "5 folds: 0.031"]), (range(6), ["6", "0.016", ""])]
)
def test_the_smallest_p_of_an_experiment_counts_a_fold_once_whatever_its_seeds(folds, reach):
    given = SCARCE | {"folds": list(folds), "seeds": [0, 1], "methods": ["fixmatch", "smooth-fixmatch"]}
    plan = with_experiments(mine=given)
    table = experiment_table(plan, dict.fromkeys(plan.runs, "planned"))
    cells = {column.header: next(iter(column.cells)) for column in table.columns}
    assert [cells[name] for name in ("folds", "smallest p", "for p ≤ 0.05")] == reach


def test_the_plan_shows_network_and_steps_of_each_experiment():
    variants = [{"network": "wrn-16-1", "steps": 1400}, {"steps": 400}, {"steps": 600}]
    plan = with_experiments(one=SCARCE | {"methods": ["fixmatch"], "variants": variants})
    columns = {
        column.header: list(column.cells) for column in experiment_table(plan, dict.fromkeys(plan.runs, "")).columns
    }
    assert (columns["network"], columns["steps"]) == (["wrn-16-1, wrn-10-1"], ["400 to 1,400"])


def test_where_experiments_share_runs_the_plan_says_why_theirs_add_up_to_more():
    one = SCARCE | {"folds": [0, 1], "methods": ["fixmatch"]}
    alone = with_experiments(one=one)
    both = with_experiments(one=one, two=one | {"folds": [1, 2]})
    states = ["done", "planned", "stale (settings changed)"]
    assert count_line(alone, dict(zip(alone.runs, states, strict=False))) == "1 of 2 runs done; 2 labelled sets."
    assert count_line(both, dict(zip(both.runs, states, strict=False))) == (
        "1 of 3 runs done; 3 labelled sets. Runs that experiments or calibrations share are trained once."
    )


@pytest.mark.parametrize(
    ("training", "said"),
    [
        ({}, "wrn-28-2 and 1,048,576 steps in all experiments. All runs together are about 144 core-hours by their "
         "time limits. To choose others: `training: { network: ..., steps: ... }`."),
        ({"network": "wrn-10-1"}, "1,048,576 steps in all experiments. All runs together are about 144"),
        ({"steps": 2**20}, "wrn-28-2 in all experiments."),
        ({"network": "wrn-28-2", "steps": 2**20}, None),
    ],
)  # fmt: skip
def test_what_a_study_leaves_to_the_paper_s_defaults_is_said_with_the_hours(tmp_path, training, said):
    plan = planned(
        datasets={"digits": {"source": "digits"}}, training=training, methods={}, gate=None, assumed={},
        experiments={"one": SCARCE | {"folds": [0, 1, 2], "methods": ["fixmatch"]}},
    )  # fmt: skip
    note = default_note(plan, cost(plan, tmp_path))
    assert note is None if said is None else said in note


def test_experiments_that_set_what_others_leave_to_the_defaults_are_not_named(tmp_path):
    own = SCARCE | {"methods": ["fixmatch"], "training": {"steps": 10}}
    plan = planned(
        datasets={"digits": {"source": "digits", "training": {"network": "wrn-10-1"}, "resources": {"hours": 2}}},
        training={}, methods={}, gate=None, assumed={},
        experiments={"short": own, "long": SCARCE | {"folds": [1], "methods": ["fixmatch"]}},
    )  # fmt: skip
    assert "defaults: 1,048,576 steps in long. All runs together are about 2 core-hours. To" in default_note(
        plan, cost(plan, tmp_path)
    )
