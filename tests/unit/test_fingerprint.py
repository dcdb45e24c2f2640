"""The fingerprint of a job's code: all that its entry modules import, and nothing else."""

import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

import spl
from spl.code import fingerprint
from spl.code.loading import TextLoader
from spl.code.subcommands import ENTRIES, code_modules, entry, entry_modules
from spl.errors import InputError
from spl.methods.registry import METHODS


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package's source, which the fingerprint reads in place of the original."""
    root = tmp_path / "workflow/spl"
    shutil.copytree(Path(spl.__file__).parent, root, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "ROOT", root)
    monkeypatch.setattr(fingerprint, "PROJECT", tmp_path)
    fingerprint._read.cache_clear()
    yield root
    fingerprint._read.cache_clear()


def code(entries=("spl.training.run", "spl.methods.fixmatch")):
    fingerprint._read.cache_clear()
    return fingerprint.fingerprint(entries)


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("training/networks.py", "LEAKY_SLOPE = 0.1", "LEAKY_SLOPE = 0.2"),
        ("training/optimiser.py", "7 * math.pi", "8 * math.pi"),
        ("training/augment.py", "from __future__ import annotations", "from __future__ import annotations\nimport abc"),
        ("methods/fixmatch.py", '"FixMatch"', '"FixMatch!"'),
        ("data/splits.py", "def part_of_class(part: float", "def part_of_class(part: int"),
        ("errors.py", "class InputError(Exception)", "class InputError(ValueError)"),
        ("training/__init__.py", '"""', 'import abc\n"""'),
        ("study/weights.py", "float(value)", "float(value) + 0"),
    ],
)
def test_whatever_a_run_imports_counts(package, file, old, new):
    before = code()
    edit(package / file, old, new)
    assert code() != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("training/networks.py", "LEAKY_SLOPE = 0.1", "# Steep.\nLEAKY_SLOPE   =   0.1"),
        ("training/networks.py", '"""Float (n, width_in, h, w) to', '"""Images (n, width_in, h, w) to'),
        ("methods/flexmatch.py", '"FlexMatch"', '"FlexMatch!"'),
        ("study/settings.py", "steps: Annotated", "hours: int = 3\n    steps: Annotated"),
        ("analysis/statistics.py", "import", "import abc\nimport"),
        ("cli/rules.py", "app = typer.Typer()", "app = typer.Typer()\nUNUSED = 1"),
        ("provenance/recording.py", "indent=1", "indent=2"),
        ("attempts/attempt.py", "PATIENCE = 600.0", "PATIENCE = 60.0"),
        ("data/digits.py", "255 / 16", "254 / 16"),
    ],
)
def test_comments_docstrings_and_what_a_run_does_not_import_do_not_count(package, file, old, new):
    before = code()
    edit(package / file, old, new)
    assert code() == before


@pytest.mark.parametrize(
    "text",
    [
        "from typing import TYPE_CHECKING\nTYPE_CHECKING = True\nif TYPE_CHECKING:\n    x = 2\n",
        "if TYPE_CHECKING:\n    x = 2\n",
        "def f(y: (x := 2)):\n    pass\n",
        "y: (x := 2)\n",
    ],
)
def test_what_the_interpreter_may_run_counts_whatever_it_is_called(package, text):
    """A name decides nothing: a branch for type checkers can be made to run, and type hints are evaluated."""
    path = package / "a.py"
    path.write_text("from typing import TYPE_CHECKING\nx = 1\n")
    (package / "b.py").write_text("import spl.a\n")
    before = code(["spl.b"])
    path.write_text(path.read_text() + text)
    assert code(["spl.b"]) != before


OTHER_ENCODINGS = {
    "in the first line": b"# coding: raw_unicode_escape\nx = 1  # one\\u000ax = 2\n",
    "in the second line": b"#!/usr/bin/env python\n# vim: set fileencoding=raw_unicode_escape :\nx = 1\n",
    "behind a carriage return": b"\r# coding: raw_unicode_escape\n\nx = 1  # one\\u000ax = 2\n",
    "a harmless one": b"# coding: latin-1\nx = 1\n",
    "an unknown one": b"# coding: ours\nx = 1\n",
    "a mark": b"\xef\xbb\xbfx = 1\n",
    "none at all": b"# \xff\nx = 1\n",
}


@pytest.mark.parametrize("content", OTHER_ENCODINGS.values(), ids=OTHER_ENCODINGS)
def test_source_text_in_another_encoding_than_utf_8_is_refused(package, content):
    """In some, what people, editors and git's differences show as a comment holds statements that run."""
    path = package / "a.py"
    path.write_bytes(content)
    for read in (lambda: code(["spl.a"]), lambda: TextLoader("spl.a", str(path)).get_code("spl.a")):
        with pytest.raises(InputError) as caught:
            read()
        assert str(caught.value).startswith(f"{path}: expected Python in UTF-8")


@pytest.mark.parametrize("content", [b"# coding: utf-8\nx = 1\n", b"#\n#\n# coding: latin-1\nx = 1\n"])
def test_a_comment_that_declares_utf_8_or_that_python_does_not_heed_changes_nothing(package, content):
    (package / "a.py").write_bytes(b"x = 1\n")
    before = code(["spl.a"])
    (package / "a.py").write_bytes(content)
    assert code(["spl.a"]) == before
    assert TextLoader("spl.a", str(package / "a.py")).get_code("spl.a")


def test_a_fingerprint_is_of_what_python_runs_whatever_a_source_declares(package, monkeypatch):
    monkeypatch.setattr(fingerprint, "check_source", lambda *_: None)
    codes = []
    for first in (b"# coding: utf-8", b"# coding: raw_unicode_escape"):
        (package / "a.py").write_bytes(first + b"\nx = 1  # one\\u000ax = 2\n")
        codes.append(code(["spl.a"]))
    assert codes[0] != codes[1]


def test_a_new_method_leaves_every_other_method_s_runs_fresh(package):
    before = code()
    (package / "methods/new.py").write_text("METHOD = None\n")
    assert code() == before


def test_an_import_inside_a_function_is_followed_and_one_for_type_checkers_is_not(package):
    (package / "a.py").write_text("def f():\n    from spl.b import g\n    return g()\n")
    (package / "b.py").write_text("def g():\n    return 1\n")
    (package / "c.py").write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from spl.b import g\n")
    assert fingerprint.closure(["spl.a"]) == {"spl", "spl.a", "spl.b"}
    assert fingerprint.closure(["spl.c"]) == {"spl", "spl.c"}
    (package / "c.py").write_text("from typing import TYPE_CHECKING\nif not TYPE_CHECKING:\n    from spl.b import g\n")
    fingerprint._read.cache_clear()
    assert "spl.b" in fingerprint.closure(["spl.c"])


@pytest.mark.parametrize(
    "text",
    [
        "TYPE_CHECKING = True\n{branch}",
        "from typing import TYPE_CHECKING\nTYPE_CHECKING = True\n{branch}",
        "from typing import TYPE_CHECKING\nfor TYPE_CHECKING in (1,): pass\n{branch}",
        "from typing import TYPE_CHECKING\nglobals()['TYPE_CHECKING'] = 1\n{branch}",
        "from typing import TYPE_CHECKING\ndef f(TYPE_CHECKING=1):\n    {branch}",
        "from typing import TYPE_CHECKING\nfrom spl.d import *\n{branch}",
        "from typing import TYPE_CHECKING\nfrom spl.d import x as TYPE_CHECKING\n{branch}",
        "from typing import List as TYPE_CHECKING\n{branch}",
        "from spl.d import TYPE_CHECKING\n{branch}",
        "import spl.d\nif spl.d.TYPE_CHECKING:\n    from spl.b import g\n",
        "import typing\ntyping.TYPE_CHECKING = 1\nfrom typing import TYPE_CHECKING\n{branch}",
        "{branch}from typing import TYPE_CHECKING\n",  # another module may have made it a builtin name
    ],
)
def test_an_import_for_type_checkers_alone_is_one_by_the_name_that_typing_has_for_it(package, text):
    (package / "a.py").write_text(text.format(branch="if TYPE_CHECKING: from spl.b import g\n"))
    (package / "b.py").write_text("def g():\n    return 1\n")
    (package / "d.py").write_text("x = TYPE_CHECKING = 1\n")
    fingerprint._read.cache_clear()
    assert "spl.b" in fingerprint.closure(["spl.a"])


@pytest.mark.parametrize("reader", ["__doc__", "spl.b.__doc__", "getattr(spl.b, '__doc__')"])
def test_docstrings_count_where_a_module_reads_any(package, reader):
    (package / "a.py").write_text(f"import spl.b\nscale = float({reader}.split()[-1])\n")
    codes = []
    for scale in (1, 2):
        (package / "b.py").write_text(f'"""Scaled by {scale}"""\n')
        codes.append(code(["spl.a"]))
    assert codes[0] != codes[1]


def test_a_module_that_two_others_import_in_a_circle_counts_once(package):
    (package / "a.py").write_text("import spl.b\n")
    (package / "b.py").write_text("import spl.a\n")
    assert fingerprint.closure(["spl.a"]) == fingerprint.closure(["spl.b"]) == {"spl", "spl.a", "spl.b"}


def test_a_text_that_a_name_holds_counts_and_one_that_stands_alone_does_not(package):
    path = package / "a.py"
    codes = []
    for text in ('x = "one"\n', 'x = "two"\n', 'x = "two"\n"""About x."""\n'):
        path.write_text(text)
        codes.append(code(["spl.a"]))
    assert codes[0] != codes[1] == codes[2]


def test_a_relative_import_and_a_module_that_is_not_there_are_refused(package):
    (package / "a.py").write_text("from . import b\n")
    with pytest.raises(ValueError, match="relative import"):
        fingerprint.closure(["spl.a"])
    with pytest.raises(KeyError, match="no module spl.absent"):
        fingerprint.closure(["spl.absent"])


def test_a_folder_that_a_removed_package_left_behind_is_no_module(package):
    (package / "gone").mkdir()
    with pytest.raises(KeyError):
        fingerprint.closure(["spl.gone"])


@pytest.mark.parametrize("subcommand", ENTRIES)
def test_every_subcommand_has_its_entry(subcommand):
    assert callable(entry(subcommand))


def test_training_reaches_its_own_method_and_nothing_that_shows_or_vouches():
    modules = code_modules("train", {"method": "smooth-fixmatch-sq"})
    rooms = {name.split(".")[1] for name in modules if "." in name}
    assert rooms == {"training", "methods", "data", "study", "errors", "registry"}
    others = {f"spl.methods.{method.replace('-', '_')}" for method in METHODS} - {"spl.methods.smooth_fixmatch_sq"}
    assert not others & set(modules)
    assert not {"spl.study.schema", "spl.study.settings"} & set(modules)


def test_a_figure_reaches_nothing_that_trains():
    modules = code_modules("figure", {"module": "spl.figures.fig4"})
    assert not {name for name in modules if name.startswith(("spl.training", "spl.methods.f", "spl.paper", "spl.page"))}
    assert "spl.figures.fig4" in modules
    assert "spl.figures.fig1" not in modules


def module_at(path, name="module"):
    """A module that was loaded from a file, which is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    module = types.ModuleType(name)
    module.__file__ = str(path)
    return module


def test_loaded_code_that_the_fingerprint_does_not_hold_is_named(package):
    entries = entry_modules("train", {"method": "fixmatch"})
    project = package.parents[1]
    without_file = types.ModuleType("torch.ops")
    without_file.__file__ = "_ops.py"  # only the name of a file
    within = [
        module_at(package / "training/loop.py"),
        module_at(package / "methods/fixmatch.py"),
        module_at(package / "cli/main.py"),
        module_at(package / "provenance/manifest.py"),
        sys.modules["numpy"],
        module_at(project / ".venv/lib/python3.11/site-packages/torch/__init__.py"),
        types.ModuleType("built in"),
        without_file,
    ]
    assert fingerprint.foreign_modules(entries, within) == []
    foreign = [
        module_at(package / "methods/flexmatch.py", "spl.methods.flexmatch"),
        module_at(package / "figures/style.py", "another name"),
        module_at(project / "sitecustomize.py", "sitecustomize"),
        module_at(project / "torch.py", "torch"),
    ]
    assert fingerprint.foreign_modules(entries, [*within, *foreign]) == [
        "another name", "sitecustomize", "spl.methods.flexmatch", "torch"
    ]  # fmt: skip


def test_what_a_training_process_loads_is_what_its_fingerprint_holds():
    """The real thing: import the entry modules in a fresh interpreter, and compare both ways."""
    entries = entry_modules("train", {"method": "flexmatch"})
    program = (
        f"import importlib, sys\nfor name in {entries!r}: importlib.import_module(name)\n"
        "print(*(name for name in sys.modules if name.split('.')[0] == 'spl'))"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert set(printed.split()) == set(code_modules("train", {"method": "flexmatch"}))
