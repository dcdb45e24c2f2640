"""Text in a terminal or a log, where nothing may be a command: which characters are refused, escaped and printed."""

from __future__ import annotations

import unicodedata
from typing import TextIO

# Unicode's categories of control characters; of formats, which reorder a line or cannot be seen; of halves of
# characters, which stand for bytes that are not UTF-8; of separators of lines and of paragraphs.
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # Persian, Indic scripts and emoji are written with them


def is_printable(text: str) -> bool:
    """Whether text is one line of visible characters: without control characters, and in one direction."""
    return text.isprintable() or not any(map(_is_hidden, text))


def printable(text: str) -> str:
    """Text as one line that a terminal shows and does not obey: other characters as escapes, such as ``\\x1b``."""
    if is_printable(text):
        return text
    return "".join(letter.encode("unicode_escape").decode() if _is_hidden(letter) else letter for letter in text)


def say(*lines: str, file: TextIO | None = None) -> None:
    """Print lines, to standard output by default; each stays one line."""
    for line in lines:
        print(printable(line), file=file)


def _is_hidden(letter: str) -> bool:
    return unicodedata.category(letter) in HIDDEN and letter not in JOINERS
