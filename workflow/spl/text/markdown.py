"""Text in Markdown."""

from __future__ import annotations

import re

from spl.text.printable import printable

# What begins or ends markup anywhere in a line: of CommonMark, and of GitHub's tables, strikethrough and formulas. An
# underscore between two letters or digits begins none.
INLINE = re.compile(r"[\\`*\[\]<&|~$]|(?<![^\W_])_|_(?![^\W_])")
# At the start of a line: what begins a quotation, a list, a heading or a rule.
START = re.compile(r"^(\d*)(?=>|[.)](?:\s|$)|[-+=#]+(?:\s|$))")


def markdown(text: str) -> str:
    """Text for a line of Markdown or a cell of a table, which shows it as it is."""
    return START.sub(r"\1\\", INLINE.sub(r"\\\g<0>", printable(text).strip()))
