"""The table of training seeds."""

import numpy as np
import pandas as pd
import pytest
from tidy import lines, write_summary

from spl.errors import InputError
from spl.tables import initial_condition

TITLES = {"fixmatch": "FixMatch", "smooth-fixmatch": "Smooth FixMatch", "flexmatch": "FlexMatch"}
GIVEN = {"titles": TITLES, "baseline": "fixmatch"}
OVER_SEEDS = {"fixmatch": [0.20, 0.12, 0.16], "smooth-fixmatch": [0.06, 0.10, 0.08]}
OVER_FOLDS = {"flexmatch": [0.3, 0.3], "fixmatch": [0.05, 0.15], "smooth-fixmatch": [0.04, 0.06]}


def summaries(folder, over_seeds, over_folds, basin="low", fold=4):
    seeds = [
        (method, fold, seed, error) for method, errors in over_seeds.items() for seed, error in enumerate(errors, 1)
    ]
    folds = [(method, fold, 0, error) for method, errors in over_folds.items() for fold, error in enumerate(errors)]
    columns = ["method", "fold", "seed", "error_last"]
    frames = [pd.DataFrame(rows, columns=columns).assign(variant="", basin=basin) for rows in (seeds, folds)]
    return [
        write_summary(folder / f"{name}.csv", frame) for name, frame in zip(("seeds", "folds"), frames, strict=True)
    ]


def test_the_spread_over_seeds_stands_beside_that_over_folds(tmp_path):
    printed = initial_condition.build(GIVEN, summaries(tmp_path, OVER_SEEDS, OVER_FOLDS)).printed.set_index("")
    assert printed.loc["FixMatch"].tolist() == ["16.00", "4.00", "7.07", "12.00", "20.00", ""]
    assert printed.loc["Smooth FixMatch"].tolist() == ["8.00", "2.00", "1.41", "6.00", "10.00", "2.00"]
    assert printed.columns[-1] == "best FixMatch − worst"


def test_several_seeds_of_a_fold_are_one_fold(tmp_path):
    paths = summaries(tmp_path, OVER_SEEDS, OVER_FOLDS)
    twice = pd.concat([pd.read_csv(paths[1]), pd.read_csv(paths[1]).assign(seed=1, error_last=0.2)])
    twice.to_csv(paths[1], index=False)
    tidy = lines(initial_condition.build(GIVEN, paths).tidy)
    assert tidy.loc["FixMatch", "std_over_folds"] == pytest.approx(np.std([0.125, 0.175], ddof=1))
    assert tidy.loc["FixMatch", "folds"] == 2


def test_of_several_folds_each_has_its_own_spread_over_seeds(tmp_path):
    paths = summaries(tmp_path, OVER_SEEDS, OVER_FOLDS)
    other = {"fixmatch": [0.02], "smooth-fixmatch": [0.03]}
    (tmp_path / "other").mkdir()
    more = pd.read_csv(summaries(tmp_path / "other", other, OVER_FOLDS, "high", fold=1)[0])
    pd.concat([pd.read_csv(paths[0]), more]).to_csv(paths[0], index=False)
    table = initial_condition.build(GIVEN, paths)
    printed = table.printed.set_index(["fold", ""])
    assert printed.loc[("4", "FixMatch")].tolist() == ["16.00", "4.00", "7.07", "12.00", "20.00", ""]
    assert printed.loc[("4", "Smooth FixMatch")].tolist() == ["8.00", "2.00", "1.41", "6.00", "10.00", "2.00"]
    assert printed.loc[("1", "FixMatch"), "std over seeds"] == "–", "one seed has no spread, whatever other folds have"


def test_a_missing_seed_is_told(tmp_path):
    fewer = OVER_SEEDS | {"fixmatch": [0.20, 0.12]}
    printed = initial_condition.build(GIVEN, summaries(tmp_path, fewer, OVER_FOLDS)).printed.set_index("")
    assert printed["mean"].tolist() == ["16.00 (2)", "8.00"]


def test_a_method_that_has_no_folds_to_compare_with_is_a_mistake_of_the_study(tmp_path):
    paths = summaries(tmp_path, OVER_SEEDS, {"fixmatch": [0.05, 0.15]})
    with pytest.raises(InputError, match=r"folds\.csv: expected runs of Smooth FixMatch"):
        initial_condition.build(GIVEN, paths)


WARNING = (
    "Warning: over the folds, FixMatch did not end in the low basin on fold 1, "
    "so the premise of this table does not hold here."
)


@pytest.mark.parametrize(
    ("basin", "fold", "note"),
    [("low", 1, ""), ("high", 4, ""), ("high", 1, WARNING)],  # the other experiment lacks fold 4
)
def test_a_fold_on_which_the_baseline_did_well_is_not_what_the_table_is_about(tmp_path, basin, fold, note):
    table = initial_condition.build(GIVEN, summaries(tmp_path, OVER_SEEDS, OVER_FOLDS, basin, fold))
    assert table.note == note


def test_only_the_baseline_s_own_run_of_the_fold_counts_and_only_when_it_is_done(tmp_path):
    paths = summaries(tmp_path, OVER_SEEDS, OVER_FOLDS, "high", 1)
    runs = pd.read_csv(paths[1]).astype({"basin": object})
    own = (runs["method"] == "fixmatch") & (runs["fold"] == 1)
    for basins, warned in (
        (np.where(own, "high", "low"), True),
        (np.where(own, "low", "high"), False),
        (np.where(own, None, "high"), False),
    ):
        runs.assign(basin=basins, error_last=runs["error_last"].where(pd.notna(basins))).to_csv(paths[1], index=False)
        assert ("on fold 1" in initial_condition.build(GIVEN, paths).note) is warned
