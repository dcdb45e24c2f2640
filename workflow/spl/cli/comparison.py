"""What ``spl compare`` and ``spl power`` print, in a terminal and for other programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Literal

from rich.console import Console
from rich.table import Table as TerminalTable

from spl.analysis.compare import Comparison
from spl.analysis.error_files import ErrorsOfRuns
from spl.analysis.formats import percent
from spl.analysis.looks import LEVEL
from spl.analysis.power import STUDIES, Power
from spl.tables.comparison import comparison_table
from spl.tables.layout import Table, as_latex, as_markdown
from spl.tables.power import by_folds_table, needed_table
from spl.text.terminal import plain, show

# Quantities of a comparison that are whole numbers
COUNTS = ("n", "pairs", "wins")

Form = Literal["table", "markdown", "latex", "json"]


def print_comparisons(
    found: ErrorsOfRuns, compared: Sequence[Comparison], margin: float | None, form: Form, console: Console
) -> None:
    """Print the comparisons of a file, one table for each data set."""
    tables = {one.setting: comparison_table(one) for one in compared}
    if form == "json":
        _print_json(
            {
                "source": str(found.source),
                "read": found.description,
                "baseline": compared[0].baseline,
                "margin": margin,
                "family": sum(len(one.gains) for one in compared),
                "comparisons": [
                    {"dataset": name or None, "methods": _numbers(table)} for name, table in tables.items()
                ],
            }
        )
        return
    _print_tables(
        found, {name or "Comparison": table for name, table in tables.items()}, caption(compared, margin), form, console
    )


def caption(compared: Sequence[Comparison], margin: float | None) -> str:
    """What the numbers of the comparisons are."""
    size = sum(len(one.gains) for one in compared)
    sentences = [
        "Errors in percent.",
        f"Gain: error of {compared[0].baseline} minus error of the method, paired run by run, in points, mean ± std.",
        "p: exact one-sided Wilcoxon signed-rank test that the gain is positive (better), and negative (worse).",
    ]
    if margin is not None:
        sentences.append(f"Equivalent: two one-sided tests that it lies within ±{percent(margin, 2)} points.")
    if size > 1:
        sentences.append(f"Holm: p corrected for {size} comparisons.")
    return " ".join(sentences)


def print_powers(found: ErrorsOfRuns, powers: Sequence[Power], form: Form, console: Console) -> None:
    """Print the folds that comparisons need, and their power by number of folds."""
    if form == "json":
        _print_json(
            {"source": str(found.source), "read": found.description, "comparisons": list(map(_power_numbers, powers))}
        )
        return
    shared = f", {LEVEL} shared by {len(powers)} comparisons" if len(powers) > 1 else ""
    text = (
        f"Power of the exact one-sided Wilcoxon signed-rank test at the level {powers[0].level:.3g}{shared}; "
        f"{STUDIES:,} simulated studies, whose differences deviate from the gain as those of the pilot do, either way. "
        "One fold more can lower the power a little, since the p-values of an exact test are discrete; the folds "
        "needed are those from which on it stays high enough. Gains in points. Noether: the approximation that the "
        "table of claims uses."
    )
    tables = {"Folds needed": needed_table(powers), "Power by number of folds": by_folds_table(powers)}
    _print_tables(found, tables, text, form, console)


def _print_tables(found: ErrorsOfRuns, tables: Mapping[str, Table], text: str, form: Form, console: Console) -> None:
    about = f"{text} From {found.source}: {found.description}."
    if form == "markdown":
        print("\n".join(as_markdown(table, name, about) for name, table in tables.items()), end="")
    elif form == "latex":
        texts = (as_latex(table, f"{name}. {about}", f"spl-{n}") for n, (name, table) in enumerate(tables.items(), 1))
        print("\n".join(texts), end="")
    else:
        for name, table in tables.items():
            console.print(_in_terminal(table, name))
        show(console, about)


def _in_terminal(table: Table, title: str) -> TerminalTable:
    shown = TerminalTable(title=plain(title), box=None, title_justify="left")
    for heading, side in zip(table.printed.columns, table.alignment, strict=True):
        shown.add_column(plain(heading), justify=side)
    for row in table.printed.to_numpy().tolist():
        shown.add_row(*map(plain, row))
    return shown


def _numbers(table: Table) -> dict[str, dict[str, float | None]]:
    """The tidy numbers of a table by method and quantity; what does not exist is None."""
    methods: dict[str, dict[str, float | None]] = {}
    for row in table.tidy.to_dict("records"):
        value = row["value"]
        number = int(value) if row["quantity"] in COUNTS else _finite(value)
        methods.setdefault(row["method"], {})[row["quantity"]] = number
    return methods


def _power_numbers(power: Power) -> dict[str, object]:
    """All numbers of a comparison's power, gains in shares; infinite ones are None."""
    return {
        "dataset": power.setting or None,
        "method": power.label,
        "baseline": power.baseline,
        "gain": power.gain,
        "pilot_folds": power.pilot,
        "level": power.level,
        "folds": {f"{target}": folds for target, folds in power.needed.items()},
        "folds_noether": {f"{target}": _finite(folds) for target, folds in power.noether.items()},
        "gain_of_six_folds": _finite(power.detectable),
        "power": power.by_folds.tolist(),
    }


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _print_json(content: Mapping[str, object]) -> None:
    print(json.dumps(content, indent=1, allow_nan=False))
