"""The key ``registered`` of a study, and ranges of folds: a mistake is one line with file, key and expectation."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from spl.analysis.regime import Regime, in_regime, regime_conditions
from spl.campaign.partial import partial_plan
from spl.campaign.registration import check_is_registered
from spl.errors import InputError
from spl.paper.catalogue import CATALOGUE
from spl.paper.claim_parameters import claim_tests, runs_of_claim
from spl.paper.claims import CLAIMS
from spl.paper.selection import exhibits
from spl.study.plan import make_plan
from spl.study.ranges import ranges
from spl.study.reading import check_study, read_study
from spl.tables.claims import level_of

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests/studies/tiny.yaml"
REGISTERED = {
    "claims": ["scarce-labels", "flips"],
    "primary": "scarce-labels",
    "experiments": ["scarce-labels"],
    "looks": [2, 3],
    "levels": [0.01, 0.04],
}


def content(**registered):
    """The tiny study, registered for looks at two and at three folds."""
    return yaml.safe_load(TINY.read_text()) | {"registered": REGISTERED | registered}


def with_folds(folds, **registered):
    study = content(**registered)
    study["experiments"]["scarce-labels"]["folds"] = folds
    return study


WRONG = {
    "a primary claim that is not among the claims": (
        content(primary="twins"), "registered.primary: expected one of claims, got 'twins'"),
    "a claim that is listed twice": (content(claims=["flips", "flips"]), "registered.claims: flips is listed twice"),
    "looks that do not increase": (
        content(looks=[3, 2]), "registered.looks: expected increasing numbers of folds, got [3, 2]"),
    "a look without a level": (
        content(levels=[0.05]), "registered.levels: expected one for each of the 2 looks, got 1"),
    "levels that promise more than 5 %": (
        content(levels=[0.02, 0.04]), "registered.levels: expected a sum of at most 0.05, got 0.06"),
    "a level of nothing": (content(levels=[0, 0.05]), "registered.levels.0: expected more than 0, got 0"),
    "an experiment that the study lacks": (
        content(experiments=["shapes"]),
        "registered.experiments: 'shapes' is not under experiments (scarce-labels, random-labels)"),
    "experiments at different looks": (
        with_folds("0-2", experiments=["scarce-labels", "random-labels"]),
        "experiments.random-labels.folds: expected those of scarce-labels, for the same looks"),
    "folds with a gap": (
        with_folds([0, 2]),
        "experiments.scarce-labels.folds: expected consecutive folds, since each look adds the next ones"),
    "fewer seeds than folds at the last look": (
        content(looks=[2, 4]), "fold_seeds: expected at least 4, for the last look at scarce-labels"),
    "a range that falls": (
        with_folds("2-0"),
        "experiments.scarce-labels.folds: expected ranges that rise, of at most 1000 numbers, got '2-0'"),
    "a range beyond all measure": (
        with_folds(["0-999999999999"]),
        "experiments.scarce-labels.folds: expected ranges that rise, of at most 1000 numbers, got ['0-999999999999']"),
    "ranges that overlap": (with_folds(["0-1", 1]), "experiments.scarce-labels.folds: 1 is listed twice"),
    "what is no range": (
        with_folds([0, "1-"]), "experiments.scarce-labels.folds.1: expected a whole number, got '1-'"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_one_line_with_file_key_and_expectation(mistake):
    study, expected = WRONG[mistake]
    with pytest.raises(InputError) as caught:
        check_study(study, "study.yaml")
    assert str(caught.value) == f"study.yaml: {expected}"


def test_levels_may_use_up_all_of_the_5_percent():
    study = content(looks=[1, 2, 3], levels=[0.005, 0.010, 0.035])
    assert check_study(study, "study.yaml").registered.levels == [0.005, 0.010, 0.035]


@given(st.lists(st.integers(0, 60), min_size=1, unique=True))
def test_a_list_is_the_same_written_in_ranges(numbers):
    study = content() | {"fold_seeds": ranges(numbers).split(", "), "registered": None}
    study["experiments"] = {"scarce-labels": study["experiments"]["scarce-labels"] | {"folds": [0]}}
    assert check_study(study, "study.yaml").fold_seeds == numbers


def test_ranges_are_written_as_people_write_them():
    assert ranges([0, 1, 2, 5, 7, 8]) == "0-2, 5, 7-8"


def test_only_the_listed_claims_are_registered():
    study = check_study(content(), "study.yaml")
    assert [study.is_registered(claim) for claim in ("scarce-labels", "flips", "twins")] == [True, True, False]
    assert not check_study(yaml.safe_load(TINY.read_text()), "study.yaml").is_registered("scarce-labels")


def test_registered_claims_are_tested_at_their_looks_alone():
    study = content(claims=["scarce-labels", "random-labels"])
    study["experiments"]["random-labels"]["methods"] = ["fixmatch", "smooth-fixmatch"]
    plan = make_plan(check_study(study, "study.yaml"))
    claims = {claim["name"]: claim for claim in claim_tests(plan, "scarce-labels", "random-labels")["claims"]}
    at = {name: [level_of(claims[name], n) for n in (1, 2, 3)] for name in ("scarce-labels", "random-labels", "flips")}
    assert at["scarce-labels"] == [None, 0.01, 0.04]
    assert at["random-labels"] == [None, 0.05, None], "of an experiment without looks, all folds"
    assert at["flips"] == [0.05, 0.05, 0.05], "exploratory"
    assert [claims[name]["registered"] for name in at] == [True, True, False]


@pytest.mark.parametrize("missing", ["fold1/fixmatch/seed0", "fold0/smooth-fixmatch/seed0"])
def test_registered_claims_are_not_tested_while_a_run_is_missing(missing):
    """Whoever chooses which runs are there could choose the verdict."""
    plan = replace(
        make_plan(check_study(content(), "study.yaml")), missing=frozenset([f"digits/balanced-40/{missing}"])
    )
    claims = {claim["name"]: claim for claim in claim_tests(plan, "scarce-labels")["claims"]}
    assert [level_of(claims[name], 2) for name in ("scarce-labels", "flips", "twins")] == [None, None, 0.05]


def test_a_registered_claim_needs_the_runs_of_its_regime():
    plan = make_plan(read_study(ROOT / "config/digits.yaml"))
    gate = {"digits/full/fold0/supervised/seed0", "digits/balanced-20/fold59/fixmatch/seed0"}
    for name in ("scarce-labels", "class-imbalance", "matched-weight"):
        [claim, *_] = [claim for claim, of in CLAIMS.items() if of.experiments[0] == name]
        assert gate <= set(runs_of_claim(plan, claim)), name


def test_the_terms_of_the_claims_state_the_levels():
    terms = CATALOGUE["claims"].terms(make_plan(check_study(content(), "study.yaml")), "scarce-labels")
    levels = "at most 0.05, or, for registered claims about scarce-labels, 0.01 at 2 folds, 0.04 at 3 folds"
    assert levels in terms["Supported, contradicted"]
    assert "at the level of the last look" in terms["Folds to decide"]


def test_a_claim_that_cannot_be_tested_is_refused():
    for claim, line in (
        ("low-basins", "unknown claim; did you mean 'low-basin'?"),
        ("random-labels", "needs random-labels with smooth-fixmatch and fixmatch"),
    ):
        plan = make_plan(check_study(content(claims=["scarce-labels", claim]), "study.yaml"))
        with pytest.raises(InputError) as caught:
            exhibits(plan, "study.yaml")
        assert str(caught.value) == f"study.yaml: registered.claims: {claim}: {line}"


def test_nothing_is_run_before_there_is_a_registration(tmp_path):
    file = tmp_path / "study.yaml"
    study = check_study(content(), str(file))
    with pytest.raises(InputError, match=r"study.registration.json: missing; write it with `spl register"):
        check_is_registered(study, [str(file)])
    file.with_name("study.registration.json").write_text("{}")
    check_is_registered(study, [str(file)])
    with pytest.raises(InputError, match="registered: expected none in a study that another workflow imports"):
        check_is_registered(study, [])
    for files in (["tiny.yaml"], []):
        check_is_registered(check_study(yaml.safe_load(TINY.read_text()), "tiny.yaml"), files)


@pytest.mark.parametrize(
    ("folds", "undone", "shown"),
    [("0-1", [], True), ("0-2", [], True), ("0-2", [2], False), ("0-0", [], False)],
)
def test_a_partial_paper_shows_registered_experiments_at_complete_looks_alone(
    monkeypatch, tmp_path, folds, undone, shown
):
    plan = make_plan(check_study(with_folds(folds), "study.yaml"))

    def state(folder, _):
        return "to do" if any(f"/fold{fold}/" in str(folder) for fold in undone) else "done"

    monkeypatch.setattr("spl.campaign.partial.run_state", state)
    off = partial_plan(plan, tmp_path).off
    assert ("scarce-labels" not in off) == shown
    assert shown or off["scarce-labels"] == "between the registered looks, at 2, 3 folds"


CONFIG = Path(__file__).parents[2] / "config"


def test_a_partial_paper_of_the_first_look_shows_its_claims(monkeypatch, tmp_path):
    """Those that compare it with an experiment of which nothing is done are not run, and no mistake of the study."""
    plan = make_plan(read_study(CONFIG / "digits.yaml"))
    done = set(plan.experiments["scarce-labels"])
    monkeypatch.setattr(
        "spl.campaign.partial.run_state",
        lambda folder, _: "done" if str(folder.relative_to(tmp_path / "runs")) in done else "",
    )
    part = partial_plan(plan, tmp_path)
    assert "class-imbalance" in part.off
    assert exhibits(part, "config/digits.yaml")["claims"]


def test_the_registered_study_of_the_digits_compares_on_labelled_sets_that_nothing_was_chosen_on():
    pilot, planned = (make_plan(read_study(CONFIG / f"{name}.yaml")) for name in ("digits-pilot", "digits"))
    pilot_seeds = {run.split_seed for run in pilot.runs.values() if run.method != "supervised"}
    calibrating = {path for calibration in planned.calibrations.values() for path in calibration.runs}
    compared = {path for paths in planned.experiments.values() for path in paths}
    assert {planned.runs[path].split_seed for path in calibrating} <= pilot_seeds
    assert {planned.runs[path].split_seed for path in compared}.isdisjoint(pilot_seeds | set(range(6)))
    assert {run.method for run in pilot.runs.values()} == {"fixmatch", "supervised"}, "nothing that is compared with it"


def test_the_pilot_of_the_digits_tried_the_length_and_the_batch_of_the_study():
    pilot, planned = (make_plan(read_study(CONFIG / f"{name}.yaml")) for name in ("digits-pilot", "digits"))
    tried = [run.settings for run in pilot.runs.values() if run.method == "fixmatch"]
    first = planned.runs[planned.experiments["scarce-labels"][0]]
    assert first.method == "fixmatch"
    assert first.settings in tried


def test_no_other_experiment_of_the_digits_shows_the_primary_comparison_on_more_folds_than_the_first_look():
    study = read_study(CONFIG / "digits.yaml")
    others = [one for name, one in study.experiments.items() if name not in study.registered.experiments]
    assert max(fold for one in others for fold in one.folds) < study.registered.looks[0]
    assert sum(study.registered.levels) == pytest.approx(0.05)


def test_the_pilot_chose_the_batch_by_the_gate_on_fixmatch_alone():
    runs, supervised = (
        pd.read_csv(ROOT / f"docs/findings/digits-pilot-{name}.csv") for name in ("scarce-labels", "fully-supervised")
    )
    study = read_study(ROOT / "config/digits.yaml")
    assert set(runs["method"]) == {"fixmatch"}
    assert not set(runs["split_seed"]) & set(study.fold_seeds[:60]), "no fold of the study is spent"

    def regime(batch):
        own = runs[runs["batch"] == batch]
        high = own.loc[own["basin"] == "high", "error_last"].median()
        full = supervised.set_index("batch").loc[batch, "error_last"]
        return Regime(own["coverage"].mean(), high - full, (own["basin"] == "low").mean())

    limits = study.gate.model_dump()
    assert study.training.batch == 16
    assert in_regime(regime_conditions(regime(16), limits))
    assert regime_conditions(regime(8), limits) == {"coverage": False, "distance": True, "low_basin": True}
    text = " ".join((ROOT / "docs/registered.md").read_text().split())
    covered = [f"{100 * regime(batch).coverage:.0f} %" for batch in (16, 8)]
    assert f"{covered[0]} of the images with a batch of 16, and {covered[1]} with 8" in text
    assert f"{100 * regime(16).distance:.1f} points above full supervision" in text
