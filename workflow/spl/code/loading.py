"""Modules of this package are compiled from their source text, and the sha256 of that text is kept.

Python otherwise runs what lies in ``__pycache__``, for which a time and a size vouch, or bytecode and extensions that
it finds before a module's text; no fingerprint holds them. A file that is swapped while a job runs shows, too: what was
compiled is not what was looked at.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from spl.code.fingerprint import PACKAGE, check_source, module_path
from spl.errors import InputError

# The sha256 of each module's text that this process has compiled, by its file.
compiled: dict[Path, str] = {}


class TextLoader(SourceFileLoader):
    """Compiles a module from its text, whatever lies in a cache."""

    def get_code(self, fullname: str) -> CodeType:
        """The code of a module, as importlib asks for it.

        Raises:
            InputError: it is not in UTF-8.
        """
        path = self.get_filename(fullname)
        content = self.get_data(path)
        check_source(content, path)
        compiled[Path(path).resolve()] = hashlib.sha256(content).hexdigest()
        code: CodeType = self.source_to_code(content, path)
        return code


class _TextFinder:
    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != PACKAGE:
            return None
        if found := PathFinder.find_spec(fullname, path, target):
            _check_origin(fullname, found)
            if isinstance(found.loader, SourceFileLoader):
                found.loader = TextLoader(fullname, found.loader.path)
        return found


def _check_origin(name: str, found: ModuleSpec) -> None:
    """Refuse a module that is not the text of its name, which its fingerprint holds.

    Raises:
        InputError: Python finds something else before it.
    """
    if found.origin is None:  # a folder without a text of its own
        return
    origin = Path(found.origin)
    place = origin.parent.resolve() / origin.name
    if not isinstance(found.loader, SourceFileLoader) or place != module_path(name):
        raise InputError(f"{origin}: expected {module_path(name)}, before which Python finds this; remove it")


def compile_from_text() -> None:
    """From now on, load this package from its source text alone; compare what was loaded before with its text.

    Raises:
        InputError: Python ran something else for a module than its text says, or would load it.
    """
    if _TextFinder in sys.meta_path:
        return
    sys.meta_path.insert(0, _TextFinder)
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        loader = getattr(spec, "loader", None)
        if name == "__main__":  # as `python -m` calls what it runs
            name = getattr(spec, "name", name)
        if name.partition(".")[0] != PACKAGE or spec is None:
            continue
        _check_origin(name, spec)
        if not isinstance(loader, SourceFileLoader):  # a folder without a text of its own
            continue
        if loader.get_code(name) != TextLoader(name, loader.path).get_code(name):
            raise InputError(f"{loader.path}: its compiled form in __pycache__ is of another text; remove it")
