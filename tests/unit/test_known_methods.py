"""A file that is no sound method is told in one line with file, name and expectation."""

import sys

import pytest

from spl.methods.registry import METHODS
from spl.registry import Registry
from spl.study import known_methods
from spl.study.known_methods import COMMON, METHOD_SETTINGS, method_problem
from spl.study.settings import Settings

HEAD = "from spl.methods.indicator import reaches\nfrom spl.methods.method import Method\n\n"
FILES = {
    "sound": 'METHOD = Method("Sound", reaches, reads=("power", "steps"))',
    "shared_only": 'OTHER = Method("Other", reaches)',
    "with-dashes": 'METHOD = Method("Dashes", reaches)',
    "a_number": "METHOD = 3",
    "half_written": 'METHOD = Method("Half"',
    "no_weight": 'METHOD = Method("No weight")',
    "unknown_reads": 'METHOD = Method("Unknown", reaches, reads=("thresold",))',
    "one_name": 'METHOD = Method("One", reaches, reads=("power"))',
    "other_view": 'METHOD = Method("View", reaches, learns="storng")',
    "unknown_default": 'METHOD = Method("Default", reaches, defaults={"thresold": 0.9})',
    "wrong_default": 'METHOD = Method("Default", reaches, defaults={"threshold": 2})',
    "no_partner": 'METHOD = Method("Partner", reaches, calibration=("fixmach", "no-partner"))',
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of methods in place of the project's."""
    folder = tmp_path / "added"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / f"{name}.py").write_text(HEAD + content + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(known_methods, "METHODS", Registry("added", folder, "METHOD"))
    monkeypatch.setattr(known_methods, "FOLDER", folder)
    monkeypatch.setattr(known_methods, "PROJECT", tmp_path)
    method_problem.cache_clear()
    yield folder
    method_problem.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] == "added"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("shared-only", "added/shared_only.py: METHOD: missing; expected METHOD = Method(...)"),
        ("shared_only", "added/shared_only.py: METHOD: missing; expected METHOD = Method(...)"),
        ("with-dashes", "added/with-dashes.py: expected the name with_dashes.py, which Python can import"),
        ("a-number", "added/a_number.py: METHOD: expected a Method(...), got 3"),
        ("half-written", "added/half_written.py: cannot be imported: SyntaxError: '(' was never closed "
                         "(half_written.py, line 4)"),
        ("no-weight", "added/no_weight.py: cannot be imported: TypeError: Method.__init__() missing 1 required "
                      "positional argument: 'weight'"),
        ("unknown-reads", "added/unknown_reads.py: reads: unknown setting 'thresold'; did you mean 'threshold'?"),
        ("one-name", "added/one_name.py: reads: expected a tuple of names of settings, got 'power'"),
        ("other-view", "added/other_view.py: learns: expected strong or weak, got 'storng'"),
        ("unknown-default", "added/unknown_default.py: defaults: thresold: unknown key; did you mean 'threshold'?"),
        ("wrong-default", "added/wrong_default.py: defaults: threshold: Input should be less than 1"),
        ("no-partner", "added/no_partner.py: calibration: expected two methods of this folder, got ('fixmach', "
                       "'no-partner')"),
        ("a_sound", "unknown method; did you mean 'sound'?"),
        ("../added/sound\0" * 100, "unknown method; expected one of a-number, "),
    ],
)  # fmt: skip
def test_what_is_no_sound_method_is_one_line_with_its_file(folder, name, line):
    assert (method_problem(name) or "").startswith(line)


def test_a_sound_method_has_no_problem(folder):
    assert method_problem("sound") is None


def test_the_project_s_methods_are_sound():
    assert {name: problem for name in METHODS if (problem := method_problem(name))} == {}


def test_every_setting_is_of_all_runs_or_of_methods():
    """So a method that reads the steps of a run takes them from no other method."""
    assert set(Settings.model_fields) == COMMON | METHOD_SETTINGS
    assert not COMMON & METHOD_SETTINGS
