"""Text in figures, where matplotlib takes what stands between two dollar signs for a formula."""

from __future__ import annotations

from spl.text.printable import printable


def mathtext(text: str) -> str:
    """Text for a figure, which shows it as it is."""
    return printable(text).replace("$", r"\$")
