"""The numbers of a figure as the page shows them; its CSV file has all digits, and headings for programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spl.study.labels import setting_name

# Maximum number of rows
ROWS = 200
# Columns that hold shares of 1, printed in percent
SHARES = {
    "error_last": "last error", "error_best": "best error", "test_error": "test error", "mean": "mean error",
    "test_accuracy": "accuracy on the test images", "labelled_accuracy": "accuracy on the labelled batch",
    "coverage": "coverage", "coverage_mean": "coverage, mean", "coverage_std": "coverage, std",
    "purity": "purity", "purity_mean": "purity, mean", "purity_std": "purity, std",
    "smallest_column": "smallest column", "smallest_recall": "smallest recall", "column_share": "column sum",
    "disagreement": "disagreement", "error_difference": "error difference",
}  # fmt: skip
HEADINGS = {
    "row": "runs of", "true": "true class", "predicted": "predicted class", "which": "best or worst",
    "normalised_std": "std / mean of the class counts", "expected": "expected", "value": "loss", "slope": "derivative",
}  # fmt: skip


def figure_numbers(path: Path, titles: Mapping[str, str]) -> dict[str, Any]:
    """The first rows of the numbers that a figure shows, as text.

    Args:
        path: the figure's CSV file.
        titles: of the methods, by key.

    Returns:
        ``columns``, their headings; ``rows``; ``of``, the number of all rows.
    """
    found = pd.read_csv(path, dtype=str, keep_default_na=False)
    columns = [str(column) for column in found]
    rows = [
        [_printed(column, text, titles) for column, text in zip(columns, row, strict=True)]
        for row in found.head(ROWS).to_numpy().tolist()
    ]
    return {"columns": list(map(_heading, columns)), "rows": rows, "of": len(found)}


def _heading(column: str) -> str:
    if column in SHARES:
        return f"{SHARES[column]}, %"
    return HEADINGS.get(column) or setting_name(column)


def _printed(column: str, text: str, titles: Mapping[str, str]) -> str:
    if column == "method":
        return titles.get(text, text)
    if column == "fold":
        return text.removeprefix("fold")
    if text in (words := {"": "–", "True": "yes", "False": "no"}):
        return words[text]
    try:
        number = float(text)
    except ValueError:
        return text
    if column in SHARES:
        text = f"{100 * number:.2f}"
    elif "." in text or "e" in text:
        text = f"{number:.4g}"
    return text.replace("-", "−")
