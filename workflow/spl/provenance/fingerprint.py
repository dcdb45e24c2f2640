"""Which code can influence a job: the definitions reachable by name from the function that it calls.

Taken from the syntax tree of this package, so that comments, docstrings, formatting and type hints of functions do not
count, and nothing is imported. Of a table only the chosen entry counts. What cannot be resolved counts whole.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

PACKAGE = "spl"
ROOT = Path(__file__).parents[1]

Statement = ast.stmt | ast.expr


@dataclass
class _Module:
    """The top level of a module: what defines each name, what each import binds, and everything else."""

    definitions: dict[str, list[Statement]] = field(default_factory=dict)
    imports: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    rest: list[ast.stmt] = field(default_factory=list)


@dataclass(frozen=True)
class Definition:
    """One definition of the package.

    Attributes:
        code: normalised, behind what it imports from other packages.
        mentions: the definitions of this package that it names.
        packages: names under which it imports other packages, those of Python itself included.
    """

    code: str
    mentions: tuple[str, ...]
    packages: frozenset[str]


def fingerprint(entries: Iterable[str], choices: Mapping[str, str]) -> str:
    """The sha256 of all code that the entries reach.

    Args:
        entries: functions as "package.module:name".
        choices: for a table, "package.module:NAME", the key of the one entry that counts.
    """
    text = "\n".join(f"{name}\n{one.code}" for name, one in sorted(reach(entries, choices).items()))
    return hashlib.sha256(text.encode()).hexdigest()


def reach(entries: Iterable[str], choices: Mapping[str, str]) -> dict[str, Definition]:
    """Each definition that the entries reach, by "package.module:name".

    Raises:
        KeyError: an entry or a choice names nothing.
    """
    reached: dict[str, Definition] = {}
    waiting = list(entries)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached[name] = _read(name, choices.get(name))
            waiting += reached[name].mentions
    return reached


@cache
def _read(name: str, key: str | None) -> Definition:
    """One definition, or one entry of a table.

    Kept, since the jobs of a study reach the same definitions: normalising takes most of the time of planning.
    """
    module_name, _, definition = name.partition(":")
    module = _parse(module_name)
    around: list[str] = []
    if definition == "":
        nodes: list[Statement] = list(module.rest)
    elif definition in module.definitions:
        nodes = _chosen(module.definitions[definition], key)
        parents = module_name.split(".")
        around = [f"{'.'.join(parents[: depth + 1])}:" for depth in range(len(parents))]
    else:
        raise KeyError(f"{name} is not defined")
    external, internal = _names(module_name, module, nodes)
    code = "\n".join([*sorted(external), *(ast.unparse(node) for node in nodes)])
    packages = frozenset(line.split(" = ")[1].partition(":")[0].partition(".")[0] for line in external)
    return Definition(code, (*around, *sorted(internal)), packages)


def _chosen(nodes: list[Statement], key: str | None) -> list[Statement]:
    """Of a table, the value of one entry, and whole whatever else is said of the table."""
    if key is None:
        return nodes
    table = nodes[0].value if isinstance(nodes[0], ast.Assign | ast.AnnAssign) else None
    if isinstance(table, ast.Dict):
        for entry, value in zip(table.keys, table.values, strict=True):
            if isinstance(entry, ast.Constant) and entry.value == key:
                return [value, *nodes[1:]]
    raise KeyError(f"no entry {key}")


def _names(module_name: str, module: _Module, nodes: Iterable[Statement]) -> tuple[set[str], set[str]]:
    """What the nodes mention: imports from outside the package as text, definitions inside it as entries."""
    parts = [part for node in nodes for part in ast.walk(node)]
    local = _Module()
    for part in parts:
        if isinstance(part, ast.Import | ast.ImportFrom):
            _bind(part, local)
    external, internal = set(), set()
    for name, attribute in _mentions(parts):
        for imports in (local.imports, module.imports):
            if name in imports:
                outside, inside = _resolve(name, *imports[name], attribute)
                external |= outside
                internal |= inside
        if name in module.definitions:
            internal.add(f"{module_name}:{name}")
    return external, internal


def _resolve(name: str, origin: str, member: str | None, attribute: str | None) -> tuple[set[str], set[str]]:
    """What an imported name stands for: text if outside the package, else definitions, through re-imports."""
    if origin.split(".")[0] != PACKAGE:
        return {f"{name} = {origin}:{member or ''}"}, set()
    if member is not None and not _path(f"{origin}.{member}").is_file():
        module = _parse(origin)
        if member in module.imports:
            return _resolve(name, *module.imports[member], attribute)
        return set(), {f"{origin}:{member}"}
    submodule = f"{origin}.{member}" if member else origin
    known = _parse(submodule).definitions
    return set(), {f"{submodule}:{one}" for one in ([attribute] if attribute in known else known)}


def _mentions(parts: list[ast.AST]) -> Iterator[tuple[str, str | None]]:
    """Every name that is read, with the attribute taken from it if one is."""
    based = set()
    for part in parts:
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            based.add(id(part.value))
            yield part.value.id, part.attr
    for part in parts:
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and id(part) not in based:
            yield part.id, None


class _Stripper(ast.NodeTransformer):
    """Removes docstrings, and type hints of functions and local variables."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
            argument.annotation = None
        for star in (node.args.vararg, node.args.kwarg):
            if star is not None:
                star.annotation = None
        node.returns = None
        node.body = [_without_hint(statement) for statement in _without_docstring(node.body)]
        self.generic_visit(node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.body = _without_docstring(node.body)
        self.generic_visit(node)
        return node


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    kept = [statement for statement in body if not _is_text(statement)]
    return kept or [ast.Pass()]


def _without_hint(statement: ast.stmt) -> ast.stmt:
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        return ast.copy_location(ast.Assign([statement.target], statement.value), statement)
    return statement


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


@cache
def _parse(module_name: str) -> _Module:
    module = _Module()
    tree = ast.parse(_path(module_name).read_text(encoding="utf-8"))
    for statement in _Stripper().visit(tree).body:
        _sort(statement, module)
    return module


def _path(module_name: str) -> Path:
    path = ROOT.joinpath(*module_name.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_name(f"{path.name}.py")


def _sort(statement: ast.stmt, module: _Module) -> None:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        module.definitions.setdefault(statement.name, []).append(statement)
    elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for part in (part for target in targets for part in ast.walk(target)):
            if isinstance(part, ast.Name):
                module.definitions.setdefault(part.id, []).append(statement)
            elif isinstance(part, ast.Attribute | ast.Subscript):
                module.rest.append(statement)
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        _bind(statement, module)
    elif isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
        pass
    elif not _is_text(statement):
        module.rest.append(statement)


def _bind(statement: ast.Import | ast.ImportFrom, module: _Module) -> None:
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            module.imports[alias.asname or alias.name.split(".")[0]] = (alias.name, None)
    elif statement.level:
        raise ValueError(f"line {statement.lineno}: a relative import; this package names modules in full")
    elif statement.module != "__future__":
        for alias in statement.names:
            module.imports[alias.asname or alias.name] = (statement.module or "", alias.name)
