"""The table of ``spl compare``: one column for each method, one row for each number of its comparison."""

from __future__ import annotations

from math import isnan

from spl.analysis.compare import Comparison
from spl.analysis.formats import p_value, percent
from spl.analysis.statistics import Gain
from spl.tables.layout import DIRECTIONS, Cell, Numbers, Table, gain_cells, stacked

# The errors of a method and how it is compared, as in Table 7
ERRORS = ("n", "mean", "std", "max", "min", "range")


def comparison_table(comparison: Comparison) -> Table:
    """Print errors in percent of the test images and gains in points, as the tables of this project do.

    Its tidy form has the same quantities as the CSV of Table 7, in shares.
    """
    numbers = Numbers()
    columns: dict[str, dict[str, str | Cell]] = {}
    for arm in comparison.arms:
        what = {"method": arm.label}
        errors = numbers.errors(what, arm, len(arm.runs), ERRORS)
        column = columns[arm.label] = {"runs": str(len(arm.runs))}
        names = ("mean ± std", "max", "min", "range") if len(arm.runs) > 1 else ("mean ± std",)
        column |= {name: errors[name] for name in names}
        if arm.label in comparison.gains:
            gain = comparison.gains[arm.label]
            column |= _gain_rows(gain, numbers.compared(what, gain), comparison.baseline)
    return numbers.table(stacked("", columns))


def _gain_rows(gain: Gain, lines: dict[str, int], baseline: str) -> dict[str, Cell]:
    """The rows of Table 7, between them the interval, the effect size and the number of gains, and the other test."""
    cells = gain_cells(gain, lines, f"gain wrt {baseline}", full=gain.n, tests=tuple(DIRECTIONS))
    (name, mean), *tests = cells.items()
    rows = {name: mean}
    if not isnan(gain.shift.level):
        low, high = percent(gain.shift.low, 2), percent(gain.shift.high, 2)
        shift = f"{percent(gain.shift.estimate, 2)} ({low} to {high})"
        rows["Hodges–Lehmann shift (interval)"] = Cell(shift, lines["shift"])
        rows["level of the interval"] = Cell(f"{percent(gain.shift.level)} %", lines["shift_level"])
    rows["effect size"] = Cell(f"{gain.effect_size:.2f}".replace("-", "−"), lines["effect_size"])
    rows["better"] = Cell(f"{gain.wins} of {gain.n}", lines["wins"])
    return rows | dict(tests) | {"smallest p": Cell(p_value(gain.smallest_p), lines["smallest_p"])}
