"""Captions, and the marks of settings: nothing that the exhibit beside them does not show."""

from pathlib import Path

import pytest
import yaml

from spl.campaign.parameters import run_parameter
from spl.campaign.partial import partial_plan
from spl.paper.catalogue import CATALOGUE
from spl.paper.claims import CLAIMS
from spl.paper.selection import exhibit_caption, exhibit_conditions, exhibit_content, exhibits, own_caption
from spl.study.plan import make_plan
from spl.study.reading import check_study, read_study

CONFIG = Path(__file__).parents[2] / "config"
PROTOCOL = yaml.safe_load((Path(__file__).parents[1] / "studies/protocol.yaml").read_text())


def planned(**changed):
    experiments = {name: PROTOCOL["experiments"][name] | more for name, more in changed.items()}
    return make_plan(check_study(PROTOCOL | {"experiments": PROTOCOL["experiments"] | experiments}, "protocol.yaml"))


def caption(name, **changed):
    plan = planned(**changed)
    return exhibit_caption(plan, exhibits(plan, "")[name])


STATED = {
    "τ = 0.9 for Smooth FixMatch-sq (assumed)": {"table1": True, "basin-switches": False, "fig2": False},
    "Holm": {"table1": True, "table8": True, "table5": True, "pseudo-labeling": False},  # with several comparisons
    "; 2 runs. λ_u = 1 for FixMatch, 1.5 for Smooth FixMatch (assumed, not calibrated).": {"fig7": True},
    "allows no test": {"tipping-value": True, "table1": False},  # of a single pair
    "Gain: error of Smooth FixMatch minus error of the method": {"tipping-value": True, "table1": False},  # the claim's
    "Gain: error of FixMatch minus error of the method": {"tipping-value": False, "table1": True, "table8": True},
    "Gain: error of Pseudo-Labeling minus error of the method": {"pseudo-labeling": True},
    "error of FixMatch's best seed minus error of the method's worst seed": {"table4": True},
    "p:": {"tipping-value": False},
    "±": {"tipping-value": False},
    "; for Smooth FixMatch and Smooth FixMatch with the factor as an additional loss it is calibrated": {
        "tipping-value": True
    },
    " λ_u is calibrated (equation 25).": {"table13": True, "tipping-value": False},
    "Digits (standing in for CIFAR-10), 20, 40 or 80 labels; WRN-10-1": {"table5": True},
    "largest among all runs of random-labels. Digits": {"fig5": True},
    "chosen among all runs of scarce-labels. Digits": {"confusion": True},
    "max, min: largest and smallest gain of a pair": {"aggregate": True},
    "second half of the first 300 of 600 steps.": {"calibration": True},
    "Smooth FixMatch-sq (τ = 0.9) is compared with FixMatch at τ = 0.95.": {"calibration": True, "table14": False},
    "Equivalent: both exact one-sided Wilcoxon tests, that the gain is above −0.5 and below 0.5 points": {
        "table2": True,
        "table8": True,
        "table1": False,
    },
    "p (worse): of the same test that the gain is negative": {
        "table3": True,
        "table10": True,
        "table1": False,
    },
    "rise: largest error of a fold below the default": {"sensitivity-momentum": True, "sensitivity-thresholds": False},
    "with a band of one standard deviation": {"pseudo-labels": True, "sensitivity-momentum": False},
    "less than 25 % of these recognised (assumed limits)": {"basin-switches": True, "within-basins-shapes": True},
    "These groups are chosen by the outcome, so nothing is tested": {"within-basins-scarce-labels": True},
    "Coverage, the mean weight of the pseudo-labels": {"pseudo-labels": True},
    "in the last fifth of the training": {"coverage": True, "flips": False},
    "in the last half of the training. Mean over the steps": {"flips": True, "coverage": False},
    "no refutation": {"claims": True, "table1": False},
    "within 0.5 points (assumed margin); a difference that is not significant is never taken for equality": {
        "claims": True
    },
    "of at least 90 %; median error of the runs that end in the high basin at most 5 points above the study's full": {
        "regime": True
    },
    "p is descriptive only": {"aggregate": True},  # its pairs depend on each other
}
"""What a caption says where it is so, and nowhere else."""


@pytest.mark.parametrize("words", STATED)
def test_captions_say_what_is_so(words):
    assert {name: words in caption(name) for name in STATED[words]} == STATED[words]


def test_no_caption_of_any_study_has_a_gap():
    for study in CONFIG.glob("*.yaml"):
        plan = make_plan(read_study(study))
        shown = exhibits(plan, "").values()
        assert not [
            one.heading + exhibit_caption(plan, one) for one in shown if "{" in one.heading + exhibit_caption(plan, one)
        ]


@pytest.mark.parametrize("study", ["demo", "digits"])
def test_a_partial_paper_has_its_captions_whichever_experiment_is_done_beside_full_supervision(study, tmp_path):
    plan = make_plan(read_study(CONFIG / f"{study}.yaml"))
    for name, runs in plan.experiments.items():
        for run in {*runs, *plan.experiments["fully-supervised"]}:
            folder = tmp_path / name / "runs" / run
            folder.mkdir(parents=True)
            (folder / "parameters.json").write_text(run_parameter(plan, run))
        partial = partial_plan(plan, tmp_path / name)
        shown = exhibits(partial, "")
        assert [name for name in shown if exhibit_content(partial, shown[name])] == list(shown)


def test_pages_of_own_studies_refer_to_no_equation_of_the_paper():
    for study, says in (("beyond", False), ("demo", True)):
        plan = make_plan(read_study(CONFIG / f"{study}.yaml"))
        shown = [exhibit_caption(plan, one) for one in exhibits(plan, "").values()]
        assert any("equation" in text for text in shown) == says
        assert any("paper" in text for text in shown) == says


@pytest.mark.parametrize(
    ("table", "repeated", "experiment"),
    [
        ("table7", "Table 1", "scarce-labels"),
        ("table8", "Table 2", "strong-supervision"),
        ("table10", "Table 3", "class-imbalance"),
    ],
)
def test_a_table_of_folds_that_repeats_that_of_means_says_so(table, repeated, experiment):
    again = f"The errors of {repeated} again, since each method has a single run."
    assert caption(table, **{experiment: {"folds": [0], "seeds": [0]}}).startswith(again)
    assert again not in caption(table, **{experiment: {"folds": [0, 1], "seeds": [0]}})


def test_the_table_of_the_tipping_value_compares_as_the_claim_on_it_does():
    plan = planned()
    given = exhibits(plan, "")["tipping-value"].parameter(plan, "tipping-value")
    assert given["baseline"] == CLAIMS["factor-as-loss"].method == "smooth-fixmatch"


def test_a_method_s_settings_in_an_experiment_win_over_those_in_the_study():
    methods = {"fixmatch": {}, "smooth-fixmatch-sq": {"threshold": 0.8}}
    assert "τ = 0.8 for Smooth FixMatch-sq." in caption("table1", **{"scarce-labels": {"methods": methods}})


def test_a_loss_weight_that_all_runs_have_is_said_once():
    for weight, own in ((1.0, False), (1.5, True)):
        methods = {"fixmatch": {}, "smooth-fixmatch": {"lambda_u": weight}}
        said = caption("table1", **{"scarce-labels": {"methods": methods}})
        assert ("λ_u = 1, fixed rather than calibrated (equation 25)." in said) == (not own)
        assert ("λ_u = 1 for FixMatch, 1.5 for Smooth FixMatch (not calibrated)." in said) == own


@pytest.mark.parametrize("weight", [1.0, 1.5])
def test_curves_of_two_methods_say_whether_the_loss_weight_differs_too(weight):
    methods = {"fixmatch": {}, "smooth-fixmatch": {"lambda_u": weight}}
    said = caption("fig7", **{"imagenet-10-percent": {"methods": methods}})
    assert ("The runs differ in λ_u, too." in said) == (weight != 1)


def test_a_heading_names_the_data_that_stand_in_for_those_of_the_paper():
    plan = planned()
    assert exhibits(plan, "")["fig8"].heading.endswith(", digits-png in place of ImageNet-10 %")
    paper = make_plan(read_study(CONFIG / "paper.yaml"))
    assert exhibits(paper, "")["fig8"].heading.endswith(", ImageNet-10 %")


def test_lengths_are_listed_in_their_order_and_their_noun_once():
    variants = [{"steps": steps} for steps in (1400, 400, 1000, 600)]
    said = caption("table1", **{"scarce-labels": {"variants": variants}})
    assert "WRN-10-1, 400, 600, 1,000 or 1,400 steps with batches of" in said
    demo = make_plan(read_study(CONFIG / "demo.yaml"))
    said = exhibit_caption(demo, exhibits(demo, "")["calibration"])
    assert "second half of the first 300 of 600 steps or the first 1,000 of 3,000 steps." in said


def test_the_length_of_full_supervision_is_told_where_it_is_another_one():
    longer = {"fully-supervised": {"training": {"steps": 900}}}
    assert "full supervision over 900 steps; FixMatch has 600 steps." in caption("claims", **longer)
    assert "full supervision over" not in caption("claims")


def test_captions_of_curves_say_which_runs_are_shown_and_leave_the_conditions_to_the_section():
    plan = planned()
    fig9 = exhibits(plan, "")["fig9"]
    assert own_caption(plan, fig9) == "Measured at every evaluation, in the first run of FixMatch: fold 0, seed 0."
    assert "in the only run of FixMatch and of Smooth FixMatch: fold 0, seed 0." in caption("fig7")
    assert "A run whose accuracy still rises has not converged." in caption("fig7")
    three = {"imagenet-10-percent": {"folds": [0, 1, 2]}}
    assert "in the first of 3 runs of FixMatch and of Smooth FixMatch: fold 0, seed 0." in caption("fig7", **three)
    assert len(exhibit_conditions(plan, fig9)) == 3


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


def columns(plan, name):
    exhibit = exhibits(plan, "")[name]
    return {column["title"]: column["assumed"] for column in exhibit.parameter(plan, *exhibit.experiments)["columns"]}


def test_a_setting_is_marked_as_assumed_wherever_the_study_sets_it():
    assert columns(planned(), "table15") == {"digits-png, ResNet-18": ["lambda_u"]}
    assert caption("table15") == "Settings of Smooth FixMatch; * assumed."
    wide = PROTOCOL | {"assumed": {"experiments.strong-supervision.variants": "a guess"}}
    assert columns(make_plan(check_study(wide, "")), "table14") == {
        "digits, WRN-10-1": [], "digits-25, WRN-10-1": ["network"], "digits-25, WRN-10-2": ["network", "weight_decay"]
    }  # fmt: skip


def test_a_setting_that_something_else_decides_is_not_marked():
    given = {"methods": {"fixmatch": {}, "smooth-fixmatch": {}}, "training": {"threshold": 0.8}}
    study = PROTOCOL | {"assumed": {"training.threshold": "a guess"}}
    study["experiments"] = PROTOCOL["experiments"] | {"scarce-labels": PROTOCOL["experiments"]["scarce-labels"] | given}
    found = columns(make_plan(check_study(study, "")), "table14")
    assert found == {"digits, WRN-10-1": [], "digits-25, WRN-10-1": ["threshold"], "digits-25, WRN-10-2": ["threshold"]}


def test_marks_that_no_setting_has_are_not_explained():
    assert caption("table14") == "Settings of Smooth FixMatch; † calibrated (equation 25)."


def test_captions_of_twins_name_their_disturbance_and_those_of_two_imbalances_both_shares():
    plan = make_plan(check_study(yaml.safe_load((CONFIG / "paper.yaml").read_text()), "paper.yaml"))
    shown = exhibits(plan, "")
    for name in ("twins", "twins-at-the-end"):
        assert "alone, of relative size 1e-06." in exhibit_caption(plan, shown[name])
    text = exhibit_caption(plan, shown["table3"])
    assert "keeps 80 % or 50 % of its unlabelled images" in text
    assert " For reference, strong-imbalance: CIFAR-10, 4 labels per class;" in text
