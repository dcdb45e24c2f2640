"""All runs under equal conditions, over several experiments."""

import pandas as pd
import pytest
from tidy import lines

from spl.study.settings import Settings
from spl.tables import aggregate

TITLES = {"fixmatch": "FixMatch", "flexmatch": "FlexMatch", "smooth-fixmatch": "Smooth FixMatch"}
SETTINGS = list(Settings.model_fields)
GIVEN = {"titles": TITLES, "baseline": "fixmatch", "settings": SETTINGS}
DATA = {"dataset": "digits", "split": "digits/balanced-40/fold0", "split_seed": 7}


def run(method, last, best=None, fold=0, seed=0, **settings):
    """One row of a summary; as in the real ones, a setting that the method lacks is absent."""
    given = {"lambda_u": 1.0, "threshold": 0.95, "momentum": 0.9, "network": "wrn-10-1"}
    given |= {"lambda_u": 2.5, "power": 1.0} if method.startswith("smooth") else {}
    given |= settings
    path = "/".join([method, f"fold{fold}", f"seed{seed}", *(f"{key}={value}" for key, value in settings.items())])
    errors = {"error_last": last, "error_best": last if best is None else best}
    return {"run": path, **DATA, "fold": fold, "seed": seed, "method": method, **given, **errors}


FOLDS = [
    run("fixmatch", 0.20, fold=0), run("fixmatch", 0.30, best=0.18, fold=1),
    run("flexmatch", 0.25, fold=0), run("flexmatch", 0.10, fold=1),
    run("smooth-fixmatch", 0.15, fold=0), run("smooth-fixmatch", 0.27, best=0.26, fold=1),
]  # fmt: skip
MOMENTA = [
    FOLDS[0], FOLDS[4],  # shared with the other experiment
    run("fixmatch", 0.40, momentum=0.8), run("smooth-fixmatch", 0.42, momentum=0.8),
    run("smooth-fixmatch", 0.01, momentum=0.99),  # has no partner
]  # fmt: skip


@pytest.fixture
def table(tmp_path):
    for name, rows in (("folds", FOLDS), ("momenta", MOMENTA)):
        pd.DataFrame(rows).to_csv(tmp_path / f"{name}.csv", index=False)
    return aggregate.build(GIVEN, [tmp_path / "folds.csv", tmp_path / "momenta.csv"])


def test_runs_pair_across_experiments_and_a_shared_pair_counts_once(table):
    line = lines(table.tidy).loc["Smooth FixMatch"]
    gains = [0.05, 0.03, -0.02]
    assert (line["pairs"], line["wins"], line["runs"]) == (3, 2, 4)
    assert [line["gain_mean"], line["gain_std"], line["gain_max"], line["gain_min"]] == pytest.approx(
        [sum(gains) / 3, pd.Series(gains).std(), 0.05, -0.02]
    )
    assert line["p_value"] == 2 / 8


def test_the_other_method_is_compared_beside_it(table):
    line = lines(table.tidy).loc["FlexMatch"]
    assert (line["pairs"], line["wins"], line["gain_max"]) == (2, 1, pytest.approx(0.2))


def test_the_discrepancy_of_last_and_best_error_is_over_all_runs(table):
    methods = lines(table.tidy)
    assert methods.loc["FixMatch", ["discrepancy_mean", "discrepancy_max"]].tolist() == pytest.approx([0.04, 0.12])
    assert methods.loc["Smooth FixMatch", "discrepancy_mean"] == pytest.approx(0.01 / 4)


@pytest.mark.parametrize(
    "change",
    [{"dataset": "cifar-10"}, {"split": "digits/balanced-80/fold0"}, {"split_seed": 8}, {"fold": 2}, {"seed": 1},
     {"threshold": 0.9}, {"network": "wrn-28-2"}],
)  # fmt: skip
def test_runs_that_differ_in_anything_that_both_methods_have_do_not_pair(change):
    ours, theirs = pd.DataFrame([FOLDS[4]]), pd.DataFrame([FOLDS[0]])
    assert len(aggregate.equal_conditions(ours, theirs, SETTINGS)) == 1
    assert len(aggregate.equal_conditions(ours.assign(**change), theirs, SETTINGS)) == 0


def test_a_setting_that_neither_method_has_or_one_lacks_does_not_part_them():
    ours, theirs = pd.DataFrame([FOLDS[4]]), pd.DataFrame([FOLDS[0]])
    ours, theirs = ours.assign(lambda_phi=float("nan"), mu=7), theirs.assign(lambda_phi=float("nan"), mu=float("nan"))
    assert len(aggregate.equal_conditions(ours, theirs, SETTINGS)) == 1


def test_a_run_with_two_partners_is_an_error():
    ours, theirs = pd.DataFrame([FOLDS[4]]), pd.DataFrame([FOLDS[0], run("fixmatch", 0.3, lambda_u=0.5)])
    with pytest.raises(ValueError, match="not a one-to-one"):
        aggregate.equal_conditions(ours, theirs, SETTINGS)


def test_a_line_for_each_method_the_baseline_with_nothing_to_compare(table):
    printed = table.printed.set_index("")
    assert printed.columns.tolist() == [
        "last − best", "largest", "gain wrt FixMatch", "p (better)", "p (better), Holm", "max", "min", "better"
    ]  # fmt: skip
    assert printed.loc["FixMatch"].tolist() == ["4.00", "12.00", "", "", "", "", "", ""]
    assert printed.loc["Smooth FixMatch"].tolist() == [
        "0.25", "1.00", "2.00 ± 3.61", "0.250, least 0.125", "0.500", "5.00", "−2.00", "2 of 3"
    ]  # fmt: skip
