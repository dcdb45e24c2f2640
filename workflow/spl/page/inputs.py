"""The files that the page reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from spl.study.files import DATA_FILES, SUMMARISED

TEMPLATE, STYLE, SCRIPT = (Path(__file__).with_name(f"page.{ending}") for ending in ("html.j2", "css", "js"))
# Endings of the files of an exhibit that the page shows
SHOWN = {"figure": ("png", "csv"), "table": ("md", "csv", "runs.json"), "spreadsheet": ("xlsx",)}


def page_inputs(parameter: Mapping[str, Any]) -> list[str]:
    """The files that the page reads, below ``results/<study>/``; only finished runs are read."""
    products, trained = parameter["products"], parameter["trained"]
    exhibits = [
        f"{products}{folder_of(section)}/{section['name']}.{ending}"
        for section in parameter["sections"]
        for ending in SHOWN[section["kind"]]
    ]
    summaries = [f"{products}analysis/{name}.csv" for name in parameter["experiments"]]
    runs = [f"runs/{run}/{name}" for run in trained for name in SUMMARISED]
    splits = [f"splits/{split}.json" for split in splits_of(trained)]
    data = [f"data/{dataset}/{name}" for dataset in datasets_of(trained) for name in DATA_FILES]
    return exhibits + summaries + runs + splits + data


def folder_of(section: Mapping[str, Any]) -> str:
    """The folder of an exhibit, below the products of a study."""
    return "figures" if section["kind"] == "figure" else "tables"


def splits_of(runs: Iterable[str]) -> list[str]:
    """The splits of runs: the first parts of their paths."""
    return list(dict.fromkeys("/".join(run.split("/")[:3]) for run in runs))


def datasets_of(paths: Iterable[str]) -> list[str]:
    """The data sets of runs or splits: the first part of their paths."""
    return list(dict.fromkeys(path.split("/")[0] for path in paths))
