"""One thing that was looked at, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """The state of one thing.

    Attributes:
        about: its name, such as "commit".
        level: "error": a campaign would fail or lose something; "warning": it may.
        message: what was found.
        advice: what to do; "" if nothing is to be done.
    """

    about: str
    level: Level
    message: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.about}: {self.message}" + f"; {self.advice}" * bool(self.advice)
