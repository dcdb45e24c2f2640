"""Published error rates in tables: whose they are, beside which runs, and what sets them apart."""

import pytest
from tidy import over_folds, write_summary

from spl.paper.literature import comparable_errors, read_published
from spl.tables import imbalance, random_labels, summary

TITLES = {"fixmatch": "FixMatch", "flexmatch": "FlexMatch", "smooth-fixmatch": "Smooth FixMatch"}
GIVEN = {"titles": TITLES, "baseline": "fixmatch"}
OWN = "Smooth Pseudo-Labeling paper"
FLEXMATCH_NOTE = (
    "FlexMatch paper, 3 folds (our folds 0–2 in section 4.1): error of the best checkpoint and median error of the "
    "last 20 checkpoints, ours of the last."
)
ICIP_NOTE = (
    "Generalized Pseudo-Labeling paper: error of an unknown checkpoint, ours of the last; from the abstract, which "
    "gives no std, folds or network; the network is assumed."
)


def runs(labels=40, dataset="cifar-10", network="wrn-28-2", variant="", errors=(0.1, 0.11)):
    what = {"labels": labels, "dataset": dataset, "network": network, "variant": variant}
    return over_folds(dict.fromkeys(TITLES, errors), **what)


@pytest.fixture
def built(tmp_path):
    """A function that builds a table of runs beside published rows."""

    def build(module, published, *experiments, **parameter):
        paths = [write_summary(tmp_path / f"{place}.csv", rows) for place, rows in enumerate(experiments)]
        return module.build(GIVEN | {"published": published} | parameter, paths)

    return build


def balanced(rows=None):
    return comparable_errors(rows or read_published(), "cifar-10", "balanced")


def filled(**where):
    """The rows of the file, those that agree with ``where`` filled in as if somebody had the paper."""
    return [
        row.model_copy(update={"error_mean": 5.0 + row.labels / 100, "error_std": 0.25})
        if all(getattr(row, column) == value for column, value in where.items())
        else row
        for row in read_published()
    ]


def test_every_source_and_checkpoint_has_a_column_beside_ours_and_tidy_shares(built):
    table = built(summary, balanced(), runs())
    printed = table.printed.set_index("")
    assert printed.columns.tolist() == [
        "mean", "std", "published: FixMatch paper, median of last 20", "published: FlexMatch paper, best",
        "published: FlexMatch paper, median of last 20",
        "published: Generalized Pseudo-Labeling paper, checkpoint unknown", "gain wrt FixMatch", "p (better)",
        "p (better), Holm",
    ]  # fmt: skip
    assert printed.loc["FixMatch"].tolist()[2:6] == ["13.81 ± 3.37", "7.47 ± 0.28", "7.99 ± 0.59", "7.93"]
    assert printed.loc["FlexMatch"].tolist()[2:6] == ["–", "4.97 ± 0.06", "5.19 ± 0.05", "–"]
    assert printed.loc["Smooth FixMatch"].tolist()[2:6] == ["–", "–", "–", "–"]
    values = table.tidy.set_index(["method", "quantity"])["value"]
    assert values["FixMatch", "published_mean: FlexMatch paper, best"] == pytest.approx(0.0747)
    assert values["FixMatch", "published_std: FlexMatch paper, best"] == pytest.approx(0.0028)
    assert ("Smooth FixMatch", "published_mean: FlexMatch paper, best") not in values.index


def test_the_note_says_for_each_source_what_is_not_as_ours(built):
    note = built(summary, balanced(), runs()).note
    assert note == (
        "FixMatch paper, 5 folds (our folds 1–5 in section 4.1): median error of the last 20 checkpoints, ours of the "
        f"last; read in third-party copies of its table. {FLEXMATCH_NOTE} {ICIP_NOTE}"
    )
    ours = built(summary, balanced(filled(source=OWN)), runs())
    assert ours.note == note, "the last checkpoint is ours"


def test_a_number_that_is_filled_in_has_its_column(built):
    before = built(summary, balanced(), runs()).printed
    after = built(summary, balanced(filled(source=OWN, method="smooth-fixmatch")), runs())
    [new] = set(after.printed) - set(before)
    assert new == f"published: {OWN}, last"
    assert after.printed.set_index("")[new].to_dict() == {
        "FixMatch": "–", "FlexMatch": "–", "Smooth FixMatch": "5.40 ± 0.25",
    }  # fmt: skip


SIX = [0.05, 0.06, 0.07, 0.12, 0.2, 0.1]
OURS = ["ours, folds 1–5", "ours, folds 0–2"]


def test_beside_a_published_mean_stands_ours_over_the_folds_that_correspond_to_it(built):
    table = built(summary, balanced(), runs(errors=SIX))
    printed = table.printed.set_index("")
    assert [name for name in printed if name.startswith(("published", "ours"))] == [
        "published: FixMatch paper, median of last 20", OURS[0], "published: FlexMatch paper, best",
        "published: FlexMatch paper, median of last 20", OURS[1],
        "published: Generalized Pseudo-Labeling paper, checkpoint unknown",
    ]  # fmt: skip
    assert printed.loc["FixMatch", OURS].tolist() == ["11.00 ± 5.57", "6.00 ± 1.00"]
    assert printed.loc["FlexMatch", OURS].tolist() == ["–", "6.00 ± 1.00"]
    assert printed.loc["Smooth FixMatch", OURS].tolist() == ["–", "–"]


def test_our_mean_over_some_folds_is_among_the_numbers_with_the_runs_behind_it(built):
    table = built(summary, balanced(), runs(errors=SIX))
    [line] = table.tidy.index[(table.tidy["quantity"] == "mean: folds 1-5") & (table.tidy["method"] == "FixMatch")]
    assert table.tidy["value"][line] == pytest.approx(sum(SIX[1:]) / 5)
    assert table.runs[line] == ("run1", "run2", "run3", "run4", "run5")


def test_our_mean_over_some_folds_tells_missing_runs_and_is_absent_without_the_folds(built):
    missing = runs(errors=[0.05, None, 0.07, 0.12, 0.2, 0.1])
    printed = built(summary, balanced(), missing).printed.set_index("")
    assert printed.loc["FixMatch", OURS].tolist() == ["12.25 ± 5.56 (4)", "6.00 ± 1.41 (2)"]
    fewer = built(summary, balanced(), runs(errors=SIX[:5])).printed
    assert [name for name in fewer if name.startswith("ours")] == OURS[1:]


def test_fully_supervised_runs_have_their_published_numbers_beside_them(built):
    full = over_folds({"supervised": [0.04]}, labels=50000, dataset="cifar-10", network="wrn-28-2")
    rows = balanced() + comparable_errors(read_published(), "cifar-10", "full")
    titles = TITLES | {"supervised": "Fully supervised"}
    printed = built(summary, rows, runs(), full, titles=titles).printed.set_index("")
    name = "published: FlexMatch paper, checkpoint unknown"
    assert printed[name].tolist() == ["–", "–", "–", "4.62 ± 0.05"]


def test_each_network_has_its_own_numbers(built):
    networks = [
        *runs(2500, "cifar-100", "wrn-28-2", "network=wrn-28-2"),
        *runs(2500, "cifar-100", "wrn-28-8", "network=wrn-28-8,weight_decay=0.001,processes=2"),
    ]
    rows = comparable_errors(filled(source=OWN, network="wrn-28-2"), "cifar-100", "balanced")
    table = built(summary, rows, networks)
    printed = table.printed.set_index("")
    assert printed["published: FlexMatch paper, best"].tolist()[:4] == ["–", "–", "–", "28.03 ± 0.16"]
    assert printed[f"published: {OWN}, last"].tolist() == ["30.00 ± 0.25"] * 3 + ["–"] * 3
    assert table.note.endswith(f"{OWN}: 2500 labels are assumed.")


@pytest.mark.parametrize("other", [{"labels": 50}, {"network": "wrn-10-1"}, {"variant": "momentum=0.8"}])
def test_runs_on_other_labels_networks_or_settings_are_not_compared(built, other):
    table = built(summary, balanced(), runs(**other))
    assert not [column for column in table.printed if "published" in column]
    assert table.note == ""


def test_beside_a_stand_in_nothing_is_shown_but_why(built):
    table = built(summary, [], runs(20, "digits"), stands_in_for="CIFAR-10")
    assert not [column for column in table.printed if "published" in column]
    assert table.note == "Published error rates are not shown: runs on digits stand in for CIFAR-10."
    assert built(summary, [], runs()).note == ""


def test_random_labels_have_a_row_below_each_method_that_has_numbers(built):
    rows = comparable_errors(filled(source=OWN, scheme="random", method="fixmatch"), "cifar-10", "random")
    sizes = [*runs(100), *runs(40), *runs(45)]
    table = built(random_labels, rows, sizes)
    printed = table.printed.set_index("labels")
    name = f"FixMatch, published: {OWN}, last"
    assert printed.index.tolist()[:3] == ["FixMatch", name, "FlexMatch"]
    assert printed.loc[name].to_dict() == {"40": "5.40 ± 0.25", "45": "–", "100": "6.00 ± 0.25"}
    assert [row for row in printed.index if "published" in row] == [name]
    numbers = table.tidy[table.tidy["quantity"] == f"published_mean: {OWN}, last"]
    tidy = numbers.set_index(["labels", "method"])["value"]
    assert tidy.to_dict() == {(40, "FixMatch"): pytest.approx(0.054), (100, "FixMatch"): pytest.approx(0.06)}


def test_class_imbalance_has_a_row_for_each_source_below_the_mean(built):
    only_means = [row.model_copy(update={"error_std": None}) for row in filled(source=OWN, scheme="imbalanced")]
    rows = [row for row in comparable_errors(only_means, "cifar-10", "imbalanced") if row["method"] != "flexmatch"]
    table = built(imbalance, rows, runs(), runs(), rows=["mean"], keep=[0.5])
    printed = table.printed.set_index("")
    name = f"published: {OWN}, last"
    assert printed.index.tolist()[:3] == ["mean", name, "gain wrt FixMatch"]
    assert printed.loc[name].to_dict() == {"FixMatch": "5.40", "FlexMatch": "–", "Smooth FixMatch": "5.40"}
    assert table.note == f"{OWN}: the kept part of the class is assumed."
    tidy = table.tidy.set_index(["method", "quantity"])["value"]
    assert tidy["FixMatch", f"published_mean: {OWN}, last"] == pytest.approx(0.054)
    assert ("FixMatch", f"published_std: {OWN}, last") not in tidy.index
