"""Matplotlib with the settings that it comes with."""

from __future__ import annotations

import sys
from contextlib import chdir
from importlib.util import find_spec
from pathlib import Path


def load_matplotlib() -> None:
    """Import matplotlib with its own settings, whatever those of the user and of the present folder are.

    It reads ``matplotlibrc`` of the present folder first, which may be that of received results: its mistakes would be
    printed as they are, and a pipe of this name waited for. So matplotlib's own file lies in the present folder.
    """
    found = find_spec("matplotlib")
    if "matplotlib" not in sys.modules and found and found.origin:
        with chdir(Path(found.origin).parent / "mpl-data"):
            import matplotlib  # noqa: F401 - it reads its settings now; figures use it later
