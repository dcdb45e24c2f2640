"""A wrong study ends in one line that names file, key and expectation."""

import json
import os
import shutil
from pathlib import Path
from time import process_time

import pytest
import yaml

from spl.audit.planned import plan_study
from spl.errors import InputError
from spl.study.plan import make_plan
from spl.study.reading import check_study, read_study
from spl.study.schema import Study
from spl.study.settings import Settings

DEMO = Path(__file__).parents[2] / "config" / "demo.yaml"
PROTOCOL = Path(__file__).parents[1] / "studies" / "protocol.yaml"


PROTOCOL_THRESHOLDS = yaml.safe_load(PROTOCOL.read_text())["experiments"]["thresholds"]


def changed(path, value):
    """The demo study with the value at a dotted path replaced; a value of None removes the key."""
    study = yaml.safe_load(PROTOCOL.read_text())
    at = study
    *above, last = path.split(".")
    for key in above:
        at = at[key]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return study


def test_the_demo_is_a_study():
    assert len(make_plan(read_study(DEMO)).experiments["scarce-labels"]) == 18


WRONG = {
    "name": ("Demo Study", "name:", "lower-case letters, digits and dashes"),
    "titel": ("x", "titel:", "did you mean 'title'?"),
    "title": (None, "title:", "missing"),
    "fold_seeds": ([0, 1, 1], "fold_seeds:", "1 is listed twice"),
    "training.treshold": (0.9, "training.treshold:", "did you mean 'threshold'?"),
    "training.threshold": (1, "training.threshold:", "less than 1"),
    "training.steps": ("many", "training.steps:", "expected a whole number, got 'many'"),
    "training.batch": (0, "training.batch:", "at least 1, got 0"),
    "training.ema": (True, "training.ema:", "expected a number, not yes/no"),
    "training.lambda_u": (float("nan"), "training.lambda_u:", "expected a number of at least 0, or 'calibrated'"),
    "training.network": ("wrn-12-2", "training.network:", "DEPTH = 10, 16, 22"),
    "datasets.digits.source": ("mnist", "datasets.digits.source:", "expected one of cifar-10, cifar-100, digits"),
    "datasets.digits.training.crop_padding": (8, "datasets.digits.training.crop_padding:", "less than 8, the side"),
    "experiments.scarce-labels.dataset": ("cifar10", "experiments.scarce-labels.dataset:", "not under datasets"),
    "experiments.scarce-labels.folds": ([0, 6], "experiments.scarce-labels.folds:", "expected 0 to 5"),
    "experiments.random-labels.folds": ("0–5", "random-labels.folds:", "numbers, such as [0, 1] or 0-19, got '0–5'"),
    "experiments.scarce-labels.seeds": ([], "experiments.scarce-labels.seeds:", "at least 1"),
    "experiments.scarce-labels.methods": (["fixmach"], "methods.fixmach:", "did you mean 'fixmatch'?"),
    "methods.fixmatch": ({"power": 2}, "methods.fixmatch.power:", "does not use power"),
    "methods.smooth-fixmatch-sq": ({"thresold": 0.9}, "methods.smooth-fixmatch-sq.thresold:", "mean 'threshold'?"),
    "datasets.digits.calibration": ({"steps": 10}, "calibration.split:", "missing"),
    "datasets.digits.calibration.steps": (5, "datasets.digits.calibration.steps:", "at least 10, got 5"),
    "datasets.digits.calibration.folds": ([0, 6], "datasets.digits.calibration.folds:", "expected 0 to 5"),
    "datasets.digits-25.calibration.steps": (25, "datasets.digits-25.calibration.steps:", "a multiple of 10, got 25"),
    "datasets.digits-25.calibration.folds": ([0, 0], "datasets.digits-25.calibration.folds:", "0 is listed twice"),
    "methods": ({"fixmatch": {"steps": 200}}, "digits.calibration.steps:", "300: expected at most 200, the steps of"),
    "training.stop": (601, "experiments.scarce-labels:", "stop 601: expected at most 600, the steps of fixmatch"),
    "datasets.digits.resources": ({"memory": 1}, "resources.memory:", "expected one of mem_mb, runtime"),
    "experiments.scarce-labels.resources": ({"runtime": 0}, "scarce-labels.resources.runtime:", "at least 1, got 0"),
    "training.tf32": (True, "experiments.scarce-labels:", "tf32: expected false on the CPU"),
    "training.processes": (3, "experiments.scarce-labels:", "batch 8: expected a multiple of 3 processes"),
    "training.evaluate_every": (1.5, "training.evaluate_every:", "expected steps, a whole number from 1"),
    "training.evaluate_late_every": (1.0, "training.evaluate_late_every:", "a fraction of steps below 1"),
    "experiments.strong-supervision.training": ({"evaluate_every": 0}, "evaluate_every:", "a whole number from 1"),
    "experiments.scarce-labels.split": ({"scheme": "balanced", "per_class": 125}, "split.per_class:", "at most 124"),
    "experiments.scarce-labels.split.per_class": (0, "split.per_class:", "expected at least 1, got 0"),
    "experiments.scarce-labels.split.scheme": ("even", "split:", "one of balanced, proportional, random, full"),
    "experiments.random-labels.split.labels": ([20, 1298], "split.labels:", "at most 1297"),
    "experiments.scarce-labels.variants": ([{"power": 2}], "variants.0.power:", "does not use power"),
    "experiments.scarce-labels.training": ({"crop_padding": 9}, "experiments.scarce-labels:", "less than 8, the side"),
    "experiments.strong-supervision.variants": ([{"network": "wrn-10-1"}, {}], "variants.1:", "as variants.0 for fixm"),
    "experiments.thresholds.variants": ([{"threshold": 0.9}, {}, {"threshold": 0.9}],
        "experiments.thresholds.variants.2:", "the same as variants.0; expected other settings"),
    "basins.collapsed": (0.9, "basins:", "collapsed <= recall <= partly_collapsed"),
    "basins.recall": (0.6, "basins:", "collapsed <= recall <= partly_collapsed"),
    "assumed": ({"training.lamda_u": "?"}, "assumed.training.lamda_u:", "no such key"),
}  # fmt: skip


@pytest.mark.parametrize("path", WRONG)
def test_a_mistake_is_one_line_with_file_key_and_expectation(path):
    value, key, expectation = WRONG[path]
    with pytest.raises(InputError) as caught:
        check_study(changed(path, value), "my-study.yaml")
    message = str(caught.value)
    assert message.count("\n") == 0, message
    assert message.startswith("my-study.yaml: ")
    assert key in message
    assert expectation in message


ABLATION = {
    "dataset": "digits", "split": {"scheme": "balanced", "per_class": 2}, "methods": ["fixmatch", "smooth-fixmatch"],
}  # fmt: skip
CALIBRATION = (
    "datasets.digits.calibration: missing; smooth-fixmatch of experiments.mine calibrates lambda_u (or give lambda_u a "
    "number there)"
)


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ({}, ["name, title, datasets, experiments: missing; every study needs them"]),
        ({"experiments": {"mine": ABLATION}}, ["name, title, datasets.digits.source: missing; every study needs them",
                                               CALIBRATION]),
        ({"name": "a", "title": "A", "datasets": {"digits": {}}, "experiments": {"mine": ABLATION}},
         ["datasets.digits.source: missing; every study needs it", CALIBRATION]),
        ({"name": "a", "title": "A", "datasets": {"digits": {"source": "digits"}, "other": {"source": "digits"}},
          "experiments": {"mine": ABLATION, "more": ABLATION | {"dataset": "other"}}},
         [CALIBRATION, CALIBRATION.replace("datasets.digits", "datasets.other").replace("mine", "more")]),
        ({"name": "A", "experiments": {"mine": {"split": 3}}},
         ["title, datasets, experiments.mine.dataset: missing; every study needs them",
          "name: expected lower-case letters, digits and dashes, got 'A'",
          "experiments.mine.split: expected a mapping, got 3"]),
        ({"experiments": 3}, ["name, title, datasets: missing; every study needs them",
                              "experiments: expected a mapping, got 3"]),
    ],
)  # fmt: skip
def test_whatever_a_study_lacks_is_told_at_once(content, lines):
    with pytest.raises(InputError) as caught:
        check_study(content, "study.yaml")
    assert str(caught.value).splitlines() == [f"study.yaml: {line}" for line in lines]


def test_a_variant_may_set_a_default_that_another_one_leaves_to_the_experiment():
    changes = {"training": {"threshold": 0.9}, "variants": [{}, {"threshold": Settings().threshold}]}
    study = check_study(changed("experiments.thresholds", PROTOCOL_THRESHOLDS | changes), "study.yaml")
    assert len(study.experiments["thresholds"].variants) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [("name: a\nname: b\n", ":2: 'name' is given twice"), ("name: [a\n", ":2: "), ("- a\n", "expected a mapping")],
)
def test_a_file_that_is_no_study_is_named_with_its_line(tmp_path, monkeypatch, text, expected):
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(text)
    with pytest.raises(InputError, match="study.yaml") as caught:
        read_study(Path("study.yaml"))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


HUGE = {
    "in sixteens": f"0x{'F' * 5000}",
    "in eights": "0" * 5000,
    "in sixties": f"1{':30' * 5000}",
    "in tens": "9" * 5000,
}
KEYS = ["title: {}", "name: [{}]", "? {}\n: 1", "name: {{a: {}}}", "fold_seeds: [{}, {}]"]


@pytest.mark.parametrize("number", HUGE)
@pytest.mark.parametrize("key", KEYS)
def test_a_number_of_thousands_of_digits_is_named_with_its_line(tmp_path, monkeypatch, number, key):
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(f"training: {{}}\n{key.format(*[HUGE[number]] * 2)}\n")
    with pytest.raises(InputError, match=r"^study.yaml:2: .{20}\.\.\.: expected a number of at most 100 digits$"):
        read_study(Path("study.yaml"))


def test_a_study_of_holes_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Path("study.yaml").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(InputError, match=r"^study.yaml: expected a study, of at most 1,048,576 bytes$"):
        read_study(Path("study.yaml"))


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("seeds", "0-999", r"experiments: expected at most 10,000 runs, got [\d,]+; make several studies of them$"),
        ("folds", [f"{n}000-{n}999" for n in range(1, 12)], "folds: expected at most 10000 numbers, got "),
        ("methods", [["fixmatch"]], "methods: expected names of methods, got "),
    ],
)
def test_a_few_lines_that_ask_for_more_than_anybody_can_plan_are_refused(key, value, told):
    """Lists within lists that repeat each other have no end when they are written out."""
    with pytest.raises(InputError, match=told):
        check_study(changed(f"experiments.scarce-labels.{key}", value), "study.yaml")


def test_which_of_many_numbers_is_listed_twice_is_found_at_once():
    labels = changed("experiments.random-labels.split.labels", [*range(1, 200_000), 199_999])
    begun = process_time()
    with pytest.raises(InputError, match="labels: 199999 is listed twice"):
        check_study(labels, "study.yaml")
    assert process_time() - begun < 20, "one by one it takes many minutes"


def test_what_others_call_their_studies_is_found_whatever_else_they_hold(tmp_path, monkeypatch):
    """A few mappings that are merged into one another have more keys than there is memory."""
    monkeypatch.chdir(tmp_path)
    Path("config").mkdir()
    merged = "".join(f"m{level}: &m{level} {{<<: [{', '.join([f'*m{level - 1}'] * 9)}]}}\n" for level in range(1, 10))
    Path("config/bomb.yaml").write_text(f"m0: &m0 {{a: 1, b: 2, c: 3}}\n{merged}name: bomb\n")
    Path("config/holes.yaml").touch()
    os.truncate("config/holes.yaml", 2**40)
    shutil.copy(DEMO.parents[1] / "tests/studies/tiny.yaml", "config/tiny.yaml")
    assert plan_study(None, "results/tiny/paper.html").file == Path("config/tiny.yaml")
    with pytest.raises(InputError, match=r"^config/bomb.yaml:2: <<: expected no merged mappings"):
        plan_study(None, "results/bomb/paper.html")


def test_the_schema_for_editors_is_the_one_of_the_code():
    assert json.loads((DEMO.parent / "study.schema.json").read_text()) == Study.model_json_schema()


def test_an_absent_file_is_named():
    with pytest.raises(InputError, match="nowhere.yaml: cannot be read: No such file"):
        read_study(Path("nowhere.yaml"))


def test_a_pipe_in_the_place_of_a_study_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("config").mkdir()
    os.mkfifo("config/mine.yaml")
    with pytest.raises(InputError, match=r"^config/mine\.yaml: cannot be read: expected a file$"):
        read_study(Path("config/mine.yaml"))
    with pytest.raises(InputError, match=r"^results/mine/paper\.html: no study below config/ is called mine;"):
        plan_study(None, "results/mine/paper.html")


def test_numbers_may_be_written_as_people_write_them():
    assert Settings(weight_decay="5e-4").weight_decay == 5e-4
    assert (Settings(evaluate_every="5e-3").evaluate_every, Settings(evaluate_every="20").evaluate_every) == (0.005, 20)
    assert Settings(lambda_u="5e-1", lambda_max="1e1").lambda_u == 0.5
    assert Settings(steps="1e4", stop="2e3").steps == 10_000
    for key in ("lambda_u", "learning_rate", "threshold", "evaluate_every"):
        for refused in ("inf", "nan", "-1e0", "5e", "1e400", ""):
            with pytest.raises(ValueError, match="expected|should"):
                Settings(**{key: refused})
    with pytest.raises(ValueError, match="whole number|integer"):
        Settings(steps="15e-1")
    for refused in (True, float("nan"), -0.1, "often", 2**63):
        with pytest.raises(ValueError, match="expected steps, a whole number from 1"):
            Settings(evaluate_every=refused)


def test_the_defaults_are_the_public_recipe():
    recipe = Settings()
    assert (recipe.steps, recipe.batch, recipe.mu, recipe.threshold) == (2**20, 64, 7, 0.95)
    assert (recipe.learning_rate, recipe.momentum, recipe.weight_decay, recipe.ema) == (0.03, 0.9, 5e-4, 0.999)
    assert (recipe.evaluate_every, recipe.evaluate_late_every) == (5000, 1000)
