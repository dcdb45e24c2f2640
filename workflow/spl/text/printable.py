"""Text in a terminal or a log, where nothing may be a command: which characters are refused, escaped and printed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import TextIO

# Unicode's categories of control characters; of formats, which reorder a line or cannot be seen; of what has no
# meaning, or one by private agreement alone, so that nobody knows how it looks; of halves of characters, which stand
# for bytes that are not UTF-8; of separators of lines and of paragraphs.
HIDDEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # Persian, Indic scripts and emoji are written with them

# Letters, marks and signs that show nothing and that nobody writes: vowels of Khmer that were given up, fillers of
# Hangul and of Khitan, blank hieroglyphs, a note without a head.
UNSEEN = re.compile("[\u17b4\u17b5\u3164\uffa0\U00013441\U00013442\U00016fe4\U0001d159]")
# Those that people write, of which some take room: what stands for blanks where blanks are looked for.
BLANK = r"\s\u115f\u1160\u2800"
NOTHING = rf"{JOINERS}\u034f\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
SEVERAL = re.compile(rf"[{BLANK}][{BLANK}{NOTHING}]*[{BLANK}]")
AFTER_OTHERS = re.compile(rf"(?<=[^{BLANK}{NOTHING}])[{NOTHING}]*{SEVERAL.pattern}")
# Characters of somebody else's words that a line of ours has room for.
ROOM = 200
# That many times the room is looked at of longer words, in which blanks and characters that are not shown take none.
LONG = 100


def is_printable(text: str) -> bool:
    """Whether text is one line of visible characters: without control characters, and in one direction."""
    return (text.isascii() and text.isprintable()) or not any(map(_is_hidden, text))


def printable(text: str) -> str:
    """Text as one line that a terminal shows and does not obey: other characters as escapes, such as ``\\x1b``.

    Of several blanks only one stays, except at the beginning: else they could fill a line of the terminal, so that what
    follows stands below like a line of ours.
    """
    if not is_printable(text):
        text = "".join(letter.encode("unicode_escape").decode() if _is_hidden(letter) else letter for letter in text)
    return AFTER_OTHERS.sub(" ", text)


def has_blanks(text: str) -> bool:
    """Whether a text has several blanks in a row, of which :func:`printable` keeps one alone."""
    return bool(SEVERAL.search(text))


def brief(text: str, room: int = ROOM) -> str:
    """Somebody else's words within a line of ours, printable; an ellipsis stands for what there is no room for."""
    beginning = text[: LONG * room]  # of a file's whole content, letter by letter, would take minutes
    line = printable(beginning)
    return line if len(line) <= room and beginning == text else f"{line[: room - 1]}…"


class Lines(str):
    """Several lines of a message, each printable: all other text is one line, whatever somebody put into it."""

    __slots__ = ()


def in_lines(lines: Iterable[str]) -> Lines:
    """A message of several lines, for an error."""
    return Lines("\n".join(map(printable, lines)))


def error_lines(error: Exception) -> list[str]:
    """What a terminal shows of an error: several lines only if they are :func:`in_lines`."""
    message = error.args[0] if error.args else ""
    lines = message.split("\n") if isinstance(message, Lines) else [printable(str(error))]
    return [f"error: {line}" for line in lines]


def say(*lines: str, file: TextIO | None = None) -> None:
    """Print lines, to standard output by default; each stays one line."""
    for line in lines:
        print(printable(line), file=file)


def _is_hidden(letter: str) -> bool:
    hidden = unicodedata.category(letter) in HIDDEN or UNSEEN.match(letter)
    return bool(hidden) and letter not in JOINERS
