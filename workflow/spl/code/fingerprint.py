"""The fingerprint of a job's code.

It is the sha256 over the syntax trees, without comments and docstrings, of every module of this package that the job's
entry modules import, directly or not. Imports inside functions count; imports for type checkers alone do not run, and
do not count. Nothing is resolved by name and nothing is imported. Where one of the modules reads docstrings, the whole
text of all of them counts.
"""

from __future__ import annotations

import ast
import hashlib
import math
import os
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from spl.errors import InputError

PACKAGE = "spl"
# Without links on the way, as git and Python's modules are compared with it.
ROOT = Path(__file__).resolve().parents[1]
PROJECT = ROOT.parents[1]
# Rooms that start, schedule, watch and record jobs. Their modules are loaded beside a job's code and compute no result.
DOORS = ("cli", "audit", "provenance", "campaign", "attempts", "code")
# The name of docstrings, and that by which a module asks whether a type checker reads it.
DOCSTRING, TYPE_CHECKING = "__doc__", "TYPE_CHECKING"


@dataclass(frozen=True)
class ModuleCode:
    """One module.

    Attributes:
        sha256: of its syntax tree without docstrings.
        text: sha256 of its file, as it was read for the syntax tree.
        reads_docstrings: whether the name of docstrings is anywhere in it.
        imports: modules of this package that it imports.
        packages: top-level names of everything else that it imports.
        at_once: of both, the full names of those that it imports whenever it is loaded: by statements of its own, in
            no function, branch or block.
    """

    sha256: str
    text: str
    reads_docstrings: bool
    imports: frozenset[str]
    packages: frozenset[str]
    at_once: frozenset[str]


def fingerprint(entries: Iterable[str]) -> str:
    """The sha256 of all code that the entry modules can run.

    Args:
        entries: names of modules, "spl.training.run".

    Raises:
        KeyError: there is no module of such a name.
    """
    modules = {name: _read(name) for name in sorted(closure(entries))}
    whole = any(module.reads_docstrings for module in modules.values())
    lines = (f"{name} {module.text if whole else module.sha256}\n" for name, module in modules.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def closure(entries: Iterable[str]) -> frozenset[str]:
    """The entry modules and every module of this package that they import, directly or not.

    Raises:
        KeyError: there is no module of such a name.
    """
    reached, waiting = set[str](), list(entries)
    while waiting:
        if (name := waiting.pop()) not in reached:
            reached.add(name)
            waiting += _read(name).imports
    return frozenset(reached)


def imported_packages(entries: Iterable[str]) -> frozenset[str]:
    """The top-level names of everything outside this package that the entry modules' code imports."""
    return frozenset[str]().union(*(_read(name).packages for name in closure(entries)))


def packages_imported_at_once(entries: Iterable[str]) -> frozenset[str]:
    """The top-level names of everything outside this package that is imported whenever the entry modules are loaded."""
    imported = (one.split(".")[0] for name in modules_imported_at_once(entries) for one in _read(name).at_once)
    return frozenset(imported) - {PACKAGE}


def modules_imported_at_once(entries: Iterable[str]) -> frozenset[str]:
    """The entry modules and the modules of this package that are imported whenever they are loaded."""
    reached, waiting = set[str](), list(entries)
    while waiting:
        if (name := waiting.pop()) not in reached:
            reached.add(name)
            own = {one for one in _read(name).at_once if one.split(".")[0] == PACKAGE}
            waiting += {one for one in own if module_path(one).is_file()}
    return frozenset(reached)


def module_texts(entries: Iterable[str]) -> dict[Path, str]:
    """The sha256 of the file of each module that the fingerprint of the entry modules holds, as it was read."""
    return {module_path(name): _read(name).text for name in closure(entries)}


def foreign_modules(entries: Iterable[str], loaded: Iterable[ModuleType]) -> list[str]:
    """Loaded modules that lie in the project's folder and that the fingerprint does not hold, by name.

    What Python loaded for a job is compared with what its source text says: a module that was loaded in another way, a
    site customisation, and a file of the project that shadows an installed package would go unnoticed otherwise.

    Args:
        entries: as :func:`fingerprint`.
        loaded: modules, such as the values of ``sys.modules``.
    """
    expected = {module_path(name) for name in closure(entries)}
    doors = {ROOT / "__init__.py", ROOT / "errors.py"}
    foreign = []
    for module in loaded:
        path = module_file(module)
        if path is None or not path.is_relative_to(PROJECT) or _is_installed(path):
            continue
        room = path.relative_to(ROOT).parts[0] if path.is_relative_to(ROOT) else ""
        if path not in expected | doors and room not in DOORS:
            foreign.append(module.__name__)
    return sorted(foreign)


def module_file(module: ModuleType) -> Path | None:
    """Where a module was loaded from; None if from no file, as torch's own that only carry the name of one."""
    file = getattr(module, "__file__", None)
    if not file:
        return None
    folder, name = os.path.split(file)
    path = _real_folder(folder) / name
    if path.is_symlink():
        path = path.resolve()
    return path if path.is_file() else None


@cache
def _real_folder(folder: str) -> Path:
    """A folder without links on the way; kept, since thousands of modules lie in a few hundred folders."""
    return Path(folder).resolve()


def _is_installed(path: Path) -> bool:
    """Whether a file belongs to a Python installation that lies in the project's folder, such as ``.venv``."""
    prefix = Path(sys.prefix).resolve()
    return "site-packages" in path.parts or (prefix.is_relative_to(PROJECT) and path.is_relative_to(prefix))


def module_path(name: str) -> Path:
    """Where a module of this package lies or would lie; the ``__init__.py`` of a folder that has one.

    A folder without ``__init__.py``, such as one that a removed package leaves behind, is none.
    """
    path = ROOT.joinpath(*name.split(".")[1:])
    package = path / "__init__.py"
    return package if package.is_file() or path == ROOT else path.with_name(f"{path.name}.py")


@cache
def _read(name: str) -> ModuleCode:
    """Read a module; kept, since the jobs of a study share most of their modules."""
    path = module_path(name)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise KeyError(f"no module {name}") from None
    check_source(content, path)
    tree = ast.parse(content)  # of the bytes, as Python runs them: a text would lose what they say of their encoding
    at_once = {one for statement in tree.body for one in _imported_by(statement)}
    dump = ast.dump(_without_docstrings(tree))
    imported = set(_imported(tree, _line_of_type_checking(tree, dump)))
    own = {one for one in imported if one.split(".")[0] == PACKAGE and module_path(one).is_file()}
    parents = {parent for one in (*own, name) for parent in _parents(one)}
    packages = {one.split(".")[0] for one in imported} - {PACKAGE}
    sha256, text = (hashlib.sha256(one).hexdigest() for one in (dump.encode(), content))
    sets = (frozenset(names) for names in (own | parents, packages, at_once))
    return ModuleCode(sha256, text, DOCSTRING in dump, *sets)


def check_source(content: bytes, path: Path | str) -> None:
    """Refuse source text in another encoding than UTF-8: in some, a comment hides statements from people and editors.

    Raises:
        InputError: naming its file.
    """
    # Python ends lines at a carriage return, too, where reading bytes line by line would not.
    lines = iter(content.splitlines(keepends=True))
    try:
        encoding, _ = tokenize.detect_encoding(lines.__next__)
    except SyntaxError:  # it declares an unknown one, or is not even text
        encoding = ""
    if encoding != "utf-8":
        raise InputError(f"{path}: expected Python in UTF-8, without a mark and a line that says otherwise")


def _parents(name: str) -> Iterator[str]:
    """The packages around a module, which Python imports before it."""
    parts = name.split(".")
    return (".".join(parts[:depth]) for depth in range(1, len(parts)))


def _imported_by(statement: ast.AST) -> Iterator[str]:
    """The names of everything that an import statement may import; none of another statement."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        if statement.level:
            raise ValueError(f"line {statement.lineno}: a relative import; this package names modules in full")
        yield str(statement.module)
        # A member may be a module itself.
        yield from (f"{statement.module}.{alias.name}" for alias in statement.names)


def _line_of_type_checking(tree: ast.Module, dump: str) -> float:
    """The line below which TYPE_CHECKING is false, as ``typing`` has it; infinite if it could be anything else.

    Args:
        tree: of a module.
        dump: of its tree, where each name and text stands in quotes: it is searched many times faster than the tree.
    """
    typing = (one for one in tree.body if isinstance(one, ast.ImportFrom) and one.module == "typing")
    lines = [
        alias.lineno for one in typing for alias in one.names if (alias.name, alias.asname) == (TYPE_CHECKING, None)
    ]
    asked = dump.count(ast.dump(ast.Name(TYPE_CHECKING, ast.Load())))
    is_bound_otherwise = dump.count(f"'{TYPE_CHECKING}'") != asked + 1 or ast.dump(ast.alias("*")) in dump
    return lines[0] if len(lines) == 1 and not is_bound_otherwise else math.inf


def _imported(node: ast.AST, checked: float) -> Iterator[str]:
    """The names of everything that the import statements below a node may import.

    ``checked`` is the line below which a branch for type checkers does not run.
    """
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from _imported_by(node)
    elif isinstance(node, ast.If) and getattr(node.test, "id", "") == TYPE_CHECKING and node.lineno > checked:
        for statement in node.orelse:
            yield from _imported(statement, checked)
    else:
        for child in _statements(node):
            yield from _imported(child, checked)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """The statements of a node's blocks, and the parts of a statement that have blocks; expressions have none."""
    for block in ("body", "handlers", "orelse", "finalbody", "cases"):
        statements = getattr(node, block, None)
        if isinstance(statements, list):
            yield from statements


def _without_docstrings(tree: ast.AST) -> ast.AST:
    """The tree without texts that stand alone, which no statement can read."""
    body = getattr(tree, "body", None)
    if isinstance(body, list):
        kept = [statement for statement in body if not _is_text(statement)]
        tree.body = kept or [ast.Pass()]  # type: ignore[attr-defined]  # every node with a list as body has one
    for statement in _statements(tree):
        _without_docstrings(statement)
    return tree


def _is_text(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
