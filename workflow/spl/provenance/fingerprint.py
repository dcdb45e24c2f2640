"""Which code can influence a job: the definitions reachable by name from the function that it calls.

Taken from the syntax tree of this package, so that comments, docstrings, formatting and type hints of functions do not
count, and nothing is imported. Of a table only the chosen entry counts. What cannot be resolved counts whole:

- a module that does more, when it is imported, than to give each name one definition: with all that it says;
- a module that defines nothing of a name that is taken from it: the same;
- code that looks at code (``importlib``, ``inspect``, ``eval``, ``__file__``, ``__doc__``, ...) or changes what belongs
  to a module from inside a function: with every file of the package, templates and tables too.

What is taken on trust: a function that is called for a public constant while a module is imported does nothing else.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType

PACKAGE = "spl"
ROOT = Path(__file__).parents[1]

EVERYTHING = "*"
"""The entry that stands for every file of the package."""
LOOKS_AT_CODE = {
    *("eval", "exec", "globals", "locals", "__import__", "__builtins__", "__file__", "__path__", "__spec__"),
    *("__doc__", "__annotations__", "__code__", "__globals__", "__subclasses__", "__init_subclass__", "metaclass"),
}
"""Names behind which any code of the package can be, or its files."""
LOOKS_AT_CODE_FROM_OUTSIDE = re.compile(
    r"(importlib(?!\.metadata)|inspect|runpy|pkgutil|pydoc|builtins)\b|sys\.(modules|_getframe)|typing\.get_type_hints"
)
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
class _Module:
    """The top level of a module.

    Attributes:
        body: its statements.
        definitions: what defines each name.
        imports: what each name is imported as.
        unused: names that it imports and does not mention: for what their import does, or to pass them on.
        plain: whether importing it gives each name one definition, and does no more.
        changes: whether its functions change what belongs to a module.
    """

    body: list[ast.stmt]
    definitions: dict[str, ast.stmt] = field(default_factory=dict)
    imports: dict[str, list[Bound]] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    plain: bool = True
    changes: bool = False


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

    Raises:
        KeyError: an entry or a choice names nothing.
    """
    text = "\n".join(f"{name}\n{one.code}" for name, one in sorted(reach(entries, choices).items()))
    return hashlib.sha256(text.encode()).hexdigest()


def reach(entries: Iterable[str], choices: Mapping[str, str]) -> dict[str, Definition]:
    """Each definition that the entries reach, by "package.module:name".

    Of a table that is read by a key alone, "package.module:NAME[]", the chosen entry; of "package.module:name()", what
    the function does itself, and nothing that it names; "package.module:" is what the import of a module does,
    "package.module:*" all that it says, and :data:`EVERYTHING` every file.

    Raises:
        KeyError: an entry or a choice names nothing.
    """
    reached: dict[str, Definition] = {}
    waiting = list(entries)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            table = name.removesuffix("[]")
            reached[name] = _read(table, choices.get(table) if name != table else None)
            waiting += reached[name].mentions
    return {name: one for name, one in reached.items() if one.code}


@cache
def _read(name: str, key: str | None) -> Definition:
    """One definition, or one entry of a table.

    Kept, since the jobs of a study reach the same definitions: normalising takes most of the time of planning.
    """
    if name == EVERYTHING:
        return Definition(_every_file(), (), frozenset())
    module_name, _, definition = name.partition(":")
    module = _parse(module_name)
    if definition == "":
        return _imported(module_name, module)
    if definition.endswith("()"):
        return Definition(_body(module.definitions[definition.removesuffix("()")]), (), frozenset())
    if definition == "*":
        nodes: list[ast.AST] = [*module.body]
    elif definition in module.definitions:
        nodes = _chosen(module.definitions[definition], key)
    else:
        raise KeyError(f"{name} is not defined")
    external, internal = _names(module_name, module, nodes)
    return _definition(external, nodes, {*internal, f"{module_name}:"})


def _body(function: ast.stmt) -> str:
    """What a function does, without what its decorators read: its options and their help texts."""
    if not isinstance(function, ast.FunctionDef):
        raise TypeError(f"line {function.lineno}: expected a function")
    return "\n".join(map(ast.unparse, function.body))


def _definition(external: set[str], nodes: Iterable[ast.AST], mentions: set[str]) -> Definition:
    code = "\n".join([*sorted(external), *(ast.unparse(node) for node in nodes)])
    packages = frozenset(line.split(" = ")[1].partition(":")[0].partition(".")[0] for line in external)
    return Definition(code, tuple(sorted(mentions)), packages)


def _imported(module_name: str, module: _Module) -> Definition:
    """What the import of a module does, that of others and of the packages around it included."""
    external, internal = set[str](), set(_executed(module.body))
    for name in module.unused:
        for origin, member in module.imports[name]:
            outside, inside = _resolve(name, origin, member, None, "")
            external |= outside
            internal |= inside if member else set()
    if "." in module_name:
        internal.add(f"{module_name.rpartition('.')[0]}:")
    if not module.plain:
        internal.add(f"{module_name}:*")
    if module.changes:
        internal.add(EVERYTHING)
    return _definition(external, (), internal)


def _chosen(statement: ast.stmt, key: str | None) -> list[ast.AST]:
    """Of a table that is written out, the value of one entry."""
    table = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    if key is None or not isinstance(table, ast.Dict):
        return [statement]
    known = [entry.value if isinstance(entry, ast.Constant) else None for entry in table.keys]
    if None in known:
        return [statement]
    if key not in known:
        raise KeyError(f"no entry {key}")
    return [value for entry, value in zip(known, table.values, strict=True) if entry == key]


def _names(module_name: str, module: _Module, nodes: Iterable[ast.AST]) -> tuple[set[str], set[str]]:
    """What the nodes mention: imports from outside the package as text, definitions inside it as entries."""
    parts = [part for node in nodes for part in ast.walk(node)]
    local = dict[str, list[Bound]]()
    external, internal = set[str](), set(_executed(parts))
    for part in parts:
        if isinstance(part, ast.Import | ast.ImportFrom):
            _bind(part, local)
    if any(_looks_at_code(part) for part in parts):
        internal.add(EVERYTHING)
    mentions = [*_mentions(parts)]
    passed_on = local.keys() - {name for name, _, _ in mentions}
    for name, attribute, way in [*mentions, *((name, None, "") for name in passed_on)]:
        for origin, member in [*local.get(name, ()), *module.imports.get(name, ())]:
            outside, inside = _resolve(name, origin, member, attribute, way)
            external |= outside
            internal |= inside
        if name in module.definitions:
            internal.add(f"{module_name}:{name}{way}")
    return external, internal


def _resolve(name: str, origin: str, member: str | None, attribute: str | None, way: str) -> tuple[set[str], set[str]]:
    """What an imported name stands for: text if outside the package, else definitions, through re-imports."""
    if origin.split(".")[0] != PACKAGE:
        full = ".".join(filter(None, (origin, member, attribute)))
        inside = {EVERYTHING} if LOOKS_AT_CODE_FROM_OUTSIDE.match(full) else set[str]()
        return {f"{name} = {origin}:{member or ''}"}, inside
    if member and not _is_module(f"{origin}.{member}"):
        return _find(name, origin, member, way)
    module_name = f"{origin}.{member}" if member else origin
    return _find(name, module_name, attribute, "") if attribute else (set(), {_whole(module_name)})


def _find(name: str, module_name: str, member: str, way: str) -> tuple[set[str], set[str]]:
    """What a member of a module stands for."""
    module = _parse(module_name)
    external, internal = set[str](), set[str]()
    for origin, further in module.imports.get(member, ()):
        outside, inside = _resolve(name, origin, further, None, way)
        external |= outside
        internal |= inside
    if member in module.definitions:
        internal.add(f"{module_name}:{member}{way}")
    if not external and not internal:
        submodule = f"{module_name}.{member}"
        internal.add(_whole(submodule if _is_module(submodule) else module_name))
    return external, internal


def _whole(module_name: str) -> str:
    """All of a module; of a package, all that could be taken from it."""
    return EVERYTHING if _path(module_name).name == "__init__.py" else f"{module_name}:*"


def _mentions(parts: list[ast.AST]) -> Iterator[tuple[str, str | None, str]]:
    """Every name, with the attribute taken from it if one is, and "[]" if it is looked up by a key that varies."""
    based = set()
    for part in parts:
        if isinstance(part, ast.Attribute | ast.Subscript) and isinstance(part.value, ast.Name):
            if isinstance(part, ast.Attribute):
                based.add(id(part.value))
                yield part.value.id, part.attr, ""
            elif isinstance(part.ctx, ast.Load) and isinstance(part.slice, ast.Name | ast.Attribute):
                based.add(id(part.value))
                yield part.value.id, None, "[]"
    for part in parts:
        if isinstance(part, ast.Name) and id(part) not in based:
            yield part.id, None, ""


def _looks_at_code(part: ast.AST) -> bool:
    if isinstance(part, ast.Attribute):  # a network's eval() evaluates nothing
        return part.attr.startswith("__") and part.attr in LOOKS_AT_CODE
    named = getattr(part, "id", None) or getattr(part, "name", None) or getattr(part, "arg", None)
    return named in LOOKS_AT_CODE


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
def _parse(module_name: str) -> _Module:
    tree = ast.parse(_path(module_name).read_text(encoding="utf-8"))
    names = [part for part in ast.walk(tree) if isinstance(part, ast.Name)]
    mentioned = {part.id for part in names if isinstance(part.ctx, ast.Load)}
    module = _Module(_Stripper().visit(tree).body)
    bound = Counter(name for statement in module.body for name in _bound(statement, module))
    module.unused = [name for name in module.imports if name not in mentioned]
    module.plain = max(bound.values(), default=1) == 1 and all(map(_is_plain, module.body))
    module.plain &= not any(isinstance(part, ast.Global) for part in ast.walk(tree))
    module.plain &= not any(name.startswith("_") and name not in mentioned for name in _assigned(module))
    module.changes = _changes(module)
    return module


def _bound(statement: ast.stmt, module: _Module) -> list[str]:
    """The names that a statement binds, entered into the module."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        found = dict[str, list[Bound]]()
        _bind(statement, found)
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


def _assigned(module: _Module) -> list[str]:
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


def _changes(module: _Module) -> bool:
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


def _executed(parts: Iterable[ast.AST]) -> Iterator[str]:
    """The modules of this package that import statements run."""
    for part in parts:
        names: list[str] = []
        if isinstance(part, ast.Import):
            names = [alias.name for alias in part.names]
        elif isinstance(part, ast.ImportFrom) and part.module:
            names = [part.module, *(f"{part.module}.{alias.name}" for alias in part.names)]
        yield from (f"{name}:" for name in names if name.split(".")[0] == PACKAGE and _is_module(name))


def _bind(statement: ast.Import | ast.ImportFrom, imports: dict[str, list[Bound]]) -> None:
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


def _path(module_name: str) -> Path:
    path = ROOT.joinpath(*module_name.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_name(f"{path.name}.py")


@cache
def _is_module(name: str) -> bool:
    return _path(name).is_file()


@cache
def _every_file() -> str:
    """The sha256 of every file of the package."""
    files = sorted(path for path in ROOT.rglob("*") if path.is_file() and path.suffix != ".pyc")
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(ROOT)}" for path in files)
    return "\n".join(lines)
