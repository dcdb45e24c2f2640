"""The page: the paper in a single HTML file, where every number links to its runs; beside it their circumstances."""

from __future__ import annotations

import base64
import functools
import json
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup, escape
from PIL import Image

from spl.analysis.formats import p_value
from spl.data.splits import read_split
from spl.page.circumstances import circumstances_script
from spl.page.glossary import Glossary
from spl.page.inputs import SCRIPT, STYLE, TEMPLATE, datasets_of, folder_of, page_inputs, splits_of
from spl.page.labelled import labelled_sets
from spl.page.numbers import figure_numbers
from spl.page.runs import run_content
from spl.page.traced import TracedTable, whole
from spl.text.html import in_script

# Columns of the list of runs behind a number
LISTED = ("run", "title", "labels", "fold", "seed", "error_last", "lost")


def write_page(
    parameter: Mapping[str, Any], inputs: Sequence[Path], outputs: Sequence[Path], records: Mapping[str, Any]
) -> None:
    """Write the page with all figures, tables and runs of a study.

    Args:
        parameter: title, sections with their captions, experiments, runs, assumed values.
        inputs: the files of :func:`spl.page.inputs.page_inputs`, below the study's folder of results.
        outputs: the page, and the circumstances beside it.
        records: the circumstances: excerpts of the runs' manifests, by run, and the ``step times`` by method. The page
            itself does not depend on them.
    """
    path, circumstances = outputs
    results = inputs[0].parents[len(Path(page_inputs(parameter)[0]).parts) - 1]
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    glossary = Glossary()
    environment.filters |= {
        "minus": lambda number: number.replace("-", "−"),
        "whole": whole,
        "p": p_value,
        "symbols": symbols,
        "explained": glossary.explained,
        "embedded": embedded,
    }
    products, trained = results / parameter["products"], parameter["trained"]
    summaries = (products / "analysis" / f"{name}.csv" for name in parameter["experiments"])
    classes = functools.cache(lambda dataset: _classes(results, dataset))
    runs = _runs(summaries, parameter["methods"], classes)
    places = {run["run"]: place for place, run in enumerate(runs)}
    sections, behind = _sections(parameter, products, places)
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        **{**parameter, "sections": sections},
        style=STYLE.read_text(encoding="utf-8"),
        script=SCRIPT.read_text(encoding="utf-8"),
        all_runs=runs,
        index={
            "results": f"results/{parameter['study']}",
            "audited": not parameter["products"],
            "titles": {section["name"]: section["title"] for section in sections},
            "basins": parameter["basins"],
            "runs": [{name: run[name] for name in LISTED} for run in runs],
            "cells": {cell: [places[run] for run in paths] for cell, paths in behind.items()},
            "classes": {name: classes(name) for name in datasets_of(trained)},
        },
        trainings={run: packed(run_content(results / "runs" / run)) for run in trained},
        labelled={name: _labelled(name, splits_of(trained), results) for name in datasets_of(trained)},
        figures={
            section["name"]: packed(
                figure_numbers(products / "figures" / f"{section['name']}.csv", parameter["methods"])
            )
            for section in sections
            if section["kind"] == "figure"
        },
        circumstances=circumstances.name,
        glossary=glossary,
    )
    path.write_text(page, encoding="utf-8")
    circumstances.write_text(circumstances_script(records), encoding="utf-8")


def symbols(text: str) -> Markup:
    """Text or markup with the symbols of the paper as it sets them."""
    return Markup(escape(text).replace("λ_u", Markup("λ<sub>u</sub>")).replace("λ_Φ", Markup("λ<sub>Φ</sub>")))


def embedded(content: Any) -> str:
    """JSON for a ``<script type="application/json">``, escaped so that no content ends the element."""
    return in_script(_compact(content))


def packed(content: Any) -> str:
    """JSON, deflated, in base64; the browser unpacks it on demand."""
    return base64.b64encode(zlib.compress(_compact(content).encode(), 9)).decode()


def _compact(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _sections(
    parameter: Mapping[str, Any], products: Path, shown: Collection[str]
) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """The sections with their content, and the runs behind each number of their tables; the page has runs ``shown``."""
    sections, behind = [], dict[str, list[str]]()
    for section in parameter["sections"]:
        content: dict[str, Any] = {"width": 0, "comparisons": [], "details": [], "folded": 0}
        path = products / folder_of(section) / section["name"]
        if section["kind"] == "figure":
            content |= _picture(path.with_suffix(".png"))
        elif section["kind"] == "spreadsheet":
            content["body"] = _data_url(WORKBOOK, path.with_suffix(".xlsx").read_bytes())
        else:
            table = TracedTable(path, shown)
            content |= {"body": table.html(), "comparisons": table.comparisons()}
            content |= {"details": table.details, "folded": table.folded}
            if table.details:
                content["details_body"] = table.details_html()
            if table.folded:
                content["folded_body"] = table.folded_html()
            behind |= table.runs
        sections.append({**section, **content})
    return sections, behind


REM_PER_INCH = 7.7
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


WEBP_LIMIT = 16383  # pixels of a side; the figure of some thousand runs is higher


def _picture(figure: Path) -> dict[str, Any]:
    """A figure as lossless WebP, which takes a third of the space of PNG, and its width on the page in rem.

    All figures have the same scale. One that WebP cannot hold stays PNG.
    """
    small = BytesIO()
    with Image.open(figure) as picture:
        width = round(REM_PER_INCH * picture.width / float(picture.info["dpi"][0]), 1)
        if max(picture.size) > WEBP_LIMIT:
            return {"body": _data_url("image/png", figure.read_bytes()), "width": width}
        picture.save(small, "WEBP", lossless=True)
    return {"body": _data_url("image/webp", small.getvalue()), "width": width}


def _data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _classes(results: Path, dataset: str) -> list[str]:
    content = json.loads((results / "data" / dataset / "dataset.json").read_text(encoding="utf-8"))
    return [str(name) for name in content["classes"]]


def _runs(
    summaries: Iterable[Path], titles: Mapping[str, str], classes: Callable[[str], Sequence[str]]
) -> list[dict[str, Any]]:
    """A row for each run, with its experiments and the names of its collapsed classes: "cat; partly dog", "none"."""
    by_run: dict[str, dict[str, Any]] = {}
    for path in summaries:
        rows = pd.read_csv(path, dtype={"collapsed": str, "partly_collapsed": str}).astype(object)
        for row in rows.where(rows.notna(), None).to_dict("records"):
            run = by_run.setdefault(row["run"], {str(key): value for key, value in row.items()} | {"experiments": []})
            run["experiments"].append(path.stem)
            run["title"] = titles[row["method"]]
            run["parts"] = re.findall(r"[^/+]+[/+]?", row["run"])
            wholly, partly = (_named(row[lost], classes(row["dataset"])) for lost in ("collapsed", "partly_collapsed"))
            run["lost"] = "; ".join(filter(None, (wholly, partly and f"partly {partly}"))) or "none"
    return list(by_run.values())


def _named(numbers: str | None, classes: Sequence[str]) -> str:
    return ", ".join(classes[int(number)] for number in (numbers or "").split())


def _labelled(dataset: str, paths: Iterable[str], results: Path) -> dict[str, Any]:
    chosen = (path for path in paths if datasets_of([path]) == [dataset])
    splits = {path: read_split(results / "splits" / f"{path}.json") for path in chosen}
    return labelled_sets(splits, results / "data" / dataset / "images.safetensors")
