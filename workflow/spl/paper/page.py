"""The paper on one page: a single HTML file that needs no network."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markdown_it import MarkdownIt
from PIL import Image

SHOWN = {"figure": ("png",), "table": ("md", "csv"), "spreadsheet": ("xlsx",)}
"""What the page shows of an item, by the endings of its files."""


def page_inputs(parameter: Mapping[str, Any]) -> list[str]:
    """What the page reads, below the folder that it lies in."""
    items = [
        f"{'figures' if section['kind'] == 'figure' else 'tables'}/{section['name']}.{ending}"
        for section in parameter["sections"]
        for ending in SHOWN[section["kind"]]
    ]
    return items + [f"analysis/{name}.csv" for name in parameter["experiments"]]


def write_page(parameter: Mapping[str, Any], template: Path, results: Path, path: Path) -> None:
    """Put every figure, table and run of a study on one page.

    Args:
        parameter: title, sections with their captions, experiments, assumed values.
        template: Jinja source of the page.
        results: folder of the study; its ``figures/``, ``tables/`` and ``analysis/`` are read.
        path: where the page goes.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["minus"] = lambda number: number.replace("-", "−")
    environment.filters["whole"] = _whole
    sections = [
        {
            **section,
            "body": _body(section, results),
            "width": _width(section, results),
            "comparisons": _comparisons(section, results),
        }
        for section in parameter["sections"]
    ]
    experiments = {name: _runs(results / "analysis" / f"{name}.csv") for name in parameter["experiments"]}
    page = environment.from_string(template.read_text(encoding="utf-8")).render(
        {**parameter, "sections": sections, "experiments": experiments}
    )
    path.write_text(page, encoding="utf-8")


COMPARED = {"": "gain", "drop_": "drop due to imbalance"}
"""What the tidy tables compare, by the prefix of its quantities."""


def _comparisons(section: Mapping[str, Any], results: Path) -> list[dict[str, Any]]:
    """What a table knows of its comparisons beyond what it prints."""
    if section["kind"] != "table":
        return []
    tidy = pd.read_csv(results / "tables" / f"{section['name']}.csv")
    if "quantity" not in tidy:
        return []
    whole = tidy[tidy[tidy.columns.intersection(["fold", "run"])].isna().all(axis="columns")]
    of = [name for name in whole.columns.drop(["quantity", "value"]) if whole[name].notna().any()]
    found = []
    for what, numbers in whole.groupby(of, sort=False, dropna=False):
        value = dict(zip(numbers["quantity"], numbers["value"], strict=True))
        for prefix, name in COMPARED.items():
            if f"{prefix}shift" in value and value[f"{prefix}pairs"] > 1:
                named = {"of": ", ".join([*map(_named, what, of), name])}
                found.append(named | {key: value.get(prefix + key) for key in MEASURED})
    return found


MEASURED = ("pairs", "shift", "shift_low", "shift_high", "shift_level", "effect_size", "p_value", "smallest_p")


def _named(value: Any, column: str) -> str:
    return str(value) if column == "method" else f"{column} {value:g}"


def _width(section: Mapping[str, Any], results: Path) -> float:
    """How wide a figure is on the page, in rem: all to the same scale."""
    if section["kind"] != "figure":
        return 0
    with Image.open(results / "figures" / f"{section['name']}.png") as picture:
        inches = picture.width / float(picture.info["dpi"][0])
    return round(REM_PER_INCH * inches, 1)


def _body(section: Mapping[str, Any], results: Path) -> str:
    """The address of a figure's picture or of a workbook, or the HTML of a table."""
    if section["kind"] == "figure":
        return _address("image/png", results / "figures" / f"{section['name']}.png")
    if section["kind"] == "spreadsheet":
        return _address(WORKBOOK, results / "tables" / f"{section['name']}.xlsx")
    markdown = (results / "tables" / f"{section['name']}.md").read_text(encoding="utf-8")
    table = markdown[markdown.index("\n\n") :]
    html: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(table)
    return re.sub(r"(?<=>)[^<]+", lambda found: _whole(found[0]), html)


def _whole(text: str) -> str:
    """Text of a table without line breaks in words with a hyphen, in "name = value" and before a percent sign."""
    joined = re.sub(r" (=|±) | (?=%)", lambda found: found[0].replace(" ", NO_BREAK), text)
    return re.sub(r"[^\s;]*[^\W_]-[^\W_][^\s;]*", r'<span class="whole">\g<0></span>', joined)


NO_BREAK = "\N{NO-BREAK SPACE}"


REM_PER_INCH = 7.7
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _address(kind: str, path: Path) -> str:
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _runs(summary: Path) -> list[dict[str, Any]]:
    rows = pd.read_csv(summary, dtype={"collapsed": str, "partly_collapsed": str}).astype(object)
    rows = rows.where(rows.notna(), "")
    rows["parts"] = rows["run"].map(lambda run: re.findall(r"[^/+]+[/+]?", run))
    return [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]
