"""Text in LaTeX."""

from __future__ import annotations

import re

from spl.text.printable import printable

LATEX = {
    "λ_u": r"$\lambda_u$",
    "λ_Φ": r"$\lambda_\Phi$",
    "τ": r"$\tau$",
    "μ": r"$\mu$",
    "±": r"$\pm$",
    "†": r"$\dagger$",
    "−": "$-$",
    "–": "--",
    "→": r"$\to$",
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{sign: f"\\{sign}" for sign in "%_&#${}"},
}
SIGNS = re.compile("|".join(map(re.escape, LATEX)))


def latex(text: str) -> str:
    """Text for a caption or a cell in LaTeX; Greek letters and signs of this project as formulas."""
    escaped = SIGNS.sub(lambda match: LATEX[match[0]], printable(text))
    # After the end of a row, these would be an argument of the command that ended it.
    return f"{{}}{escaped}" if escaped.lstrip().startswith(("[", "*")) else escaped
