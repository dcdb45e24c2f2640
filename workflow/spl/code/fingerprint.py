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
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from spl.code import syntax
from spl.code.syntax import PACKAGE, Bound, Module, bind, executed, is_module, module_path, parse

EVERYTHING = "*"
"""The entry that stands for every file of the package."""
LOOKS_AT_CODE = {
    *("eval", "exec", "globals", "locals", "__import__", "__builtins__", "__file__", "__path__", "__spec__"),
    *("__doc__", "__annotations__", "__code__", "__globals__", "__subclasses__", "__init_subclass__", "metaclass"),
}
"""Names behind which any code of the package can be, or its files."""
LOOKS_AT_CODE_FROM_OUTSIDE = re.compile(
    r"(importlib(?!\.metadata)|inspect|runpy|pkgutil|pydoc|builtins)\b|sys\.(modules|_getframe)|typing\.get_type_hints"
    r"|pydantic\.(validate_call|TypeAdapter)|functools\.singledispatch"
)


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
    the function does itself, its module does beside defining, and the imports of both do, but nothing that it names;
    "package.module:" is what the import of a module does, "package.module:*" all that it says, and :data:`EVERYTHING`
    every file.

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
    module = parse(module_name)
    if definition == "":
        return _imported(module_name, module)
    if definition.endswith("()"):
        return _alone(module_name, module, module.definitions[definition.removesuffix("()")])
    if definition == "*":
        nodes: list[ast.AST] = [*module.body]
    elif definition in module.definitions:
        nodes = _chosen(module.definitions[definition], key)
    else:
        raise KeyError(f"{name} is not defined")
    external, internal = _names(module_name, module, nodes)
    return _definition(external, nodes, {*internal, f"{module_name}:"})


def _alone(module_name: str, module: Module, function: ast.stmt) -> Definition:
    """What a function does, without what its decorators read: its options and their help texts."""
    if not isinstance(function, ast.FunctionDef):
        raise TypeError(f"line {function.lineno}: expected a function")
    nodes = [*function.body, *module.effects]
    external, internal = _names(module_name, module, module.effects)
    outside, _ = _unused(module)
    imported = executed([*module.body, *(part for node in function.body for part in ast.walk(node))])
    return _definition(external | outside, nodes, {*internal, *imported})


def _definition(external: set[str], nodes: Iterable[ast.AST], mentions: set[str]) -> Definition:
    code = "\n".join([*sorted(external), *(ast.unparse(node) for node in nodes)])
    packages = frozenset(line.split(" = ")[1].partition(":")[0].partition(".")[0] for line in external)
    return Definition(code, tuple(sorted(mentions)), packages)


def _imported(module_name: str, module: Module) -> Definition:
    """What the import of a module does, that of others and of the packages around it included."""
    external, internal = _unused(module)
    internal |= set(executed(module.body))
    if "." in module_name:
        internal.add(f"{module_name.rpartition('.')[0]}:")
    if not module.plain:
        internal.add(f"{module_name}:*")
    if module.changes:
        internal.add(EVERYTHING)
    return _definition(external, (), internal)


def _unused(module: Module) -> tuple[set[str], set[str]]:
    """What a module imports for what the import does, or to pass it on."""
    external, internal = set[str](), set[str]()
    for name in module.unused:
        for origin, member in module.imports[name]:
            outside, inside = _resolve(name, origin, member, None, "")
            external |= outside
            internal |= inside if member else set()
    return external, internal


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


def _names(module_name: str, module: Module, nodes: Iterable[ast.AST]) -> tuple[set[str], set[str]]:
    """What the nodes mention: imports from outside the package as text, definitions inside it as entries."""
    parts = [part for node in nodes for part in ast.walk(node)]
    local = dict[str, list[Bound]]()
    external, internal = set[str](), set(executed(parts))
    for part in parts:
        if isinstance(part, ast.Import | ast.ImportFrom):
            bind(part, local)
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
    if member and not is_module(f"{origin}.{member}"):
        return _find(name, origin, member, way)
    module_name = f"{origin}.{member}" if member else origin
    return _find(name, module_name, attribute, "") if attribute else (set(), {_whole(module_name)})


def _find(name: str, module_name: str, member: str, way: str) -> tuple[set[str], set[str]]:
    """What a member of a module stands for."""
    module = parse(module_name)
    external, internal = set[str](), set[str]()
    for origin, further in module.imports.get(member, ()):
        outside, inside = _resolve(name, origin, further, None, way)
        external |= outside
        internal |= inside
    if member in module.definitions:
        internal.add(f"{module_name}:{member}{way}")
    if not external and not internal:
        submodule = f"{module_name}.{member}"
        internal.add(_whole(submodule if is_module(submodule) else module_name))
    return external, internal


def _whole(module_name: str) -> str:
    """All of a module; of a package, all that could be taken from it."""
    return EVERYTHING if module_path(module_name).name == "__init__.py" else f"{module_name}:*"


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


@cache
def _every_file() -> str:
    """The sha256 of every file of the package."""
    files = sorted(path for path in syntax.ROOT.rglob("*") if path.is_file() and path.suffix != ".pyc")
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(syntax.ROOT)}" for path in files)
    return "\n".join(lines)
