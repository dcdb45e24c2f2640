"""Whatever a study says, it is planned or refused in clear lines, and nothing is written.

A longer campaign: pytest tests/unit/test_hostile_studies.py --hypothesis-profile=campaign
"""

import copy
import datetime
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spl.campaign.jobs import jobs
from spl.campaign.requests import run_requests
from spl.errors import InputError
from spl.page.parameter import page_parameter
from spl.paper.selection import exhibits
from spl.study.plan import make_plan
from spl.study.reading import check_study, read_study

ROOT = Path(__file__).parents[2]
NAMES = ("config/demo.yaml", "config/paper.yaml", "tests/studies/whole.yaml", "tests/studies/tiny.yaml")
STUDIES = {name: yaml.safe_load((ROOT / name).read_text()) for name in NAMES}
LINE = re.compile(r"study\.yaml(:\d+)?: .+")


def places(node, path=()):
    """The path of every value in a study, from above."""
    yield path
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield from places(value, (*path, key))


KEYS = sorted({key for study in STUDIES.values() for path in places(study) for key in path if isinstance(key, str)})
MORE_KEYS = ["root", "side", "power", "lambda_max", "", "a.b", "{x}", "a\nb", "\x1b[31m", "\u202e", 1, None, True, 0.5]
HOSTILE = [
    None, True, 0, -1, 1, 2, 10**30, 10**400, -(10**400), 16**5000, 2**63, 0.5, 5e-324, 1e308, float("nan"),
    float("inf"), -float("inf"), "", " ", "\0", "a\nb", "\u2028", "\x1b[2J", "../x", "/", "~nobody/x", "a" * 5000,
    "{0}", "{x}", "%s", "1", "1e3", "calibrated", "9" * 5000, "wrn-" + "9" * 5000 + "-1", "wrn-10-1", "resnet-18",
    "digits", "image-folder", "cifar-10", b"bytes", datetime.date(2020, 1, 1), {"a"}, ("x",), [], {}, [[]], [{}],
    {1: 2}, {None: None}, [0], [0, 1], [1, 1], ["{x}", "{x}"], ["fixmatch"], {"fixmatch": None}, [{"power": 2}, {}],
    {"scheme": ["balanced"]}, {"scheme": "full"}, {"scheme": "proportional", "part": 1e-300},
    {"scheme": "balanced", "per_class": 2}, {"scheme": "random", "labels": [20, 30]},
]  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
VALUES = st.sampled_from(HOSTILE).map(copy.deepcopy) | ANYTHING


def nested(depth):
    """Lists in lists."""
    return [] if depth == 0 else [nested(depth - 1)]


@st.composite
def mutated(draw, study):
    """A study with one to three mistakes: values and keys replaced, removed, added, moved, wrapped."""
    study = copy.deepcopy(study)
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from([path for path in places(study) if path]))
        at = study
        for key in above:
            at = at[key]
        match draw(st.sampled_from(["value", "remove", "rename", "add", "move", "wrap", "deep"])):
            case "value":
                at[last] = draw(VALUES)
            case "remove":
                del at[last]
            case "rename" if isinstance(at, dict):
                at[draw(st.sampled_from([*KEYS, *MORE_KEYS]))] = at.pop(last)
            case "add" if isinstance(at[last], dict):
                at[last][draw(st.sampled_from([*KEYS, *MORE_KEYS]))] = draw(VALUES)
            case "add" if isinstance(at[last], list):
                at[last].append(draw(VALUES))
            case "move":
                found = study
                for key in draw(st.sampled_from(list(places(study)))):
                    found = found[key]
                at[last] = copy.deepcopy(found)
            case "wrap":
                at[last] = [at[last]]
            case "deep":
                at[last] = nested(200)
        if not isinstance(study, dict) or not study:
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


BOUNDED = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", NAMES)
@BOUNDED
@given(data=st.data())
def test_a_mutated_study_is_planned_or_refused(name, data):
    study = data.draw(mutated(STUDIES[name]))
    check(refusal(lambda: check_study(study, "study.yaml")))


PIECES = [
    *"[]{}:,&*!|>%@`'\"?#-", "\n", "\t", "\0", "\ufeff", "\ud800", "&a ", "*a", "<<: *a", "!!int ", "!!map ", 
    "!!timestamp ",
    "!!python/name:os.system ", "---\n", "...\n", "? ", "0x_", "2020-13-45", "9" * 5000, "0x" + "f" * 5000, '"\\ud800"',
    '"\\0"', "[" * 2000, "{a: " * 1000, "~", "yes", ".nan", ".inf", "1:60:99", "0b_", "=", "\u2028", "é",
]  # fmt: skip


@BOUNDED
@given(data=st.data())
def test_a_mutilated_file_is_planned_or_refused(tmp_path_factory, data):
    text = (ROOT / data.draw(st.sampled_from(NAMES))).read_text()
    for _ in range(data.draw(st.integers(1, 3))):
        begin = data.draw(st.integers(0, len(text)))
        end = begin + data.draw(st.integers(0, 30))
        text = text[:begin] + data.draw(st.sampled_from(PIECES)) + text[end:]
    folder = tmp_path_factory.getbasetemp()
    (folder / "study.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        check(refusal(lambda: read_study(Path("study.yaml"))))


MINIMAL = "{first}name: {name}\ntitle: {title}\ndatasets: {{d: {data}}}\nexperiments: {{}}\n{more}"
PLAIN = {"first": "", "name": "a", "title": "T", "data": "{source: digits}", "more": ""}
LAUGHS = "assumed:\n  a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"  a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 12)
)
WRONG = {
    "a date that is none": ({"title": "2020-13-45"}, ":2: month must be in 1..12"),
    "a number of 5,000 digits": ({"title": "9" * 5000}, ":2: Exceeds the limit (4300 digits)"),
    "the same in hexadecimal": ({"more": f"fold_seeds: [0x{'f' * 5000}]"}, "fold_seeds.0: expected at most 9223372"),
    "no digits": ({"more": "fold_seeds: [0x_]"}, ":5: invalid literal for int"),
    "a list that is called a mapping": ({"more": "x: !!map [a]"}, ":5: expected a mapping node, but found sequence"),
    "a tag that Python stumbles over": ({"more": "x: !!timestamp z"}, ":5: "),
    "half a letter": ({"title": '"\\ud800"'}, ":2: 'utf-8' codec can't encode"),
    "a line break in a key": ({"more": '"a\\nb": 1'}, r"a\nb: unknown key; expected one of name, title"),
    "a terminal's commands": ({"more": '"\\e[2J": 1'}, r"\x1b[2J: unknown key"),
    "lists in lists": ({"more": "x: " + "[" * 5000}, "not YAML: maximum recursion depth"),
    "a billion laughs": ({"first": LAUGHS, "title": "*a11"}, "title: expected text, got [[["),
    "itself": ({"title": "&a [*a]"}, "title: expected text, got [[["),
    "a name as long as no file's": ({"name": "a" * 300}, "name: expected at most 100 letters, got"),
    "a path with a zero": ({"data": '{source: image-folder, side: 8, root: "a\\0"}'}, "datasets.d.root: embedded"),
    "the home of nobody": ({"data": "{source: cifar-10, root: ~nobody-here/x}"}, "datasets.d.root: Could not"),
    "a path that is too long": ({"data": f"{{source: cifar-10, root: /{'a' * 5000}}}"}, "datasets.d.root: File name"),
    "a path in lines": ({"data": '{source: cifar-10, root: "/a\\nb"}'}, r"datasets.d.root: /a\nb/"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_python_stumbles_over_is_refused_with_its_place(tmp_path, monkeypatch, what):
    changed, expected = WRONG[what]
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(MINIMAL.format(**PLAIN | changed))
    lines = refusal(lambda: read_study(Path("study.yaml")))
    check(lines)
    assert any(line.startswith(("study.yaml" + expected, "study.yaml: " + expected)) for line in lines), lines
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]


def test_two_variants_of_which_only_one_would_be_trained_are_refused():
    study = copy.deepcopy(STUDIES["config/demo.yaml"])
    study["experiments"]["strong-supervision"]["variants"].append({})
    [line] = refusal(lambda: check_study(study, "study.yaml"))
    assert line == (
        "study.yaml: experiments.strong-supervision.variants.2: expected other settings of fixmatch than before it"
    )
