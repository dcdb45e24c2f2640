"""Captions, and the marks of settings: nothing that the exhibit beside them does not show."""

from pathlib import Path

import pytest
import yaml

from spl.paper.catalogue import CATALOGUE
from spl.paper.selection import exhibit_caption, exhibits
from spl.study.plan import make_plan
from spl.study.reading import check_study

CONFIG = Path(__file__).parents[2] / "config"
DEMO = yaml.safe_load((CONFIG / "demo.yaml").read_text())


def planned(**changed):
    experiments = {name: DEMO["experiments"][name] | more for name, more in changed.items()}
    return make_plan(check_study(DEMO | {"experiments": DEMO["experiments"] | experiments}, "demo.yaml"))


def caption(name, **changed):
    plan = planned(**changed)
    return exhibit_caption(plan, exhibits(plan, "")[name])


@pytest.mark.parametrize(("name", "stated"), [("table1", True), ("basin-switches", False), ("fig2", False)])
def test_a_method_s_own_threshold_is_stated_where_its_runs_have_it(name, stated):
    assert ("τ = 0.9 for Smooth FixMatch-sq (assumed)" in caption(name)) is stated


def test_a_method_s_settings_in_an_experiment_win_over_those_in_the_study():
    methods = {"fixmatch": {}, "smooth-fixmatch-sq": {"threshold": 0.8}}
    assert "τ = 0.8 for Smooth FixMatch-sq." in caption("table1", **{"scarce-labels": {"methods": methods}})


def test_captions_of_curves_describe_the_runs_shown():
    text = caption("fig9")
    assert "in the first run of FixMatch." in text
    assert text.count("; 1 run.") == 3
    assert text.count("fold 0, training seed 0") == 3
    assert "calibrated" not in text
    assert "; 2 runs. λ_u = 1 or 1.54, fixed" in caption("fig7")


@pytest.mark.parametrize(
    ("name", "stated"), [("table1", True), ("table8", True), ("table5", True), ("pseudo-labeling", False)]
)
def test_a_correction_is_explained_where_there_are_several_comparisons(name, stated):
    assert ("Holm" in caption(name)) is stated


def test_a_single_pair_allows_no_test_and_the_caption_says_so():
    text = caption("tipping-value")
    assert "allows no test" in text
    assert "p:" not in text
    assert "±" not in text


def test_the_comma_of_a_title_begins_no_other_method():
    assert "for Smooth FixMatch and Smooth FixMatch with the factor as loss (eq" in caption("tipping-value")


def test_sizes_of_random_labelled_sets_share_a_noun():
    assert "Digits (standing in for CIFAR-10), 20, 40 or 80 labels; WRN-10-1" in caption("table5")


def test_the_runs_among_which_one_was_chosen_are_named():
    assert "chosen among all runs of random-labels: Digits" in caption("fig5")
    assert "chosen among all runs of scarce-labels: Digits" in caption("confusion")


def test_the_weight_of_the_factor_is_judged_beside_runs_without_it():
    plan = planned()
    given = exhibits(plan, "")["table13"].parameter(plan, "factor-as-loss", "scarce-labels")
    assert given["without"] == {
        "method": "smooth-fixmatch-factor", "runs": ["digits/balanced-20/fold0/smooth-fixmatch/seed0"]
    }  # fmt: skip
    assert "0: Smooth FixMatch itself, with the runs of scarce-labels." in caption("table13")


@pytest.mark.parametrize(
    "changed",
    [{"folds": [1], "split": {"scheme": "random", "labels": [20]}}, {"seeds": [1]}, {"training": {"momentum": 0.8}}],
)
def test_runs_that_differ_in_more_than_the_factor_do_not_stand_beside_it(changed):
    plan = planned(**{"factor-as-loss": changed})
    assert CATALOGUE["table13"].parameter(plan, "factor-as-loss", "scarce-labels")["without"]["runs"] == []


def test_the_aggregate_says_that_its_pairs_depend_on_each_other():
    assert "max, min: largest and smallest gain of a pair" in caption("aggregate")
    assert "p is descriptive only" in caption("aggregate")


def columns(plan, name):
    exhibit = exhibits(plan, "")[name]
    return {column["title"]: column["assumed"] for column in exhibit.parameter(plan, *exhibit.experiments)["columns"]}


def test_a_setting_is_marked_as_assumed_wherever_the_study_sets_it():
    assert columns(planned(), "table15") == {"digits-png, ResNet-18": ["lambda_u"]}
    assert caption("table15") == "Settings of Smooth FixMatch; * assumed."
    wide = DEMO | {"assumed": {"experiments.strong-supervision.variants": "a guess"}}
    assert columns(make_plan(check_study(wide, "")), "table14") == {
        "digits, WRN-10-1": [], "digits-25, WRN-10-1": ["network"], "digits-25, WRN-10-2": ["network", "weight_decay"]
    }  # fmt: skip


def test_a_setting_that_something_else_decides_is_not_marked():
    given = {"methods": {"fixmatch": {}, "smooth-fixmatch": {}}, "training": {"threshold": 0.8}}
    study = DEMO | {"assumed": {"training.threshold": "a guess"}}
    study["experiments"] = DEMO["experiments"] | {"scarce-labels": DEMO["experiments"]["scarce-labels"] | given}
    found = columns(make_plan(check_study(study, "")), "table14")
    assert found == {"digits, WRN-10-1": [], "digits-25, WRN-10-1": ["threshold"], "digits-25, WRN-10-2": ["threshold"]}


def test_marks_that_no_setting_has_are_not_explained():
    assert caption("table14") == "Settings of Smooth FixMatch; † calibrated (equation 25)."
