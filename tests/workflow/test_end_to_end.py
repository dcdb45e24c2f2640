"""The tiny study from data to page: real trainings on real digits, through the real Snakemake."""

import hashlib
import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from project import ROOT

RUNS = [
    f"digits/balanced-40/fold{fold}/{method}/seed0" for fold in (0, 1) for method in ("fixmatch", "smooth-fixmatch")
]
FIGURES = (
    *("fig1", "fig4", "fig6", "fig9", "confusion", "pseudo-labels"),
    *("basins-scarce-labels", "collapse-scarce-labels"),
)
TABLES = (
    *("claims", "table1", "table7", "table14", "calibration", "aggregate", "coverage", "flips"),
    *(f"{name}-scarce-labels" for name in ("collapses", "weakest-classes", "within-basins", "instability")),
)


def test_training_beats_chance_by_far(finished):
    summary = pd.read_csv(finished.results / "analysis/scarce-labels.csv")
    assert sorted(summary["run"]) == sorted(RUNS)
    assert (summary["error_last"] < 0.45).all(), "chance is 0.9"
    assert (summary["error_best"] <= summary["error_last"]).all()


def test_fixmatch_and_smooth_fixmatch_saw_the_same_batches_and_learnt_differently(finished):
    for fold in (0, 1):
        plain, smooth = (
            pd.read_csv(finished.results / f"runs/digits/balanced-40/fold{fold}/{method}/seed0/metrics.csv")
            for method in ("fixmatch", "smooth-fixmatch")
        )
        assert plain["batch_checksum"].tolist() == smooth["batch_checksum"].tolist()
        assert plain["unlabelled_loss"].tolist() != smooth["unlabelled_loss"].tolist()


class Page(HTMLParser):
    """Collects what a page shows and what it asks the network for."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.pictures, self.outside = set(), set(), 0, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids.add(given.get("id"))
        self.links.add(given.get("href"))
        source = given.get("src") or (given.get("href") if tag == "link" else None) or ""
        self.pictures += tag == "img" and source.startswith("data:image/webp;base64,") and bool(given.get("alt"))
        if source and not source.startswith("data:"):
            self.outside.append(source)


def test_the_page_holds_every_figure_table_and_run_and_needs_no_network(finished):
    text = (finished.results / "paper.html").read_text()
    page = Page(text)
    assert {*FIGURES, *TABLES} <= page.ids
    assert {f"#run={run}" for run in RUNS} <= page.links
    assert page.pictures == len(FIGURES)
    assert page.outside == ["paper.records.js"], "beside it; the page works without"
    assert not re.search(r"url\((?!\$\{sheet\})", text)
    for table in TABLES:
        numbers = re.findall(r"\d+\.\d\d", (finished.results / f"tables/{table}.md").read_text())
        assert numbers
        assert all(number in text for number in numbers)


def test_the_tables_hold_the_numbers_of_the_runs(finished):
    summary = pd.read_csv(finished.results / "analysis/scarce-labels.csv")
    table = pd.read_csv(finished.results / "tables/table1.csv").set_index(["method", "quantity"])["value"]
    for method, title in (("fixmatch", "FixMatch"), ("smooth-fixmatch", "Smooth FixMatch")):
        errors = summary.loc[summary["method"] == method, "error_last"]
        assert table.loc[title, "error_last"].tolist() == pytest.approx(errors.tolist())
        assert table.loc[title, "mean"].item() == pytest.approx(errors.mean())
        assert table.loc[title, "std"].item() == pytest.approx(errors.std())


def test_running_again_does_nothing(finished):
    assert "Nothing to be done" in finished.snakemake("all")


def test_the_same_study_gives_the_same_bytes(finished, tmp_path_factory):
    from project import Project

    again = Project(tmp_path_factory.mktemp("again"))
    again.snakemake("all")

    first, second = finished.products(), again.products()
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    assert len([name for name in first if name.startswith(("figures", "tables"))]) == 3 * len(FIGURES) + 4 * len(TABLES)


def test_weights_are_those_of_other_machines(finished):
    """Limited to AVX2, they were these on an AMD EPYC with AVX-512; whoever runs this on another processor compares."""
    golden = json.loads((ROOT / "tests/golden/weights.json").read_text())
    weights = {run: finished.results / "runs" / run / "weights.safetensors" for run in golden}
    assert {run: hashlib.sha256(path.read_bytes()).hexdigest() for run, path in weights.items()} == golden


def test_files_are_made_with_the_user_s_umask(finished):
    """The study was run under a umask of 007: its group may write, others may not even read."""
    modes = {path: path.stat().st_mode & 0o777 for path in finished.results.rglob("*")}
    assert {path: oct(mode) for path, mode in modes.items() if mode & 0o667 != 0o660} == {}


def test_the_plan_knows_what_is_done(finished):
    listed = finished.spl("plan", str(finished.study)).stdout
    assert "6 of 6 runs done" in listed
    finished.edit("tests/studies/tiny.yaml", "fold_seeds: [0, 1, 2]", "fold_seeds: [0, 1001, 2]")
    listed = finished.spl("plan", str(finished.study)).stdout
    assert "4 of 6 runs done" in listed
    finished.edit("tests/studies/tiny.yaml", "steps: 150", "steps: 160")
    listed = finished.spl("plan", str(finished.study)).stdout
    assert "0 of 6 runs done" in listed
    assert "will be trained again, over their results. To keep both" in listed
    listed = finished.spl("plan", str(finished.study), "--runs").stdout
    assert "stale (settings changed)" in listed
    assert "stale (settings, split_seed changed)" in listed
