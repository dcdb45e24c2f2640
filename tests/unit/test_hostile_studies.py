"""A study with mistakes is refused in clear lines, whatever the mistakes are, and runs no code.

A longer campaign: pytest tests/unit/test_hostile_studies.py --hypothesis-profile=campaign
"""

import copy
import re
from pathlib import Path

import pytest
import yaml
from hostile import HIDDEN, hidden, visible
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spl.campaign.jobs import jobs
from spl.campaign.parameters import page_parameter
from spl.campaign.requests import run_requests
from spl.errors import InputError
from spl.paper.selection import exhibits
from spl.study.plan import make_plan
from spl.study.reading import check_study, read_study, read_yaml
from spl.study.schema import Study
from spl.text.printable import is_printable

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
        assert is_printable(line), "nothing that a terminal would obey"
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


SCHEMA = Study.model_json_schema()
KEY = "<key>"


def texts_of(schema, path=()):
    """The place of every text that the schema leaves open, whatever field it is: values, and keys of mappings."""
    if name := schema.get("$ref"):
        schema = SCHEMA["$defs"][name.rsplit("/", 1)[1]]
    if schema.get("type") == "string" and not schema.keys() & {"pattern", "enum", "const"}:
        yield path
    for one in [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]:
        yield from texts_of(one, path)
    for name, one in schema.get("properties", {}).items():
        yield from texts_of(one, (*path, name))
    for pattern, one in {"": schema.get("additionalProperties"), **schema.get("patternProperties", {})}.items():
        if isinstance(one, dict):
            yield from [(*path, KEY)] * (not pattern and "pattern" not in schema.get("propertyNames", {}))
            yield from texts_of(one, (*path, ""))
    if "items" in schema:
        yield from texts_of(schema["items"], (*path, 0))


TEXTS = sorted(set(texts_of(SCHEMA)))


def with_text(study, path, text):
    """A study with a text in one place; where it has nothing, keys of its own are put there."""
    study = at = copy.deepcopy(study)
    for part, following in zip(path, [*path[1:], None], strict=True):
        last = following is None
        if part == KEY and isinstance(at, list):
            at.append(text)
            return study
        if part == KEY:
            at[text] = next(iter(at.values()), "x")
            return study
        if part == "":
            part = next(iter(at), "basins.recall")
        if isinstance(at, list):
            at[0:0] = [text] if last else [{}]
        elif last:
            at[part] = text
        elif not isinstance(at.get(part), dict | list):
            at[part] = {}
        at = at[part]
    return study


def test_the_texts_of_a_study_are_found_in_its_schema():
    assert {("title",), ("datasets", "", "root"), ("datasets", "", "stands_in_for"), ("assumed", "")} < set(TEXTS)
    assert ("assumed", KEY) in TEXTS
    assert ("name",) not in TEXTS, "it has a pattern"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: ".".join(map(str, path)))
@settings(derandomize=True, deadline=None, max_examples=len(HIDDEN), suppress_health_check=list(HealthCheck))
@given(text=hidden)
def test_a_text_that_is_no_printable_line_is_refused_in_one_printable_line_wherever_it_stands(path, text):
    lines = refusal(lambda: check_study(with_text(STUDIES["config/demo.yaml"], path, text), "study.yaml"))
    assert len(lines) == 1
    check(lines)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: ".".join(map(str, path)))
@settings(derandomize=True, deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
@given(text=visible)
def test_a_text_of_markup_is_planned_or_refused(path, text):
    check(refusal(lambda: check_study(with_text(STUDIES["tests/studies/tiny.yaml"], path, text), "study.yaml")))


TITLE = "study.yaml: title: expected one line without control characters, got "
LINES = {"a\nb": TITLE + r"'a\nb'", "a\u202eb": TITLE + r"'a\u202eb'", "a" * 99 + "\x1b": TITLE + "'" + "a" * 59}


@pytest.mark.parametrize("title", LINES, ids=ascii)
def test_a_line_break_in_a_title_is_refused_with_file_key_and_expectation(title):
    assert refusal(lambda: check_study(STUDIES["config/demo.yaml"] | {"title": title}, "study.yaml")) == [LINES[title]]


@pytest.mark.parametrize("name", ["a\u202eb", "a\u200bb", "a\x85b", "a\nb", "\udcff"], ids=ascii)
def test_a_class_whose_name_cannot_be_printed_is_refused_in_one_line(tmp_path, name):
    for part in ("train", "test"):
        for label in (name, "other"):
            (tmp_path / part / label).mkdir(parents=True)
            (tmp_path / part / label / "0.png").touch()
    study = copy.deepcopy(STUDIES["tests/studies/tiny.yaml"])
    study["datasets"]["digits"] |= {"source": "image-folder", "root": str(tmp_path), "side": 8}
    [line] = refusal(lambda: check_study(study, "study.yaml"))
    assert line.startswith("study.yaml: datasets.digits.root: ")
    assert "without control characters" in line
    check([line])


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
