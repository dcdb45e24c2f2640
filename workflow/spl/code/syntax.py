"""The modules of this package as their syntax trees say it: what each defines and imports, and what its import does.

Without comments, docstrings, formatting and type hints of functions; nothing is imported.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType

PACKAGE = "spl"
ROOT = Path(__file__).parents[1]

CHANGES = {"setattr", "delattr", *dir(list), *dir(dict), *dir(set)} - {
    *dir(tuple),
    *dir(MappingProxyType),
    *dir(frozenset),
}
"""What changes a list, dictionary, set or object in place."""
HARMLESS_DECORATORS = {"dataclass", "cache", "lru_cache", "wraps", "contextmanager", "no_grad", "inference_mode"}
"""Those of a function or class at the top of a module that register it nowhere."""

Bound = tuple[str, str | None]
"""What an import binds a name to: a module, and a member of it."""


@dataclass
class Module:
    """The top level of a module.

    Attributes:
        body: its statements.
        definitions: what defines each name.
        imports: what each name is imported as.
        unused: names that it imports and does not mention: for what their import does, or to pass them on.
        plain: whether importing it gives each name one definition, and does no more.
        changes: whether its functions change what belongs to a module.
        effects: statements that do more than to define, import or decorate something.
    """

    body: list[ast.stmt]
    definitions: dict[str, ast.stmt] = field(default_factory=dict)
    imports: dict[str, list[Bound]] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    plain: bool = True
    changes: bool = False
    effects: list[ast.stmt] = field(default_factory=list)


class _Stripper(ast.NodeTransformer):
    """Removes docstrings, what only type checkers read, and type hints of functions and local variables.

    Decorators can read the hints of a function, so that these stay.
    """

    def __init__(self) -> None:
        self.in_function = False

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if getattr(node, "body", None) == []:
            node.body = [ast.Pass()]  # type: ignore[attr-defined]  # not every kind of node has one; this has
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._without_hints(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._without_hints(node)

    def _without_hints(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        if not node.decorator_list:
            node.returns = None
            for part in ast.walk(node.args):
                if isinstance(part, ast.arg):
                    part.annotation = None
        return self._inside(node, in_function=True)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._inside(node, in_function=False)

    def _inside(self, node: ast.AST, in_function: bool) -> ast.AST:
        before, self.in_function = self.in_function, in_function
        self.generic_visit(node)
        self.in_function = before
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if self.in_function and node.value is not None:
            return ast.copy_location(ast.Assign([node.target], node.value), node)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        node.kind = None  # u"" is ""
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        named = getattr(node.test, "id", None) or getattr(node.test, "attr", None)
        return node.orelse if named == "TYPE_CHECKING" else node


@cache
def parse(module_name: str) -> Module:
    """Read a module, "spl.training.loop" for one; a package is its ``__init__``."""
    tree = ast.parse(module_path(module_name).read_text(encoding="utf-8"))
    names = [part for part in ast.walk(tree) if isinstance(part, ast.Name)]
    mentioned = {part.id for part in names if isinstance(part.ctx, ast.Load)}
    module = Module(_Stripper().visit(tree).body)
    bound = Counter(name for statement in module.body for name in _bound(statement, module))
    module.unused = [name for name in module.imports if name not in mentioned]
    module.plain = max(bound.values(), default=1) == 1 and all(map(_is_plain, module.body))
    module.plain &= not any(isinstance(part, ast.Global) for part in ast.walk(tree))
    module.plain &= not any(name.startswith("_") and name not in mentioned for name in _assigned(module))
    module.changes = _changes(module)
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ImportFrom)
    module.effects = [one for one in module.body if not _is_plain(one) and not isinstance(one, definitions)]
    return module


def _bound(statement: ast.stmt, module: Module) -> list[str]:
    """The names that a statement binds, entered into the module."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        found = dict[str, list[Bound]]()
        bind(statement, found)
        for name, bound in found.items():
            module.imports.setdefault(name, []).extend(bound)
        return [] if isinstance(statement, ast.Import) else [*found]
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        names = [statement.name]
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        names = [part.id for target in _targets(statement) for part in ast.walk(target) if isinstance(part, ast.Name)]
    else:
        names = []
    module.definitions |= dict.fromkeys(names, statement)
    return names


def _assigned(module: Module) -> list[str]:
    return [name for name, one in module.definitions.items() if isinstance(one, ast.Assign | ast.AnnAssign)]


def _targets(statement: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return statement.targets if isinstance(statement, ast.Assign) else [statement.target]


def _is_plain(statement: ast.stmt) -> bool:
    """Whether a statement at the top of a module or class only defines names."""
    if isinstance(statement, ast.FunctionDef):
        return all(map(_is_harmless, statement.decorator_list)) and not _has_walrus(statement.args)
    if isinstance(statement, ast.ClassDef):
        methods = (ast.FunctionDef, ast.AsyncFunctionDef)
        inside = (one for one in statement.body if not isinstance(one, methods))
        return all(map(_is_harmless, statement.decorator_list)) and all(map(_is_plain, inside))
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        parts = (part for target in _targets(statement) for part in ast.walk(target))
        only_names = not any(isinstance(part, ast.Attribute | ast.Subscript) for part in parts)
        return only_names and not _has_walrus(statement)
    if isinstance(statement, ast.ImportFrom):
        return statement.names[0].name != "*"
    return isinstance(statement, ast.Import | ast.Pass)


def _has_walrus(node: ast.AST) -> bool:
    return any(isinstance(part, ast.NamedExpr) for part in ast.walk(node))


def _is_harmless(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (getattr(called, "id", None) or getattr(called, "attr", None)) in HARMLESS_DECORATORS


def _changes(module: Module) -> bool:
    """Whether a definition changes what belongs to this module, or to one that it imports from this package."""
    ours = {name for name, bound in module.imports.items() if any(one.split(".")[0] == PACKAGE for one, _ in bound)}
    ours |= {*module.definitions}
    for statement in module.definitions.values():
        for scope in statement.body if isinstance(statement, ast.ClassDef) else [statement]:
            parts = [*ast.walk(scope)]
            own = {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
            own |= {part.arg for part in parts if isinstance(part, ast.arg)}
            if any(_root(changed) in ours - own for part in parts for changed in _changed(part)):
                return True
    return False


def _changed(part: ast.AST) -> Iterator[ast.AST]:
    """What an expression changes in place."""
    if isinstance(part, ast.Attribute | ast.Subscript) and not isinstance(part.ctx, ast.Load):
        yield part
    elif isinstance(part, ast.Call) and getattr(part.func, "attr", None) in CHANGES:
        yield part.func
    elif isinstance(part, ast.Call) and getattr(part.func, "id", None) in CHANGES:
        yield from part.args[:1]


def _root(node: ast.AST) -> str | None:
    """The name that an expression begins with, "a" of a.b[c].d; None if with none."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def executed(parts: Iterable[ast.AST]) -> Iterator[str]:
    """The modules of this package that import statements run."""
    for part in parts:
        names: list[str] = []
        if isinstance(part, ast.Import):
            names = [alias.name for alias in part.names]
        elif isinstance(part, ast.ImportFrom) and part.module:
            names = [part.module, *(f"{part.module}.{alias.name}" for alias in part.names)]
        yield from (f"{name}:" for name in names if name.split(".")[0] == PACKAGE and is_module(name))


def bind(statement: ast.Import | ast.ImportFrom, imports: dict[str, list[Bound]]) -> None:
    """Enter what an import statement binds.

    Raises:
        ValueError: the import is a relative one.
    """
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            package = alias.name.split(".")[0]
            origin = PACKAGE if package == PACKAGE and not alias.asname else alias.name
            imports.setdefault(alias.asname or package, []).append((origin, None))
    elif statement.level:
        raise ValueError(f"line {statement.lineno}: a relative import; this package names modules in full")
    elif statement.module != "__future__":
        for alias in statement.names:
            member = None if alias.name == "*" else alias.name
            imports.setdefault(alias.asname or alias.name, []).append((statement.module or "", member))


def module_path(module_name: str) -> Path:
    """Where a module would lie. A folder without ``__init__.py``, such as a former package leaves, is none."""
    path = ROOT.joinpath(*module_name.split(".")[1:])
    package = path / "__init__.py"
    return package if package.is_file() or path == ROOT else path.with_name(f"{path.name}.py")


@cache
def is_module(name: str) -> bool:
    """Whether there is a module of this name."""
    return module_path(name).is_file()
