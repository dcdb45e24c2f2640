"""Numbers as tables and figures print them."""

from __future__ import annotations

import pandas as pd


def percent(share: float, digits: int = 1) -> str:
    """A share as percent, without the sign; a dash where there is nothing to print."""
    return "–" if pd.isna(share) else f"{100 * share:.{digits}f}".replace("-", "−")


def p_value(p: float) -> str:
    """A p-value with three decimals; a dash where there is none."""
    if pd.isna(p):
        return "–"
    return "< 0.001" if p < 0.0005 else f"{p:.3f}"


def spread(mean: float, std: float) -> str:
    """Mean and standard deviation as percent, the mean alone where there is no other."""
    return percent(mean, 2) if pd.isna(std) else f"{percent(mean, 2)} ± {percent(std, 2)}"


def counted(cell: str, n: int, full: int) -> str:
    """A cell with the number of runs behind it where that is less than planned; a dash if there are none."""
    if n == 0:
        return "–"
    return f"{cell} ({n})" if n < full else cell
