"""Registries without a list: each file of a folder that defines a constant of an agreed name is an entry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """The entries of a package by key, the file's name with "-" for "_"; a module is imported when it is asked for.

    Iteration is in alphabetical order and imports nothing.

    Args:
        package: name of the package, whose folder is listed.
        folder: of the package.
        constant: what a module must define at its top level to be an entry.
    """

    def __init__(self, package: str, folder: Path, constant: str) -> None:
        self._package = package
        self._folder = folder
        self._constant = constant
        self._definition = re.compile(rf"^{constant}\s*[:=]", re.MULTILINE)
        self._loaded: dict[str, T] = {}

    def module_of(self, key: str) -> str:
        """The module that defines an entry, without importing it.

        Raises:
            KeyError: no file of the folder defines it.
        """
        name = key.replace("-", "_")
        if "_" in key or not name.isidentifier() or not self._defines(self._folder / f"{name}.py"):
            raise KeyError(key)
        return f"{self._package}.{name}"

    def __getitem__(self, key: str) -> T:
        if key not in self._loaded:
            self._loaded[key] = getattr(import_module(self.module_of(key)), self._constant)
        return self._loaded[key]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(path.stem.replace("_", "-") for path in self._folder.glob("*.py") if self._defines(path)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _defines(self, path: Path) -> bool:
        try:
            return self._definition.search(path.read_text(encoding="utf-8")) is not None
        except OSError:  # no such file, or a key that is too long for a name of one
            return False
