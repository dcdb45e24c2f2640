"""A study with mistakes is refused in clear lines, whatever the mistakes are, and runs no code.

A longer campaign: pytest tests/unit/test_hostile_studies.py --hypothesis-profile=campaign
"""

import copy
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spl.campaign.jobs import jobs
from spl.campaign.parameters import page_parameter
from spl.campaign.requests import run_requests
from spl.errors import InputError
from spl.paper.selection import exhibits
from spl.study.plan import make_plan
from spl.study.reading import check_study, read_study, read_yaml

ROOT = Path(__file__).parents[2]
NAMES = ("config/demo.yaml", "tests/studies/tiny.yaml")
STUDIES = {name: yaml.safe_load((ROOT / name).read_text()) for name in NAMES}
LINE = re.compile(r"study\.yaml(:\d+)?: .+")


def places(node, path=()):
    """The path of every value in a study, from above."""
    yield path
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield from places(value, (*path, key))


KEYS = sorted({key for study in STUDIES.values() for path in places(study) for key in path if isinstance(key, str)})
MORE_KEYS = ["root", "side", "power", "lambda_max", "", "a.b", "{x}", "a\nb", 1, None, True, 0.5]
WRONG_VALUES = [
    None, True, 0, -1, 10**30, 0.5, 1e308, float("nan"), float("inf"), "", "../x", "a" * 300, "{x}", "%s", "calibrated",
    "wrn-10-1", "digits", "image-folder", "cifar-10", [], {}, [[]], {1: 2}, [0, 1], [1, 1], ["fixmatch"],
    {"fixmatch": None}, [{"power": 2}, {}], {"scheme": ["balanced"]}, {"scheme": "full"},
    {"scheme": "balanced", "per_class": 2}, {"scheme": "random", "labels": [20, 30]},
]  # fmt: skip


@st.composite
def mutated(draw, study):
    """A study with one to three mistakes: values and keys replaced, removed or added."""
    study = copy.deepcopy(study)
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from([path for path in places(study) if path]))
        at = study
        for key in above:
            at = at[key]
        match draw(st.sampled_from(["value", "remove", "rename", "add"])):
            case "value":
                at[last] = copy.deepcopy(draw(st.sampled_from(WRONG_VALUES)))
            case "remove":
                del at[last]
            case "rename" if isinstance(at, dict):
                at[draw(st.sampled_from([*KEYS, *MORE_KEYS]))] = at.pop(last)
            case "add" if isinstance(at[last], dict):
                new = copy.deepcopy(draw(st.sampled_from(WRONG_VALUES)))
                at[last][draw(st.sampled_from([*KEYS, *MORE_KEYS]))] = new
        if not study:
            break
    return study


def refusal(read):
    """The lines that refuse a study; none if all of it can be planned."""
    try:
        plan = make_plan(read())
        shown = exhibits(plan, "study.yaml")
        run_requests(plan), jobs(plan, shown), page_parameter(plan, shown)
    except InputError as error:
        return str(error).split("\n")
    return []


def check(lines):
    for line in lines:
        assert LINE.fullmatch(line), line
        assert line.isprintable(), "nothing that a terminal would obey"
        assert len(line) < 1000


@settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_mutated_study_is_planned_or_refused(data):
    study = data.draw(mutated(STUDIES[data.draw(st.sampled_from(NAMES))]))
    check(refusal(lambda: check_study(study, "study.yaml")))


WRONG = {
    "an impossible date": ("title: 2020-13-45", "study.yaml:1: month must be in 1..12"),
    "a tag of Python": ("x: !!python/object/apply:os.system [a]", "study.yaml:1: could not determine a constructor"),
    "a terminal's commands": ('"\\e[2J": 1', r"study.yaml: \x1b[2J: unknown key"),
    "lists in lists": ("x: " + "[" * 5000, "study.yaml: not YAML: maximum recursion depth"),
    "a list that holds itself": ("title: &a [*a]", "study.yaml: title: expected text, got [[["),
    "a number that counts in eights": (
        "name: a\nx: 0150",
        "study.yaml:2: 0150: YAML reads this as 104; write 104 or 150",
    ),
    "one below zero": ("x: -010", "study.yaml:1: -010: YAML reads this as -8; write -8 or -10"),
    "one among others": ("x: [07, 08, 010]", "study.yaml:1: 010: YAML reads this as 8; write 8 or 10"),
    "a number that counts in sixties": (
        "x: 1:30",
        "study.yaml:1: 1:30: YAML reads this as 90; write 90, or quotes around",
    ),
    "one with a point": ("x: 1:30.5", "study.yaml:1: 1:30.5: YAML reads this as 90.5; write 90.5, or quotes around"),
    "a mapping merged into another": ("x: &x {a: 1}\ny: {<<: *x}", "study.yaml:2: <<: expected no merged mappings"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_file_is_refused_with_the_place_of_its_mistake(tmp_path, monkeypatch, what):
    text, expected = WRONG[what]
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(text)
    lines = refusal(lambda: read_study(Path("study.yaml")))
    check(lines)
    assert any(line.startswith(expected) for line in lines), lines


PLAIN = {
    "0": 0,
    "-3": -3,
    "10": 10,
    "0.5": 0.5,
    "0x96": 150,
    "1_000": 1000,
    "07": 7,
    "08": "08",
    "00:x": "00:x",
    '"010"': "010",
}


@pytest.mark.parametrize("text", PLAIN)
def test_a_number_that_everybody_reads_alike_is_read(tmp_path, text):
    (tmp_path / "study.yaml").write_text(f"x: {text}")
    assert read_yaml(tmp_path / "study.yaml") == {"x": PLAIN[text]}
