"""What a person sees of work that takes its time: a bar in a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Thing = TypeVar("Thing")


def with_progress(things: Iterable[Thing], total: int, doing: str) -> Iterator[Thing]:
    """The things one after the other, below a bar that goes when they end."""
    console = Console(stderr=True)
    yield from track(things, doing, total, console=console, transient=True, disable=not console.is_terminal)
