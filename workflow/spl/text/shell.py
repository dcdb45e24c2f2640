"""Text as a word of a command that is printed to be copied."""

from __future__ import annotations

import os
import shlex

from spl.text.printable import has_blanks, is_printable

VISIBLE = {*range(0x21, 0x7F)} - {*b"\\'"}


def shell_word(text: str) -> str:
    """Text as one word for bash; names that are not printed as they are, byte by byte: ``$'a\\x1bb'``."""
    if is_printable(text) and not has_blanks(text):
        return shlex.quote(text)
    return "$'{}'".format("".join(chr(byte) if byte in VISIBLE else f"\\x{byte:02x}" for byte in os.fsencode(text)))
