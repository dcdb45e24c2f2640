"""Text as a word of a command that is printed to be copied."""

from __future__ import annotations

import os
import shlex

from spl.text.printable import is_printable

VISIBLE = {*range(0x20, 0x7F)} - {*b"\\'"}


def shell_word(text: str) -> str:
    """Text as one word for bash; names that cannot be printed, byte by byte: ``$'a\\x1bb'``."""
    if is_printable(text):
        return shlex.quote(text)
    return "$'{}'".format("".join(chr(byte) if byte in VISIBLE else f"\\x{byte:02x}" for byte in os.fsencode(text)))
