"""The page: the paper in a single HTML file without external resources, where every number links to its runs."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from PIL import Image

from spl.data.splits import read_split
from spl.page.embed import embedded, packed
from spl.page.labelled import labelled_sets
from spl.page.runs import READ, run_content
from spl.page.traced import TracedTable, whole
from spl.study.files import DATA_FILES

# Endings of the files of an exhibit that the page shows
SHOWN = {"figure": ("png", "csv"), "table": ("md", "csv"), "spreadsheet": ("xlsx",)}
# Maximum number of rows of a figure's numbers
ROWS = 200
# Columns of the list of runs behind a number
LISTED = ("run", "title", "labels", "fold", "seed", "error_last", "basin")


def page_inputs(parameter: Mapping[str, Any]) -> list[str]:
    """The files that the page reads, below ``results/<study>/``; only finished runs are read."""
    products, trained = parameter["products"], parameter["trained"]
    exhibits = [
        f"{products}{_folder(section)}/{section['name']}.{ending}"
        for section in parameter["sections"]
        for ending in SHOWN[section["kind"]]
    ]
    summaries = [f"{products}analysis/{name}.csv" for name in parameter["experiments"]]
    runs = [f"runs/{run}/{name}" for run in trained for name in READ]
    splits = [f"splits/{split}.json" for split in _splits(trained)]
    data = [f"data/{dataset}/{name}" for dataset in _datasets(trained) for name in DATA_FILES]
    return exhibits + summaries + runs + splits + data


def write_page(
    parameter: Mapping[str, Any], template: Path, results: Path, records: Mapping[str, Any], path: Path
) -> None:
    """Write the page with all figures, tables and runs of a study.

    Args:
        parameter: title, sections with their captions, experiments, runs, assumed values.
        template: Jinja source of the page, in the same folder as ``page.css`` and ``page.js``.
        results: the study's folder of results; the files of :func:`page_inputs` are read.
        records: excerpts of the runs' manifests, by run; the only part of the page that is not reproducible.
        path: the page.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"minus": lambda number: number.replace("-", "−"), "whole": whole, "embedded": embedded}
    products, trained = results / parameter["products"], parameter["trained"]
    sections, behind = _sections(parameter, products)
    summaries = (products / "analysis" / f"{name}.csv" for name in parameter["experiments"])
    runs = _runs(summaries, parameter["methods"])
    names = [run["run"] for run in runs]
    page = environment.from_string(template.read_text(encoding="utf-8")).render(
        **{**parameter, "sections": sections},
        style=_beside(template, "css"),
        script=_beside(template, "js"),
        all_runs=runs,
        index={
            "results": f"results/{parameter['study']}",
            "audited": not parameter["products"],
            "titles": {section["name"]: section["title"] for section in sections},
            "basins": parameter["basins"],
            "runs": [{name: run[name] for name in LISTED} for run in runs],
            "cells": {cell: [names.index(run) for run in cell_runs] for cell, cell_runs in behind.items()},
            "classes": {name: _classes(results / "data" / name) for name in _datasets(trained)},
        },
        trainings={run: packed(run_content(results / "runs" / run)) for run in trained},
        labelled={name: _labelled(name, _splits(trained), results) for name in _datasets(trained)},
        figures={
            section["name"]: packed(_numbers(products / "figures" / f"{section['name']}.csv"))
            for section in sections
            if section["kind"] == "figure"
        },
        records=records,
    )
    path.write_text(page, encoding="utf-8")


def _sections(parameter: Mapping[str, Any], products: Path) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """The sections with their content, and the runs behind each number of their tables."""
    sections, behind = [], dict[str, list[str]]()
    for section in parameter["sections"]:
        content: dict[str, Any] = {"width": 0, "comparisons": []}
        path = products / _folder(section) / section["name"]
        if section["kind"] == "figure":
            content |= _picture(path.with_suffix(".png"))
        elif section["kind"] == "spreadsheet":
            content["body"] = _data_url(WORKBOOK, path.with_suffix(".xlsx").read_bytes())
        else:
            summaries = [products / "analysis" / f"{name}.csv" for name in section["summaries"]]
            table = TracedTable(section, parameter["methods"], path.parent, summaries)
            content |= {"body": table.html(), "comparisons": table.comparisons()}
            behind |= table.runs
        sections.append({**section, **content})
    return sections, behind


def _folder(section: Mapping[str, Any]) -> str:
    return "figures" if section["kind"] == "figure" else "tables"


REM_PER_INCH = 7.7
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _picture(figure: Path) -> dict[str, Any]:
    """A figure as lossless WebP, which takes a third of the space of PNG, and its width on the page in rem.

    All figures have the same scale.
    """
    small = BytesIO()
    with Image.open(figure) as picture:
        inches = picture.width / float(picture.info["dpi"][0])
        picture.save(small, "WEBP", lossless=True)
    return {"body": _data_url("image/webp", small.getvalue()), "width": round(REM_PER_INCH * inches, 1)}


def _data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _beside(template: Path, ending: str) -> str:
    return template.with_name(f"page.{ending}").read_text(encoding="utf-8")


def _numbers(path: Path) -> dict[str, Any]:
    """The first rows of the numbers that a figure shows."""
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    return {"columns": list(rows.columns), "rows": rows.head(ROWS).to_numpy().tolist(), "of": len(rows)}


def _runs(summaries: Iterable[Path], titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row for each run, with its experiments."""
    by_run: dict[str, dict[str, Any]] = {}
    for path in summaries:
        rows = pd.read_csv(path, dtype={"collapsed": str, "partly_collapsed": str}).astype(object)
        for row in rows.where(rows.notna(), None).to_dict("records"):
            run = by_run.setdefault(row["run"], {str(key): value for key, value in row.items()} | {"experiments": []})
            run["experiments"].append(path.stem)
            run["title"] = titles[row["method"]]
            run["parts"] = re.findall(r"[^/+]+[/+]?", row["run"])
    return list(by_run.values())


def _classes(data: Path) -> list[str]:
    names: list[str] = json.loads((data / "dataset.json").read_text(encoding="utf-8"))["classes"]
    return names


def _labelled(dataset: str, paths: Iterable[str], results: Path) -> dict[str, Any]:
    splits = {path: read_split(results / "splits" / f"{path}.json") for path in paths if _datasets([path]) == [dataset]}
    return labelled_sets(splits, results / "data" / dataset / "images.safetensors")


def _splits(runs: Iterable[str]) -> list[str]:
    """The splits of runs: the first parts of their paths."""
    return list(dict.fromkeys("/".join(run.split("/")[:3]) for run in runs))


def _datasets(paths: Iterable[str]) -> list[str]:
    """The data sets of runs or splits: the first part of their paths."""
    return list(dict.fromkeys(path.split("/")[0] for path in paths))
