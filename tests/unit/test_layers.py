"""The folders of the package import downwards only, and a name of the package has one meaning."""

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "workflow/spl"
LAYERS = (
    *(
        {"cli"},
        {"doctor"},
        {"audit"},
        {"provenance"},
        {"campaign"},
        {"page"},
        {"paper"},
        {"figures", "tables"},
        {"analysis"},
        {"attempts"},
    ),
    *({"training"}, {"study"}, {"methods"}, {"data"}, {"code"}, {"errors", "registry", "text"}),
)
"""From the top: a folder imports from those of lower layers, and of its own layer only from itself."""
FORBIDDEN = {(shown, maker) for shown in ("figures", "tables", "analysis") for maker in ("attempts", "training")}
FORBIDDEN |= {("methods", lower) for lower in ("data", "code", "errors")}
"""Downwards, and still not allowed."""
ENTRIES = {"draw", "build", "METHOD", "SOURCE"}
"""What every figure, table, method and data source calls by the same name."""


def statements(node):
    """The statements below a node, inside functions too, without those for the type checker alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from statements(child)


def imported(tree):
    """The modules of the package that a module imports, also later and in functions."""
    for node in statements(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.module == "spl":
                yield from (f"spl.{alias.name}" for alias in node.names)
            else:
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def folder(module):
    return module.split(".")[1]


MODULES = {
    ".".join(["spl", *path.relative_to(PACKAGE).with_suffix("").parts]): ast.parse(path.read_text())
    for path in PACKAGE.rglob("*.py")
    if path != PACKAGE / "__init__.py"
}
ARROWS = {
    (folder(module), folder(other)): f"{module} imports {other}"
    for module, tree in MODULES.items()
    for other in imported(tree)
    if other.startswith("spl.") and folder(module) != folder(other)
}


def test_every_folder_has_its_layer():
    assert {folder(module) for module in MODULES} == set().union(*LAYERS)


def test_imports_lead_downwards():
    floor = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    assert [arrow for (above, below), arrow in ARROWS.items() if floor[above] >= floor[below]] == []
    assert [arrow for ends, arrow in ARROWS.items() if ends in FORBIDDEN] == []


def test_a_function_or_class_has_a_name_of_its_own():
    places = defaultdict(set)
    for module, tree in MODULES.items():
        if folder(module) == "cli":  # a subcommand is called as what it does
            continue
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].add(module)
    assert {name: modules for name, modules in places.items() if len(modules) > 1 and name not in ENTRIES} == {}
