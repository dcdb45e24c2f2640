"""Text in Markdown."""

from __future__ import annotations

import re

from spl.text.printable import printable

# What begins or ends markup in a line: of CommonMark, and of GitHub's tables, strikethrough and formulas. An underscore
# between two letters or digits begins none.
MARKUP = re.compile(r"[\\`*\[\]<&|~$]|(?<![^\W_])_|_(?![^\W_])")


def markdown(text: str) -> str:
    """Text for a cell of a table, or for a line after its first word, which show it as it is.

    Signs that begin a list or a quotation do so only at the start of a line, and stay as they are.
    """
    return MARKUP.sub(r"\\\g<0>", printable(text).strip())
