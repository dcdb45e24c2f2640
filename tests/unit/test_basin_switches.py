"""The table of runs that end in another basin than the baseline's."""

from hypothesis import given
from hypothesis import strategies as st
from tidy import lines, summary

from spl.tables import basin_switches

TITLES = {"fixmatch": "FixMatch", "smooth-fixmatch-sq": "Smooth FixMatch-sq", "smooth-fixmatch-sqrt": "-sqrt"}
GIVEN = {"titles": TITLES, "baseline": "fixmatch"}
BASINS = {"fixmatch": "hhhlhh", "smooth-fixmatch-sq": "lhlhll", "smooth-fixmatch-sqrt": "hhhlhl"}


def build(folder, rows):
    frame = summary(rows, columns=["method", "variant", "fold", "seed", "basin"])
    frame["basin"] = frame["basin"].map({"l": "low", "h": "high"})
    frame.assign(threshold=0.95, error_last=0.05 + frame["fold"] / 100).to_csv(folder / "experiment.csv", index=False)
    return basin_switches.build(GIVEN, [folder / "experiment.csv"])


def over_folds(basins, variant="", seed=0):
    return [(method, variant, fold, seed, one) for method, text in basins.items() for fold, one in enumerate(text)]


def test_a_line_for_each_method_counts_its_switches_and_names_their_folds(tmp_path):
    printed = build(tmp_path, over_folds(BASINS)).printed.set_index("")
    assert printed.columns.tolist() == [
        "mean ± std", "low basin", "FixMatch's low basin", "high → low", "low → high", "p", "p, Holm",
    ]  # fmt: skip
    assert printed.index.tolist() == ["Smooth FixMatch-sq", "-sqrt"]
    assert printed.loc["Smooth FixMatch-sq"].tolist() == [
        "7.50 ± 1.87", "4 of 6", "1 of 6", "4 (folds 0, 2, 4, 5)", "1 (fold 3)", "0.375", "0.750",
    ]  # fmt: skip
    assert printed.loc["-sqrt"].tolist()[1:] == ["2 of 6", "1 of 6", "1 (fold 5)", "0", "1.000", "1.000"]


def test_one_method_alone_is_not_corrected(tmp_path):
    alone = {method: BASINS[method] for method in ("fixmatch", "smooth-fixmatch-sq")}
    assert "Holm" not in build(tmp_path, over_folds(alone)).printed.to_string()


def test_runs_pair_by_fold_and_seed_in_the_same_variant(tmp_path):
    rows = over_folds({"fixmatch": "hh", "smooth-fixmatch-sq": "hl"}, seed=1)
    rows += over_folds({"fixmatch": "ll", "smooth-fixmatch-sq": "lh"}, seed=2)
    rows += over_folds({"fixmatch": "lll", "smooth-fixmatch-sq": "hh"}, "threshold=0.9")
    switched = build(tmp_path, rows).printed[["high → low", "low → high"]]
    assert switched.to_numpy().tolist() == [["1 (fold 1)", "1 (fold 1)"], ["0", "2 (folds 0, 1)"]]


@given(
    st.lists(st.tuples(*[st.sampled_from("lh-")] * 2), min_size=1, max_size=8).filter(lambda runs: ("l", "h") in runs)
)
def test_the_counts_follow_from_the_rows_of_single_runs(tmp_path_factory, runs):
    texts = dict(zip(("fixmatch", "smooth-fixmatch-sq"), map("".join, zip(*runs, strict=True)), strict=True))
    rows = [row for row in over_folds(texts) if row[-1] != "-"]
    tidy = build(tmp_path_factory.mktemp("switches"), rows).tidy
    numbers = lines(tidy).loc["Smooth FixMatch-sq"]
    single = tidy[tidy["quantity"] == "low_basin"].pivot_table("value", ["fold", "seed"], "method").dropna()
    difference = single["Smooth FixMatch-sq"] - single["FixMatch"]
    assert numbers["low"] - numbers["low_baseline"] == numbers["high_to_low"] - numbers["low_to_high"]
    assert (numbers["high_to_low"], numbers["low_to_high"]) == ((difference == 1).sum(), (difference == -1).sum())
    assert (numbers["pairs"], numbers["low"]) == (len(single), single["Smooth FixMatch-sq"].sum())
    assert 0 < numbers["p_value"] <= 1
