"""Text in figures, where matplotlib takes what stands between two dollar signs for a formula."""

from __future__ import annotations

from spl.text.printable import printable


def mathtext(text: str) -> str:
    """Text for a figure, which shows it as it is, but for the index of the loss weight λ_u."""
    return printable(text).replace("$", r"\$").replace("λ_u", "λᵤ")
