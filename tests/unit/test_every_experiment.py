"""What every experiment has, whatever its name, and what a study of one's own looks like beside the paper's."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from spl.campaign.parameters import page_parameter
from spl.errors import InputError
from spl.figures import against
from spl.figures.style import look_of
from spl.paper.conditions import conditions
from spl.paper.selection import (
    exhibit_caption,
    exhibit_conditions,
    exhibit_content,
    exhibits,
    is_of_the_paper,
    own_caption,
)
from spl.study.appearance import LOOKS
from spl.study.plan import make_plan
from spl.study.reading import check_study, read_study
from spl.study.resolve import completed
from spl.tables import folds_by_labels

PROTOCOL = yaml.safe_load((Path(__file__).parents[1] / "studies/protocol.yaml").read_text())
BALANCED = {"scheme": "balanced", "per_class": 2}
PAIR = ["fixmatch", "smooth-fixmatch"]


def planned(stands_in_for=None, **experiments):
    """A study of digits, which stand in for the paper's data only if asked to."""
    digits = {key: value for key, value in PROTOCOL["datasets"]["digits"].items() if key != "stands_in_for"}
    given = {
        name: {"dataset": "digits", "split": BALANCED, "methods": PAIR} | more for name, more in experiments.items()
    }
    study = {
        "name": "mine", "title": "Mine", "training": PROTOCOL["training"], "experiments": given,
        "datasets": {"digits": digits | ({"stands_in_for": stands_in_for} if stands_in_for else {})},
    }  # fmt: skip
    return make_plan(check_study(study, "mine.yaml"))


def products(plan, experiment):
    return {exhibit.product for exhibit in exhibits(plan, "").values() if exhibit.experiments[:1] == (experiment,)} - {
        ""
    }


@pytest.mark.parametrize(
    ("experiment", "expected"),
    [
        ({"folds": [0, 1]}, {"means", "folds"}),
        ({}, {"means"}),
        ({"variants": [{"threshold": 0.9}, {"threshold": 0.95}]}, {"means", "grid", "curve"}),
        ({"variants": [{"network": "wrn-10-1"}, {"network": "wrn-10-2"}]}, {"means", "grid"}),
        ({"variants": [{"threshold": 0.9}, {"momentum": 0.8}]}, {"means"}),
        ({"split": {"scheme": "random", "labels": [20, 40]}, "folds": [0, 1]}, {"means", "folds", "curve"}),
    ],
)
def test_an_experiment_of_any_name_has_its_errors_and_where_one_thing_varies_grid_and_curve(experiment, expected):
    assert products(planned(mine=experiment), "mine") == expected


def test_what_the_paper_numbers_is_not_shown_again_under_another_name():
    variants = [{"threshold": 0.9}, {"threshold": 0.95}]
    plan = planned("CIFAR-10", thresholds={"variants": variants, "folds": [0, 1]}, mine={})
    shown = exhibits(plan, "")
    assert {"table9", "fig2", "means-thresholds", "folds-thresholds", "means-mine"} <= set(shown)
    assert not {"grid-thresholds", "curve-thresholds"} & set(shown)
    assert shown["fig2"].section == shown["means-thresholds"].section != shown["means-mine"].section


def test_a_name_of_the_paper_is_the_paper_s_on_its_data_or_what_stands_in_for_them_alone():
    own, paper = planned(thresholds={}), planned("CIFAR-10", thresholds={})
    assert not is_of_the_paper(own.study, "thresholds")
    assert is_of_the_paper(paper.study, "thresholds")
    assert {"fig1", "fig2"} <= set(exhibits(paper, ""))
    assert not {"fig1", "fig2", "fig6", "claims"} & set(exhibits(own, ""))


def test_what_is_folded_stands_with_its_experiment_and_not_with_the_claims():
    plan = make_plan(read_study(Path(__file__).parents[2] / "config/demo.yaml"))
    shown = exhibits(plan, "")
    assert shown["regime"].section == "Claims"
    assert not [name for name, exhibit in shown.items() if exhibit.section == "Claims" and exhibit.detail]
    assert shown["basins-scarce-labels"].section == shown["table1"].section == "Scarce labels"


def test_a_study_of_one_s_own_has_its_own_numbers_and_makes_no_claim_to_be_the_paper():
    own = {"first-one": {"folds": [0, 1]}, "softmatch": {}}
    plan = planned(**own, settings={"variants": [{"threshold": 0.9}, {"threshold": 0.95}]})
    shown = exhibits(plan, "")
    numbers = {kind: [shown[name].title for name in shown if shown[name].kind == kind] for kind in ("table", "figure")}
    for kind, titles in numbers.items():
        assert titles == [f"{kind.capitalize()} {number + 1}" for number in range(len(titles))]
    assert list(dict.fromkeys(exhibit.section for exhibit in shown.values()))[:3] == [
        "First one",
        "SoftMatch",
        "settings",  # as a title it would be the section of the paper's settings
    ]
    assert '"rebuilds_the_paper":false' in page_parameter(plan, shown)
    assert shown["means-first-one"].heading == "Errors: first-one. Mean over the runs"
    assert '"heading":"Errors. Mean over the runs"' in page_parameter(plan, shown)  # below the part's own heading
    paper = planned("CIFAR-10", shapes={})
    assert '"rebuilds_the_paper":true' in page_parameter(paper, exhibits(paper, ""))


def test_the_baseline_is_the_first_method_or_the_one_that_the_study_names():
    for given, expected in (({}, "fixmatch"), ({"baseline": "smooth-fixmatch"}, "smooth-fixmatch")):
        plan = planned(mine=given)
        exhibit = exhibits(plan, "")["means-mine"]
        assert exhibit.parameter(plan, "mine")["baseline"] == expected
    with pytest.raises(InputError, match=r"mine.baseline: expected one of methods \(fixmatch, smooth-fixmatch\)"):
        planned(mine={"baseline": "flexmatch"})


def test_conditions_are_in_every_caption_and_on_the_page_once_for_a_section():
    plan = planned("CIFAR-10", **{"scarce-labels": {"folds": [0, 1]}})
    table = exhibits(plan, "")["table1"]
    said = conditions(plan, "scarce-labels")
    assert "2 labels per class" in said
    assert exhibit_caption(plan, table) == f"{own_caption(plan, table)} {said}"
    assert said not in own_caption(plan, table)
    assert exhibit_conditions(plan, table) == {"scarce-labels": said}


def summary(path, sizes=(20, 40)):
    rows = [
        {"run": f"{method}{labels}{fold}", "method": method, "variant": "", "labels": labels, "fold": fold, "seed": 0,
         "network": "wrn-10-1", "threshold": threshold, "error_last": 0.1 + fold / 100 + labels / 1000}
        for method in PAIR for labels in sizes for fold in (0, 1) for threshold in (0.95,)
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_errors_by_fold_of_several_sizes_have_a_row_for_each_size_and_fold(tmp_path):
    table = folds_by_labels.build(
        {"titles": dict.fromkeys(PAIR, "M") | {"fixmatch": "F"}}, [summary(tmp_path / "a.csv")]
    )
    assert table.printed["labels, fold"].tolist() == ["20, 0", "20, 1", "40, 0", "40, 1"]
    assert table.printed["F"].tolist() == ["12.00", "13.00", "14.00", "15.00"]


def test_a_curve_by_labels_has_all_folds(tmp_path):
    given = {"titles": {"fixmatch": "F"}, "setting": "labels", "label": "number of labels"}
    _, shown = against.draw(given, [summary(tmp_path / "a.csv")])
    assert shown.groupby("labels")["mean"].first().tolist() == pytest.approx([0.125, 0.145])


@pytest.mark.parametrize(
    ("steps", "fitted"),
    [
        (2**20, (0.999, 0.999, 0.001, 5000, 1000)),
        (3000, (0.99, 0.99, 0.02, 60, 30)),
        (1, (0.5, 0.5, 0.5, 1, 1)),
    ],
)
def test_what_belongs_to_the_length_of_a_run_fits_it_unless_given(steps, fitted):
    names = ("ema", "prediction_ema", "batch_norm_momentum", "evaluate_every", "evaluate_late_every")
    settings = completed({"steps": steps})
    assert tuple(getattr(settings, name) for name in names) == fitted
    assert settings.overrides() == {"steps": steps}
    given = dict(zip(names, (0.9, 0.8, 0.1, 7, 3), strict=True))
    assert completed({"steps": steps} | given).model_dump(include=set(names)) == given


def test_runs_of_several_lengths_are_told_apart_by_their_steps_alone():
    plan = planned(mine={"variants": [{"steps": 300}, {"steps": 3000}]})
    paths = sorted({path.split("/")[4] for path in plan.experiments["mine"]})
    assert paths == ["steps=300", "steps=3000"]


def test_a_figure_gets_the_looks_of_methods_that_have_none_in_every_study(monkeypatch):
    for name in ("softmatch", "flexmatch"):
        monkeypatch.delitem(LOOKS, name)
    plan = planned(
        first={"methods": ["fixmatch", "softmatch"]}, second={"methods": ["fixmatch", "flexmatch"]}, third={}
    )
    shown = exhibits(plan, "")
    first, second, third = (
        exhibit_content(plan, shown[f"basins-{name}"])["given"].get("looks", {})
        for name in ("first", "second", "third")
    )
    assert (list(first), list(second), third) == (["softmatch"], ["flexmatch"], {}), (
        "figures of others stay as they are"
    )
    assert first["softmatch"] != second["flexmatch"]
    assert look_of("softmatch", json.loads(json.dumps({"looks": first}))) == first["softmatch"]
    assert "looks" not in exhibit_content(plan, shown["means-first"])["given"]
