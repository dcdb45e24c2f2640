"""JSON in an HTML page."""

from __future__ import annotations


def in_script(content: str) -> str:
    """The same JSON without a character that could end, or begin, an element of a page that it is written into."""
    return content.replace("<", "\\u003c")
