"""The spreadsheet of every fold of the random-label benchmark (appendix A.4)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

import pandas as pd
from openpyxl import Workbook
from openpyxl.cell.cell import TYPE_STRING
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

from spl.analysis.arms import arm_labels

# The sheets by title, with the column of the summary that each shows.
SHEETS = {
    "errors": "error_last",
    "basins": "basin",
    "collapsed classes": "collapsed",
    "partly collapsed classes": "partly_collapsed",
}
TEXT = ["variant", "collapsed", "partly_collapsed"]
ROW = ["method", "fold", "seed"]


def write_spreadsheet(parameter: Mapping[str, Any], inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Write a workbook with one row for each method and fold, and one column for each number of labels.

    Errors are numbers, shares shown as percent; classes are numbers separated by blanks, nothing where none collapsed.
    Equal runs give equal bytes.

    Args:
        parameter: ``given``, with the ``titles`` of the methods.
        inputs: the summary of an experiment with labelled sets of several sizes.
        outputs: the .xlsx file.

    Raises:
        ValueError: several runs would share a cell.
    """
    runs = pd.read_csv(inputs[0], dtype=dict.fromkeys(TEXT, str)).fillna({"variant": ""})
    names = arm_labels(runs, parameter["given"]["titles"])
    labels = [names[arm] for arm in zip(runs["method"], runs["variant"], strict=True)]
    runs["method"] = pd.Categorical(labels, list(dict.fromkeys(labels)))
    book = Workbook()
    book.remove(book["Sheet"])
    for title, column in SHEETS.items():
        # pivot_table would hide runs that share a cell.
        _fill(book.create_sheet(title), runs.pivot(index=ROW, columns="labels", values=column))  # noqa: PD010, see above
    written = BytesIO()
    book.save(written)
    outputs[0].write_bytes(_undated(written))


def _fill(sheet: Worksheet, cells: pd.DataFrame) -> None:
    sheet.append([*ROW, *(f"{labels} labels" for labels in cells.columns)])
    known = cells.astype(object).where(cells.notna(), None)
    for row, values in zip(cells.index, known.to_numpy(), strict=True):
        sheet.append([*row, *values])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for row in sheet.iter_rows():
        for cell in row:
            if isinstance(cell.value, float):
                cell.number_format = "0.00%"
            if isinstance(cell.value, str):
                cell.data_type = TYPE_STRING  # openpyxl takes what begins with "=" for a formula
    sheet.freeze_panes = sheet.cell(2, len(ROW) + 1)
    sheet.column_dimensions["A"].width = max(len(str(method)) for method, *_ in cells.index) + 2


def _undated(workbook: BytesIO) -> bytes:
    """The same workbook with one date for all, uncompressed: neither the clock nor zlib's version can be seen."""
    undated = BytesIO()
    with ZipFile(workbook) as dated, ZipFile(undated, "w") as archive:
        for name in dated.namelist():
            content = dated.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"1980-01-01T00:00:00Z", content)
            archive.writestr(ZipInfo(name), content)
    return undated.getvalue()
