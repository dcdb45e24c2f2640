"""Whatever is changed in the reach of a job makes it stale; whatever is changed elsewhere leaves it fresh."""

import ast
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

import spl
from spl.code import fingerprint as module
from spl.code.fingerprint import fingerprint, reach
from spl.data.datasets import write_dataset
from spl.study.schema import Basins
from spl.study.settings import Settings

PACKAGE = Path(spl.__file__).parent
BROAD = settings(max_examples=24, derandomize=True, deadline=None, database=None, phases=[Phase.generate])
METHODS = "spl.methods.methods:METHODS"
JOBS = {
    "training": (["spl.training.run:train_run"], {METHODS: "flexmatch"}),
    "split": (["spl.data.splits:write_fold"], {}),
    "analysis": (["spl.analysis.confusion:write_summary"], {}),
    "figure": (["spl.figures.basins:draw", "spl.figures.style:save"], {}),
    "table": (["spl.tables.summary:build", "spl.tables.layout:save"], {}),
}
MODULES = {
    ".".join(["spl", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
OPPOSITE = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Not: ast.USub, ast.USub: ast.Not,
}  # fmt: skip


@cache
def source(name):
    return MODULES[name].read_text()


def is_text(statement):
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def feelable(node, in_function=False):
    """All parts of a piece of code but its docstrings and the type hints of functions."""
    yield node
    in_function = isinstance(node, ast.FunctionDef) or (in_function and not isinstance(node, ast.ClassDef))
    for field, value in ast.iter_fields(node):
        hint = field == "returns" or (field == "annotation" and (in_function or isinstance(node, ast.arg)))
        if not hint:
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.AST) and not is_text(part):
                    yield from feelable(part, in_function)


def changes(node):
    """The ways to change a part of the code, each a name and what does it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "flip", lambda: setattr(node, "value", not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield "count up", lambda: setattr(node, "value", node.value + 1)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield "lengthen", lambda: setattr(node, "value", f"{node.value}x")
    if isinstance(node, ast.Attribute):
        yield "rename", lambda: setattr(node, "attr", f"{node.attr}_x")
    for field in ("op", "ops"):
        if operators := getattr(node, field, None):
            first = operators[0] if field == "ops" else operators
            if other := OPPOSITE.get(type(first)):
                turned = [other(), *operators[1:]] if field == "ops" else other()
                yield "turn around", lambda field=field, turned=turned: setattr(node, field, turned)
    for field in ("defaults", "bases", "decorator_list", "keywords", "handlers", "elts", "finalbody", "orelse"):
        if isinstance(node, ast.Try) and field == "handlers" and len(node.handlers) == 1:
            continue
        parts = getattr(node, field, None)
        if isinstance(parts, list) and parts:
            yield f"remove of {field}", lambda parts=parts: parts.pop()
    if isinstance(getattr(node, "body", None), list):
        for place, statement in enumerate(node.body):
            bare_hint = isinstance(statement, ast.AnnAssign) and statement.value is None
            if not is_text(statement) and not bare_hint and not isinstance(statement, ast.Pass):
                yield f"delete {place}", lambda place=place: node.body.__setitem__(place, ast.Pass())


def definitions(name, tree):
    """The pieces of a module that can be reached one by one, by entry; of the table of methods each entry."""
    found = defaultdict(list)
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            found[f"{name}:{statement.name}"].append(statement)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names = [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
            if f"{name}:{names[0]}" == METHODS:
                for key, value in zip(statement.value.keys, statement.value.values, strict=True):
                    found[f"{METHODS}[{key.value}]"].append(value)
            else:
                found[f"{name}:{' '.join(names)}"].append(statement)
    return found


def all_changes(name, tree):
    """Every change of a module: where, how, and what does it."""
    for entry, nodes in definitions(name, tree).items():
        for node in nodes:
            for part in feelable(node):
                for how, change in changes(part):
                    yield entry, f"{how} in line {getattr(part, 'lineno', node.lineno)}", change


def is_reached(entry, job):
    choices = JOBS[job][1]
    name, _, names = entry.partition(":")
    reached = reach_of(job)
    if entry.startswith(f"{METHODS}["):
        return f"{METHODS}[]" in reached and entry == f"{METHODS}[{choices[METHODS]}]"
    return any(f"{name}:{one}" in reached for one in names.split())


@cache
def reach_of(job):
    return reach(*JOBS[job])


@cache
def places(job):
    """What can be changed in the reach of a job and what outside, as module and number of the change."""
    found = {True: [], False: []}
    for name in MODULES:
        for number, (entry, _, _) in enumerate(all_changes(name, ast.parse(source(name)))):
            found[is_reached(entry, job)].append((name, number))
    return found


class Copy:
    """A copy of the package, of which one module at a time is another."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.others = folder / "spl", {}
        shutil.copytree(PACKAGE, self.folder, ignore=shutil.ignore_patterns("__pycache__"))
        self.parse = module.parse
        self.parse.cache_clear()
        monkeypatch.setattr(module.syntax, "ROOT", self.folder)
        monkeypatch.setattr(module, "parse", lambda name: self.others.get(name) or self.parse(name))
        self.plain = {job: self.code(job) for job in JOBS}

    def code(self, job, texts=None):
        """The fingerprint of a job, with other texts in place of those of some modules."""
        module._read.cache_clear()
        for name, text in (texts or {}).items():
            path = self.folder / MODULES[name].relative_to(PACKAGE)
            path.write_text(text)
            self.others[name] = self.parse.__wrapped__(name)
            path.write_text(source(name))
        try:
            return fingerprint(*JOBS[job])
        finally:
            self.others.clear()


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        yield Copy(tmp_path_factory.mktemp("package"), patch)
    module.parse.cache_clear()
    module._read.cache_clear()
    module._every_file.cache_clear()


def changed(name, number):
    tree = ast.parse(source(name))
    entry, how, change = list(all_changes(name, tree))[number]
    change()
    return f"{entry}: {how}", ast.unparse(ast.fix_missing_locations(tree))


@pytest.mark.parametrize("job", JOBS)
@BROAD
@given(data=st.data())
def test_a_change_in_the_reach_of_a_job_makes_it_stale(package, job, data):
    name, number = data.draw(st.sampled_from(places(job)[True]))
    what, text = changed(name, number)
    assert package.code(job, {name: text}) != package.plain[job], what


@pytest.mark.parametrize("job", JOBS)
@BROAD
@given(data=st.data())
def test_a_change_outside_the_reach_of_a_job_leaves_it_fresh(package, job, data):
    name, number = data.draw(st.sampled_from(places(job)[False]))
    what, text = changed(name, number)
    # An import that nothing mentions any more would count for what it does.
    assume(names_read(text) >= names_read(source(name)))
    assert package.code(job, {name: text}) == package.plain[job], what


def names_read(text):
    parts = ast.walk(ast.parse(text))
    return {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}


@cache
def statements(name):
    """The lines on which a statement begins, with its indentation; decorators belong to it."""
    found = {}
    for part in ast.walk(ast.parse(source(name))):
        if isinstance(part, ast.stmt):
            first = min([part.lineno, *(one.lineno for one in getattr(part, "decorator_list", ()))])
            found[first] = part.col_offset
    return sorted(found.items())


WORDS = st.text("abc xyz=()'#:", min_size=1, max_size=20)


def with_comments(name, data):
    lines = source(name).splitlines()
    places = data.draw(st.lists(st.sampled_from(statements(name)), min_size=1, max_size=5, unique=True))
    for line, column in sorted(places, reverse=True):
        lines[line - 1 : line - 1] = ["", " " * column + f"# {data.draw(WORDS)}", ""]
    return "\n".join(lines) + "\n"


def with_other_texts(name, data):
    """Docstrings changed and added, type hints of functions changed, all of it formatted anew."""
    tree = ast.parse(source(name))
    for part in ast.walk(tree):
        if isinstance(part, ast.FunctionDef) and not part.decorator_list and data.draw(st.booleans()):
            for argument in (*part.args.args, *part.args.kwonlyargs):  # those of a lambda in a default have no hints
                argument.annotation = ast.BinOp(argument.annotation or ast.Name("int"), ast.BitOr(), ast.Name("object"))
        if isinstance(part, ast.FunctionDef | ast.ClassDef) and data.draw(st.booleans()):
            part.body[: is_text(part.body[0])] = [ast.Expr(ast.Constant(data.draw(WORDS)))]
    return ast.unparse(ast.fix_missing_locations(tree))


def with_more(name, data):
    """Definitions that nobody asks for, one with an import of its own."""
    more = ["import colorsys", "def unheard(x: int = 3) -> object:\n    return colorsys.ONE_THIRD, x"]
    more += ["class Unheard(Exception):\n    words = 'of'", "UNHEARD = {'of': 1}"]
    place = data.draw(st.sampled_from(["above", "below"]))
    text = source(name)
    future = "from __future__ import annotations\n"
    if place == "below" or future not in text:
        return "\n".join([text, *more])
    return text.replace(future, "\n".join([future, *more, ""]), 1)


@pytest.mark.parametrize("edit", [with_comments, with_other_texts, with_more])
@BROAD
@given(data=st.data())
def test_what_no_job_can_feel_leaves_all_of_them_fresh(package, edit, data):
    names = data.draw(st.lists(st.sampled_from([*MODULES]), min_size=1, max_size=8, unique=True))
    texts = {name: edit(name, data) for name in names}
    job = data.draw(st.sampled_from([*JOBS]))
    assert package.code(job, texts) == package.plain[job]


def test_other_formatting_of_everything_leaves_all_jobs_fresh(package):
    command = [Path(sys.executable).with_name("ruff"), "format", "--quiet", "--isolated", "--line-length", "60", "-"]
    texts = {}
    for name in {entry.split(":")[0] for job in JOBS for entry in reach_of(job)}:
        done = subprocess.run(command, input=source(name), capture_output=True, text=True, check=True)
        texts[name] = done.stdout
    assert any(texts[name] != source(name) for name in texts)
    assert {job: package.code(job, texts) for job in JOBS} == package.plain


def test_nothing_but_the_reach_of_a_job_counts(package):
    """Everything else is taken away, imports that it needed included."""
    for job in JOBS:
        texts = {name: shaken(name, job) for name in MODULES}
        assert sum(map(len, texts.values())) < 0.3 * sum(len(source(name)) for name in MODULES)
        assert package.code(job, texts) == package.plain[job]


def shaken(name, job):
    """A module without the definitions that a job does not reach, and without the imports that these need."""
    tree = ast.parse(source(name))
    gone = {
        id(node) for entry, nodes in definitions(name, tree).items() if not is_reached(entry, job) for node in nodes
    }
    for table in (part for part in ast.walk(tree) if isinstance(part, ast.Dict)):
        kept = [place for place, value in enumerate(table.values) if id(value) not in gone]
        table.keys, table.values = [table.keys[place] for place in kept], [table.values[place] for place in kept]
    tree.body = [one for one in tree.body if id(one) not in gone]
    parts = [part for statement in tree.body for part in feelable(statement)]
    decorated = [part for part in parts if isinstance(part, ast.FunctionDef) and part.decorator_list]
    parts += [part for function in decorated for part in ast.walk(function)]  # whose hints count
    used = {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom) and getattr(statement, "module", "") != "__future__":
            statement.names = [one for one in statement.names if (one.asname or one.name.split(".")[0]) in used]
    tree.body = [one for one in tree.body if not isinstance(one, ast.Import | ast.ImportFrom) or one.names]
    return ast.unparse(tree)


WORK = {
    "split": "spl.data.splits.write_fold({'scheme': 'balanced', 'seed': 0, 'labels': 4}, here / 'data', out / 'split.json')",
    "training": """
spl.training.run.train_run(
    parameter, here / "data", out / "split.json", None, out / "runs/one", print, None, lambda done: False
)""",
    "analysis": "spl.analysis.confusion.write_summary(summary, out / 'runs', out / 'summary.csv')",
}
PARAMETER = {
    "dataset": "digits", "split": "one", "fold": 0, "labels": 40, "split_seed": 0, "seed": 0,
    "method": "flexmatch", "variant": "",
    "settings": Settings(
        network="wrn-10-1", steps=6, batch=4, mu=2, evaluate_every=3, evaluate_late_every=3, flip=False, crop_padding=1
    ).model_dump(),
}  # fmt: skip
SUMMARY = {"runs": ["one"], "missing": {}, "basins": Basins().model_dump()}


def test_what_a_job_reaches_is_all_that_it_needs(tmp_path):
    """With nothing else in the package it makes the same bytes."""
    (tmp_path / "data").mkdir()
    write_dataset("digits", tmp_path / "data")
    do(PACKAGE.parent, tmp_path, "whole", *WORK.values())
    for job, work in WORK.items():
        for name in MODULES:
            path = tmp_path / job / "spl" / MODULES[name].relative_to(PACKAGE)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(shaken(name, job))
        do(tmp_path / job, tmp_path, "shaken", work)
    made = {path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*") if path.is_file()}
    assert len(made) == 6
    assert all((tmp_path / "shaken" / path).read_bytes() == (tmp_path / "whole" / path).read_bytes() for path in made)


def do(package, here, out, *works):
    """Do jobs by the code in a folder."""
    code = ["import spl; from pathlib import Path", f"assert spl.__file__.startswith({str(package)!r})"]
    code += [f"here = Path({str(here)!r}); out = here / {out!r}; parameter, summary = {PARAMETER!r}, {SUMMARY!r}"]
    for work in works:
        code += [f"import {work.strip().partition('(')[0].rpartition('.')[0]}", work]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(code)],
        env=os.environ | {"PYTHONPATH": str(package)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
