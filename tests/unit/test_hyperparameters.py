"""Tables of settings."""

import json
from pathlib import Path

import pytest

from spl.errors import InputError
from spl.paper.parameters import settings_columns
from spl.study.plan import make_plan
from spl.study.reading import read_study
from spl.tables import hyperparameters
from spl.tables.layout import save_table

COLUMNS = [
    {
        "title": "CIFAR-10",
        "settings": {"network": "wrn-28-2", "steps": 1048576, "weight_decay": 0.0005, "lambda_u": "calibrated"},
        "assumed": ["steps"],
        "calibration": "cifar-10/smooth-fixmatch",
    },
    {"title": "FixMatch", "settings": {"steps": 1000, "lambda_u": 1.0, "flip": True}, "assumed": [], "calibration": ""},
]


@pytest.fixture
def inputs(tmp_path):
    paths = [tmp_path / data / "smooth-fixmatch.json" for data in ("cifar-100", "cifar-10")]
    for path, weight in zip(paths, (3.0, 1.625), strict=True):
        path.parent.mkdir()
        path.write_text(json.dumps({"weights": {"lambda_u": weight, "lambda_max": 0.5}}))
    return paths


def test_what_was_assumed_and_what_was_calibrated_is_marked(inputs):
    printed = hyperparameters.build({"columns": COLUMNS}, inputs).printed
    assert printed.to_dict("list") == {
        "": ["network", "steps", "weight decay", "λ_u", "flip"],
        "CIFAR-10": ["wrn-28-2", "1,048,576*", "0.0005", "1.625†", "–"],
        "FixMatch": ["–", "1,000", "–", "1", "yes"],
    }


def test_the_tidy_file_says_where_a_value_comes_from(inputs):
    tidy = hyperparameters.build({"columns": COLUMNS}, inputs).tidy.set_index(["column", "setting"])
    assert tidy.loc[("CIFAR-10", "lambda_u")].tolist() == [1.625, "calibrated"]
    assert tidy.loc[("CIFAR-10", "steps")].tolist() == [1048576, "assumed"]
    assert tidy.loc[("FixMatch", "lambda_u")].tolist() == [1.0, "given"]


def test_the_marks_reach_latex(inputs, tmp_path):
    save_table(hyperparameters.build({"columns": COLUMNS}, inputs), "Table 14", "", tmp_path / "table14")
    assert r"$\lambda_u$ & 1.625$\dagger$ & 1 \\" in (tmp_path / "table14.tex").read_text()


def test_a_file_that_is_no_calibration_is_a_mistake_with_its_name(inputs):
    inputs[1].write_text("{}")
    with pytest.raises(InputError, match="not a calibration"):
        hyperparameters.build({"columns": COLUMNS}, inputs)


def test_a_setting_that_is_not_set_is_no_row():
    path = Path(__file__).parents[2] / "config/demo.yaml"
    columns = settings_columns(make_plan(read_study(path)), "scarce-labels")["columns"]
    assert [column["settings"]["lambda_u"] for column in columns] == ["calibrated"]
    assert "stop" not in columns[0]["settings"]
