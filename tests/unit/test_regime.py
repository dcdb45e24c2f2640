"""The gate: what is measured on the baseline and full supervision, and what it makes of claims."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from spl.analysis.regime import Regime, in_regime, measure_regime, regime_conditions
from spl.errors import InputError
from spl.figures import regime
from spl.paper.claim_parameters import claim_files, claim_tests, regime_files, regime_limits, regime_runs
from spl.paper.claims import CLAIMS
from spl.paper.selection import exhibits
from spl.study.checks import GATED
from spl.study.plan import make_plan
from spl.study.reading import check_study
from spl.tables import claims

PROTOCOL = yaml.safe_load((Path(__file__).parents[1] / "studies/protocol.yaml").read_text())
LIMITS = {"coverage": 0.9, "distance": 0.05, "low_basin": [0.05, 0.6]}
INSIDE = {"coverage": 0.95, "distance": 0.02, "low_basin": 0.25}


def planned(**changes):
    return make_plan(check_study(PROTOCOL | changes, "study.yaml"))


def changed(experiment, **changes):
    return planned(experiments=PROTOCOL["experiments"] | {experiment: PROTOCOL["experiments"][experiment] | changes})


def test_all_conditions_together_are_the_regime():
    assert in_regime(regime_conditions(Regime(**INSIDE), LIMITS)) is True


@pytest.mark.parametrize(
    ("condition", "outside"),
    [("coverage", 0.89), ("distance", 0.06), ("distance", float("inf")), ("low_basin", 0.0), ("low_basin", 0.7)],
)
def test_each_condition_can_fail_alone(condition, outside):
    conditions = regime_conditions(Regime(**INSIDE | {condition: outside}), LIMITS)
    assert [name for name, met in conditions.items() if not met] == [condition]
    assert in_regime(conditions) is False


@pytest.mark.parametrize("condition", INSIDE)
def test_what_was_not_measured_leaves_it_open_unless_another_condition_fails(condition):
    assert in_regime(regime_conditions(Regime(**INSIDE | {condition: float("nan")}), LIMITS)) is None
    outside = {"coverage": 0.1, "distance": 0.9, "low_basin": 0.9}
    [other, _] = [name for name in INSIDE if name != condition]
    unknown = Regime(**INSIDE | {condition: float("nan"), other: outside[other]})
    assert in_regime(regime_conditions(unknown, LIMITS)) is False


@pytest.fixture
def measured(tmp_path):
    """A function that measures runs of these last errors, basins and late coverages."""

    def measure(runs, supervised=(0.01,)):
        rows = []
        for number, (error, basin, coverage) in enumerate(runs):
            rows.append({"run": f"run{number}", "error_last": error, "basin": basin})
            (tmp_path / f"runs/run{number}").mkdir(parents=True)
            metrics = pd.DataFrame({"step": [80, 90, 100], "coverage": [0.1, coverage, coverage]})
            metrics.to_csv(tmp_path / f"runs/run{number}/metrics.csv", index=False)
        frame = pd.DataFrame(rows, columns=["run", "error_last", "basin"])
        full = pd.DataFrame({"error_last": list(supervised)})
        return measure_regime(frame, frame, full, sorted(tmp_path.glob("runs/*/metrics.csv")))

    return measure


def test_coverage_is_late_distance_that_of_the_high_basin_and_the_share_that_of_the_low_one(measured):
    runs = [(0.03, "high", 0.9), (0.04, "high", 0.8), (0.3, "low", 1.0), (0.09, "high", 0.9)]
    assert measured(runs) == Regime(pytest.approx(0.9), 0.03, 0.25)


def test_runs_that_are_all_in_the_low_basin_are_far_from_full_supervision(measured):
    assert measured([(0.03, "low", 1.0)]) == Regime(1, float("inf"), 1)


def test_without_runs_nothing_is_measured(measured):
    assert regime_conditions(measured([]), LIMITS) == dict.fromkeys(INSIDE)
    assert (
        in_regime(regime_conditions(measured([(0.1, "high", 1.0)], supervised=[]), LIMITS | {"low_basin": [0, 1]}))
        is None
    )


REFERENCE = [f"digits/balanced-20/fold{fold}/fixmatch/seed0" for fold in range(6)]


def gate_runs(plan, experiment):
    return [run.path for run in regime_runs(plan, experiment)]


@pytest.mark.parametrize(
    "experiment", ["scarce-labels", "thresholds", "momentum", "initial-condition", "factor-as-loss", "tipping-value"]
)
def test_experiments_that_repeat_the_conditions_or_lack_the_baseline_share_all_folds(experiment):
    assert gate_runs(planned(), experiment) == REFERENCE


def test_other_labels_count_on_their_own_random_ones_at_the_largest_number():
    imbalanced = [f"digits/balanced-20-keep-0.5/fold{fold}/fixmatch/seed0" for fold in (0, 1)]
    assert [path.split("/")[2:] for path in gate_runs(planned(), "class-imbalance")] == [
        path.split("/")[2:] for path in imbalanced
    ]
    assert gate_runs(planned(), "random-labels") == [f"digits/random-80/fold{fold}/fixmatch/seed0" for fold in (0, 1)]


def test_of_several_variants_those_with_the_settings_of_the_reference_count():
    plan = changed("class-imbalance", variants=[{"threshold": 0.9}, {"threshold": 0.95}])
    own = gate_runs(plan, "class-imbalance")
    assert len(own) == 2
    assert not [path for path in own if "threshold" in path]


def test_a_baseline_with_settings_of_its_own_is_a_control_in_the_same_regime():
    altered = changed("shapes", methods={"fixmatch": {"threshold": 0.975}, "smooth-fixmatch": {}})
    assert gate_runs(altered, "shapes") == REFERENCE


def test_an_experiment_of_other_length_counts_on_its_own():
    short = changed("momentum", training={"steps": 60})
    assert gate_runs(short, "scarce-labels") == REFERENCE
    own = gate_runs(short, "momentum")
    assert len(own) == 3, "no variant has the settings of the reference"
    assert all("steps=60" in path for path in own)


def test_a_difference_of_errors_between_experiments_that_train_differently_is_no_endpoint():
    def tested(plan):
        claims = claim_tests(plan, "scarce-labels", "class-imbalance")["claims"]
        return {claim["name"] for claim in claims if claim["planned"]}

    drops = {"drop-fixmatch", "drop-smooth"}
    assert drops < tested(planned())
    assert tested(planned()) - tested(changed("class-imbalance", training={"steps": 300})) == drops


WRONG = {
    "coverage": ({"gate": LIMITS | {"coverage": 1.1}}, "gate.coverage:"),
    "order": ({"gate": LIMITS | {"low_basin": [0.6, 0.1]}}, "gate.low_basin: expected the least share before"),
    "one limit": ({"gate": LIMITS | {"low_basin": [0.6]}}, "gate.low_basin:"),
    "missing": ({"gate": {"coverage": 0.9, "distance": 0.1}}, "gate.low_basin: missing"),
}


@pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_gate_is_refused_in_one_line(changes, message):
    with pytest.raises(InputError, match=message) as raised:
        planned(**changes)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("experiment", "changes", "message"),
    [
        ("scarce-labels", {"methods": ["smooth-fixmatch"]}, "gate: needs an experiment scarce-labels with fixmatch"),
        (
            "fully-supervised",
            {"split": {"scheme": "balanced", "per_class": 2}},
            "gate: needs an experiment fully-super",
        ),
        ("fully-supervised", {"dataset": "digits-png"}, "fully-supervised.dataset: expected images of digits"),
    ],
)
def test_the_gate_needs_its_experiments(experiment, changes, message):
    with pytest.raises(InputError, match=message):
        changed(experiment, **changes)


def test_without_a_gate_there_is_no_figure_and_nothing_is_out_of_regime():
    study = planned(gate=None, assumed={})
    shown = exhibits(study, "")
    assert "regime" not in shown
    assert next(iter(shown)) == "claims"
    assert claim_tests(study, *shown["claims"].experiments)["gate"] is None
    assert regime_limits(study, "scarce-labels", "fully-supervised") == {"limits": []}
    assert "no gate" in shown["claims"].caption(study, *shown["claims"].experiments)


def fabricated(tmp_path, coverage=0.95, supervised=0.02, folds=6, registered=()):
    """The table of claims of the demo with scarce labels and full supervision alone; FixMatch is behind by a point."""
    kept = {name: PROTOCOL["experiments"][name] for name in ("scarce-labels", "fully-supervised")}
    plan = planned(experiments=kept, assumed={})
    parameter = claim_tests(plan, *kept)
    for claim in parameter["claims"]:
        if claim["name"] in registered:
            claim |= {"registered": True, "looks": {"folds": [6], "levels": [0.05]}, "complete": True}
    for name in kept:
        rows = []
        for path in plan.experiments[name]:
            run = plan.runs[path]
            error = (
                supervised if name != "scarce-labels" else 0.05 + 0.01 * (run.method == "fixmatch") + 0.001 * run.fold
            )
            done = run.fold < folds
            rows.append(
                {"run": path, "method": run.method, "variant": "", "fold": run.fold, "seed": 0, "smallest_column": 0.5}
                | {
                    "error_last": error if done else None,
                    "error_best": 0.01,
                    "basin": "low" if run.fold == 5 else "high",
                }
            )
            (tmp_path / "runs" / path).mkdir(parents=True, exist_ok=True)
            metrics = pd.DataFrame({"step": [50, 100], "coverage": coverage, "flips": 0.1})
            metrics.to_csv(tmp_path / "runs" / path / "metrics.csv", index=False)
        (tmp_path / "analysis").mkdir(exist_ok=True)
        pd.DataFrame(rows).to_csv(tmp_path / "analysis" / f"{name}.csv", index=False)
    return claims.build(json.loads(json.dumps(parameter)), [tmp_path / path for path in claim_files(plan, *kept)])


def verdicts(table):
    names = {f"{claim.text} ({claim.section})": name for name, claim in CLAIMS.items()}
    return dict(zip(table.printed["claim"].map(names), table.printed["verdict"], strict=True))


def test_the_table_has_a_verdict_for_each_claim_and_the_runs_behind_it(tmp_path):
    table = fabricated(tmp_path)
    found = verdicts(table)
    assert found["scarce-labels"] == "supported (exploratory)"
    assert found["flips"] == "undecided (exploratory)"
    assert found["square-root"] == "supported (exploratory)", "2 / 64 in a family of two"
    assert found["twins"] == found["strong-supervision"] == "not run"
    tidy = table.tidy[table.tidy["fold"].isna()].set_index(["claim", "quantity"])
    assert tidy.loc[("scarce-labels", "verdict_at_level"), ["verdict", "value"]].tolist() == ["supported", 0.05]
    assert tidy["value"].loc[("scarce-labels", "effect")] == 0.01
    assert tidy["value"].loc[("square", "p_supported")] == 1 / 64
    assert tidy["value"].loc[("square", "p_supported_holm")] == 2 / 64
    [line] = table.tidy.index[(table.tidy["claim"] == "scarce-labels") & (table.tidy["quantity"] == "p_supported")]
    assert set(table.runs[line]) == {
        path.replace("/fixmatch", f"/{one}fixmatch") for path in REFERENCE for one in ("", "smooth-")
    }
    [line] = table.tidy.index[(table.tidy["claim"] == "scarce-labels") & (table.tidy["quantity"] == "verdict_at_level")]
    assert set(table.runs[line]) > {*REFERENCE, "digits/full/fold0/supervised/seed0"}, "the gate's runs, too"
    assert table.printed["claim"][0].startswith("With scarce labels"), "the primary claim is the first"
    assert table.bold == {(0, 0)}, "and bold"
    not_run = (table.printed["n"] == "–").tolist()
    assert not_run == sorted(not_run), "what was not run comes last"
    assert table.folded == sum(not_run), "and is folded on the page"
    distance = "distance 4.20 points (at most 5.0; runs in the high basin: 5 of 6)"
    assert f"scarce-labels: coverage 95.0 % (at least 90), {distance}" in table.note


def test_registered_claims_are_not_corrected_for_exploratory_ones(tmp_path):
    """Otherwise an experiment that is added when the results are known would change their verdicts."""
    tidy = fabricated(tmp_path, registered=["square"]).tidy
    values = tidy[tidy["fold"].isna()].set_index(["claim", "quantity"])["value"]
    for name in ("square", "square-root"):
        assert CLAIMS[name].family == CLAIMS["square"].family
        assert values[name, "tests"] == 1
        assert values[name, "p_supported_holm"] == values[name, "p_supported"] == 1 / 64


def test_experiments_that_count_as_in_the_regime_by_the_runs_of_another_are_named_after_it(tmp_path):
    assert claims.REFERENCE == GATED
    tidy = fabricated(tmp_path).tidy
    assert "scarce-labels: coverage" in claims.regime_note(tidy)
    measured = tidy[tidy["claim"] == f"{claims.REGIME}scarce-labels"]
    shared = pd.concat(
        [measured.assign(claim=f"{claims.REGIME}{name}") for name in ("twins", "scarce-labels", "half-jump")]
    )
    assert "scarce-labels, and by its runs twins, half-jump: coverage" in claims.regime_note(shared)


@pytest.mark.parametrize(("folds", "printed"), [(6, "1.00 (1.00 to 1.00)"), (3, "1.00 (75.0 %: 1.00 to 1.00)")])
def test_an_interval_says_its_level_where_the_folds_allow_less_than_the_usual_one(tmp_path, folds, printed):
    assert fabricated(tmp_path, folds=folds).printed["effect, interval"][0] == printed


@pytest.mark.parametrize("outside", [{"coverage": 0.5}, {"supervised": 0.0}, {"folds": 5}])
def test_the_gate_takes_the_verdict_from_claims_that_depend_on_it(tmp_path, outside):
    found = verdicts(fabricated(tmp_path, **outside))
    assert found["scarce-labels"] == found["flips"] == "out of regime"
    assert found["twins"] == "not run"


def test_without_full_supervision_the_regime_is_not_known(tmp_path):
    assert verdicts(fabricated(tmp_path, supervised=None))["scarce-labels"] == "regime unknown"


def test_the_figure_shows_each_run_of_the_baseline_by_its_basin(tmp_path):
    fabricated(tmp_path)
    names = ("scarce-labels", "fully-supervised")
    plan = planned()
    for path in (tmp_path / "analysis").glob("*.csv"):
        pd.read_csv(path).assign(last_step=100).to_csv(path, index=False)
    for path in tmp_path.glob("runs/**/metrics.csv"):
        pd.read_csv(path).assign(purity=0.9, test_error=[0.5, 0.04]).to_csv(path, index=False)
    files = [tmp_path / path for path in regime_files(plan, *names)]
    figure, shown = regime.draw(regime_limits(plan, *names), files)
    assert shown.groupby("run")["basin"].first().to_dict() == {
        path: "low" if "fold5" in path else "high" for path in REFERENCE
    }
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[:2] == ["high basin: 5 of 6", "low basin: 1 of 6; gate: 5–60 %"]
    coverage, _, error = figure.axes
    assert coverage.get_title() == "last fifth: 95.0 %; gate: ≥ 90 %"
    assert error.get_title() == "distance: 4.2; gate: ≤ 5.0"
    assert [len(axis.lines) for axis in (coverage, error)] == [6, 7], "and full supervision"
    [asked] = coverage.collections
    assert asked.get_paths()[0].get_extents().extents.tolist() == [80, 0.9, 100, 1]
    [asked] = error.collections
    assert asked.get_paths()[0].get_extents().extents[[1, 3]].tolist() == pytest.approx([0.02, 0.07])
