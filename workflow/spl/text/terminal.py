"""Text for rich, which takes parts of a plain string for markup and for names of emoji."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from spl.text.printable import printable


def plain(text: object, style: str = "") -> Text:
    """Text for a cell, a title or a line of rich, none of which is markup; everything else as text."""
    return Text(printable(str(text)), style)


def show(console: Console, *lines: str, style: str = "") -> None:
    """Print lines that rich neither interprets nor wraps."""
    for line in lines:
        console.print(plain(line, style), soft_wrap=True)
