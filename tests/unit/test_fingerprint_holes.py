"""Ways in which code can depend on code that it does not plainly name: each makes a job stale when it changes."""

import json
from pathlib import Path

import pytest

from spl.campaign.jobs import jobs
from spl.code import fingerprint as module
from spl.code.fingerprint import EVERYTHING, fingerprint, reach
from spl.code.subcommands import _entries
from spl.paper.catalogue import items
from spl.study.plan import make_plan
from spl.study.reading import read_study

CONFIG = Path(__file__).parents[2] / "config"
MAIN = "def main():\n    return f()\n"


def forget():
    for cached in (module.parse, module._read, module.is_module, module._every_file):
        cached.cache_clear()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Writes the modules of a package that consists of them alone."""
    monkeypatch.setattr(module.syntax, "ROOT", tmp_path)

    def write(**files):
        for name, text in {"__init__": "", **files}.items():
            path = tmp_path / (name.replace("__in__", "/") + ("" if "." in name else ".py"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        forget()

    yield write
    forget()


def code(choices=None):
    forget()
    return fingerprint(["spl.a:main"], choices or {})


# The module of the entry, and another one before and after a change that the entry must feel.
STALE = {
    "a name from `if`": (f"from spl.b import f\n{MAIN}", "if True:\n    def f(): return 1", "1", "2"),
    "a name from `try`": (f"from spl.b import f\n{MAIN}", "try:\n    f = int\nexcept OSError: pass", "int", "str"),
    "a name from `for`": (f"from spl.b import f\n{MAIN}", "for f in [1, 2]: pass", "2", "3"),
    "a name from `with`": (f"from spl.b import f\n{MAIN}", "with open('1') as f: pass", "1", "2"),
    "a name from `match`": (f"from spl.b import f\n{MAIN}", "match 1:\n    case f: pass", "1", "2"),
    "a name from a walrus": (f"from spl.b import f\n{MAIN}", "x = (f := 1)", "1", "2"),
    "a name from a default's walrus": (f"from spl.b import f\n{MAIN}", "def g(x=(f := 1)): pass", "1", "2"),
    "a name from `global`": (
        f"from spl.b import f\n{MAIN}",
        "def g():\n    global f\n    f = h\ndef h(): return 1\ng()",
        "1",
        "2",
    ),
    "a global of another function": (
        "from spl import b\ndef main():\n    b.g()\n    return b.x",
        "def g():\n    global x\n    x = 1",
        "1",
        "2",
    ),
    "an import in `try`": (
        f"try:\n    from spl.b import f\nexcept ImportError:\n    from math import f\n{MAIN}",
        "def f(): return 1",
        "1",
        "2",
    ),
    "a name from a module without it": (
        "from spl.c import f\ndef main(): return f",
        "def f(): return 1",
        "1",
        "2",
    ),
    "an import in `else` of TYPE_CHECKING": (
        f"from typing import TYPE_CHECKING\nif TYPE_CHECKING: pass\nelse:\n    from spl.b import f\n{MAIN}",
        "def f(): return 1",
        "1",
        "2",
    ),
    "a star import": (f"from spl.b import *\n{MAIN}", "def f(): return 1", "1", "2"),
    "an import inside a class": ("class A:\n    import spl.b as m\ndef main(): return A.m.f()", "f = 1", "1", "2"),
    "__getattr__ of a module": (f"from spl.b import f\n{MAIN}", "def __getattr__(name): return 1", "1", "2"),
    "a name that a module passes on": (
        "from spl import c\ndef main(): return c.f()",
        "def f(): return 1",
        "1",
        "2",
    ),
    "a name under the package": ("import spl\ndef main(): return spl.b.f()", "def f(): return 1", "1", "2"),
    "two imports under one name": (
        "import spl.b\nimport spl.c\ndef main(): return spl.b.f()",
        "def f(): return 1",
        "1",
        "2",
    ),
    "a module as a value": ("from spl import b\ndef main(): return getattr(b, 'f')", "f = 1", "1", "2"),
    "an import by text": ("from importlib import import_module\ndef main(): import_module('spl.b')", "f = 1", "1", "2"),
    "an import by text, renamed": ("import importlib as i\ndef main(): i.import_module('spl.b')", "f = 1", "1", "2"),
    "__import__": ("def main(): return __import__('spl.b')", "f = 1", "1", "2"),
    "eval": ("from spl import c\ndef main(): return eval('c.f')", "f = 1", "1", "2"),
    "sys.modules": ("import sys\ndef main(): return sys.modules['spl.b'].f", "f = 1", "1", "2"),
    "a base class": ("from spl.b import B\nclass A(B): pass\ndef main(): return A()", "class B: x = 1", "1", "2"),
    "a keyword of a base class": ("from spl.b import f\nclass A(dict, k=f): pass\ndef main(): A()", "f = 1", "1", "2"),
    "a decorator": ("from spl.b import f\n@f\ndef main(): pass", "def f(x): return 1", "1", "2"),
    "a default": ("from spl.b import f\ndef main(x=f): pass", "f = 1", "1", "2"),
    "a default of a nested class": (
        "from spl.b import f\ndef main():\n    class A:\n        class B:\n            x = f\n    return A",
        "f = 1",
        "1",
        "2",
    ),
    "a hint of a field": ("from spl.b import f\nclass A:\n    x: f\ndef main(): A()", "f = int", "int", "str"),
    "a hint that a decorator may read": (
        "import m\nfrom spl.b import f\n@m.m\ndef main(x: f): pass",
        "f = 1",
        "1",
        "2",
    ),
    "a pattern": (
        "from spl.b import F\ndef main():\n    match 1:\n        case F(x=1): pass",
        "class F: x = 1",
        "1",
        "2",
    ),
    "an f-string": ("from spl.b import f\ndef main(): return f'{1:{f}}'", "f = 1", "1", "2"),
    "an async function": (f"from spl.b import f\n{MAIN}", "async def f(): return 1", "1", "2"),
    "an augmented global": ("from spl.b import x\ndef main():\n    global x\n    x += 1", "x = 1", "1", "2"),
    "an import that is only run": ("import spl.b\ndef main(): pass", "import spl.c\nspl.c.f = 1", "1", "2"),
    "one in a function": ("def main():\n    import spl.b", "import os\nos.nice(1)", "1", "2"),
    "one that is not mentioned": ("import spl.b\ndef main(): pass", "import one", "one", "two"),
    "one behind another": ("import spl.d\ndef main(): pass", "print(1)", "1", "2"),
    "an entry of a registry": ("from spl.c import R\ndef main(): R", "from spl.c import f\n@f\ndef g(): 1", "1", "2"),
    "a subclass": (
        "from spl.b import B\ndef main(): B.__subclasses__()",
        "class B: pass\nclass C(B):\n    x = 1",
        "1",
        "2",
    ),
    "the order of definitions": (
        "from spl.b import y\ndef main(): y",
        "x = [1]\ny = [*x]\nx += [2]",
        "y = [*x]\nx += [2]",
        "x += [2]\ny = [*x]",
    ),
    "a definition that is gone": (f"from spl.b import f\n{MAIN}", "f = 1\ndel f", "del f", ""),
    "a call for its effect": ("from spl.b import x\ndef main(): x", "x = []\n_ = x.append(1)", "(1)", "(2)"),
    "another call for its effect": ("from spl.b import x\ndef main(): x", "x = []\n_ = print(1)", "(1)", "(2)"),
    "a docstring that is read": ("from spl.b import f\ndef main(): return f.__doc__", "def f():\n    '1'", "1", "2"),
    "a module's docstring that is read": ("from spl import b\ndef main(): return b.__doc__", "'1'", "1", "2"),
    "hints that are read": (
        "import typing\nfrom spl.b import f\ndef main(): typing.get_type_hints(f)",
        "def f(x: int): pass",
        "int",
        "str",
    ),
    "hints by which pydantic converts": (
        "from pydantic import validate_call\nfrom spl.b import f\ndef main(): validate_call(f)('1')",
        "def f(x: int): return x",
        "int",
        "str",
    ),
    "hints by which a function is chosen": (
        "import functools\nfrom spl.b import f\n@functools.singledispatch\ndef main(x): 0\nmain.register(f)",
        "def f(x: int): return x",
        "int",
        "str",
    ),
    "a signature": (
        "import inspect\nfrom spl.b import f\ndef main(): inspect.signature(f)",
        "def f(x: 'a'): 0",
        "a",
        "b",
    ),
}
OTHERS = {
    "c": "R = []\ndef f(x):\n    R.append(x)",
    "d": "import spl.e",
    "e": "from spl import b",
}
PASSING_ON = {
    "a name that a module passes on": {"c": "from spl.b import f"},
    "a name from a module without it": {"c": "from spl.b import *"},
    "eval": {"c": "from spl.b import f"},
}


@pytest.mark.parametrize("hole", STALE)
def test_what_code_depends_on_makes_it_stale(package, hole):
    main, other, old, new = STALE[hole]
    package(a=main, b=other, **OTHERS | PASSING_ON.get(hole, {}))
    before = code()
    changed = other.replace(old, new, 1)
    assert changed != other
    package(b=changed)
    assert code() != before


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        ("import spl.b", True),
        ("from spl.b import g", True),
        ("import patches", True),
        ("m.x = 1", True),
        ("if m.x: m.y()", True),
        ("def other(): return 1", False),
        ("@m.m\ndef other(): return m", False),
        ("x = 1", False),
        ("from spl.c import h", False),
    ],
)
def test_with_what_a_function_does_alone_counts_what_its_module_does_and_not_what_it_defines(package, more, counts):
    """So that a subcommand's lines count without all other subcommands."""
    main = "import m\n@m.m\ndef main(): return other()\n"
    others = {"b": "import k\nk.x = 1\ndef g(): 1", "c": "def h(): 1"}
    package(a=main, **others)
    before = fingerprint(["spl.a:main()"], {})
    package(a=main + more, **others)
    assert (fingerprint(["spl.a:main()"], {}) != before) == counts


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("T = {'x': 1, **{'x': 2}}", "2", "3"),
        ("T = {'x': 1, 'x': 2}", "2", "3"),
        ("K = 'x'\nT = {'x': 1, K: 2}", "2", "3"),
        ("T = dict(x=1)", "1", "2"),
        ("T = {'x': 1}\nif True: T['x'] = 2", "2", "3"),
        ("T = {'x': 1}\nT |= {'x': 2}", "2", "3"),
    ],
)
def test_a_table_that_can_hold_something_else_under_its_key_counts_whole(package, table, old, new):
    package(a="from spl.b import T\ndef main(key): return T[key]", b=table)
    before = code({"spl.b:T": "x"})
    package(b=table.replace(old, new))
    assert code({"spl.b:T": "x"}) != before


@pytest.mark.parametrize("use", ["T[key], T['y']", "T[key], [*T.values()]", "T[key], T", "T[key], f"])
def test_a_table_that_is_read_otherwise_counts_whole(package, use):
    package(a=f"from spl.b import T, f\ndef main(key): return {use}", b="T = {'x': 1, 'y': 2}\ndef f(): return len(T)")
    before = code({"spl.b:T": "x"})
    package(b="T = {'x': 1, 'y': 3}\ndef f(): return len(T)")
    assert code({"spl.b:T": "x"}) != before


def test_files_of_the_package_that_code_may_read_count(package):
    main = "from pathlib import Path\nHERE = Path(__file__)\ndef main(): return HERE.with_name('b.csv').read_text()"
    package(a=main, **{"b.csv": "1"})
    before = code()
    package(**{"b.csv": "2"})
    assert code() != before


def test_a_folder_that_a_former_package_left_hides_no_module(package):
    package(a=f"from spl.b import f\n{MAIN}", b="def f(): return 1", **{"b__in____pycache____in__old.pyc": ""})
    before = code()
    package(b="def f(): return 2")
    assert code() != before


FRESH = {
    "an import for type checkers, spelt in full": (
        "import typing\nT = typing.Any\ndef main(): pass",
        "if typing.TYPE_CHECKING:\n    from spl.b import f\n",
    ),
    "a text in a block": ("def main():\n    if 1:\n        return 2", "def other(): pass\n"),
    "an import for another function": ("def main(): pass", "import os\ndef other(): return os\n"),
    "an import of a module that only defines": ("def main(): pass", "from spl.b import f\ndef other(): return f\n"),
    "an error": ("class E(Exception): pass\ndef main(): raise E", "class F(E): pass\n"),
}


@pytest.mark.parametrize("change", FRESH)
def test_what_code_cannot_feel_leaves_it_fresh(package, change):
    main, more = FRESH[change]
    package(a=main, b="def f(): return 1")
    before = code()
    package(a=f"{main}\n{more}")
    assert code() == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def f(): return 1", "def f():\n    'Text.'\n    return 1"),
        ("def f(): return 1", "def f():\n    return 1\n    'Text.'"),
        ("def f():\n  if 1: return 2", "def f():\n  if 1:\n    'Text.'\n    return (2)"),
        ("def f(): x = 1; return x", "def f():\n    x: int = 1\n    return x"),
        ("def f():\n  if 1: x = 1", "def f():\n  if 1: x: int = 1"),
        ("def f(): return u'a' 'b'", 'def f(): return "ab"'),
        ("async def f(x): pass", "async def f(x: int) -> None: 'Text.'"),
        ("class f: x = 1", "class f:\n    'Text.'\n    x = 1\n    'Text.'"),
    ],
)
def test_equal_code_is_equal(package, old, new):
    package(a=f"from spl.b import f\n{MAIN}", b=old)
    before = code()
    package(b=new)
    assert code() == before


@pytest.mark.parametrize("study", ["demo.yaml", "paper.yaml"])
def test_all_code_of_every_job_is_resolved(study):
    plan = make_plan(read_study(CONFIG / study))
    for job in jobs(plan, items(plan, study)).values():
        entries, choices = _entries(job.subcommand, json.loads(job.parameter))
        unresolved = {name for name in reach(entries, choices) if name == EVERYTHING or name.endswith(":*")}
        assert not unresolved, job.name
