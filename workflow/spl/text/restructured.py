"""Text in reStructuredText, in which the captions of Snakemake's report are written."""

from __future__ import annotations

import re

from spl.text.printable import printable

PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")  # of ASCII: all markup begins with one, or needs one


def restructured(text: str) -> str:
    """Text for a paragraph in reStructuredText, which shows it as it is."""
    return PUNCTUATION.sub(r"\\\g<0>", printable(text).strip())
