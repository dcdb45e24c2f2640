"""The commands that an audit advises, of fabricated verdicts: which jobs they force, and in which order."""

import shlex
from dataclasses import replace

import pytest
from chain import RESULTS
from snakemake.cli import parse_config

from spl.audit.repair import repair, repair_lines
from spl.audit.verdicts import Node
from spl.provenance.seal import ROOT_FILE


@pytest.fixture(autouse=True)
def seal(tmp_path, monkeypatch):
    """The file of a seal that was written once."""
    monkeypatch.chdir(tmp_path)
    RESULTS.mkdir(parents=True)
    (RESULTS / ROOT_FILE).touch()
    return RESULTS / ROOT_FILE


@pytest.mark.parametrize("path", ["tests/studies/tiny.yaml", "my study, it's=ü.yaml", "a: b #c.yaml", "7"])
def test_a_repair_names_the_study_as_snakemake_reads_it(path):
    nodes = [Node("first", "tampered", files=(RESULTS / "first.json",))]
    for command in repair(nodes, path, "config/demo.yaml", RESULTS, False):
        words = shlex.split(command)
        if "--config" in words:
            assert parse_config([words[-1]]) == {"study": path}


def commands(nodes, *, touch=False, **options):
    return list(repair(nodes, "config/demo.yaml", "config/demo.yaml", RESULTS, touch, **options))


def node(name, verdict, subcommand, *upstream):
    return Node(name, verdict, upstream=upstream, subcommand=subcommand, files=(RESULTS / name,))


CALIBRATED = [
    node("data", "fresh", "data"),
    node("reference", "tampered", "train", "data"),
    node("plain", "stale", "train", "data"),
    node("calibration", "broken-chain", "calibrate", "reference"),
    node("smooth", "unrecorded", "train", "calibration"),
]


def test_a_repair_forces_each_kind_of_job_after_what_is_upstream_of_it():
    assert commands(CALIBRATED) == [
        "snakemake --force results/fake/reference results/fake/plain",
        "snakemake --force results/fake/smooth",
        "snakemake all",
        "spl seal results/fake",
    ]


def test_a_repair_forces_a_missing_file_only_if_its_readers_are_there():
    table = node("table", "missing", "table")
    page = node("page", "missing", "page", "table")
    assert commands([table, page])[0] == "snakemake all"
    assert commands([table, replace(page, verdict="broken-chain")])[0] == "snakemake --force results/fake/table"


def test_a_repair_where_snakemake_has_no_records_begins_with_touching_what_is_there():
    touch = "snakemake all --touch --forceall"
    assert commands([node("data", "fresh", "data")], touch=True) == [touch]
    sentence, command = repair_lines([touch])
    assert "take the files as they are" in sentence
    assert command == f"  {touch}"
    assert list(repair_lines(["snakemake all"])) == ["  snakemake all"]
    assert commands(CALIBRATED, touch=True) == [touch, *commands(CALIBRATED)]
    assert commands([node("data", "missing", "data")], touch=True) == ["snakemake all", "spl seal results/fake"]


def test_a_repair_writes_a_seal_again_but_leaves_the_first_to_snakemake(seal):
    """A result can be made again without any change of the page, which is all that the rule of the seal reads."""
    nodes = [node("table", "stale", "table"), node("page", "missing", "page", "table")]
    assert commands(nodes)[-2:] == ["snakemake all", "spl seal results/fake"]
    seal.unlink()
    assert commands(nodes)[-1] == "snakemake all"


def test_a_repair_makes_unkept_data_before_it_touches_and_unkept_weights_before_the_runs_that_start_from_them():
    nodes = [
        node("data", "recorded", "data"),
        node("split", "recorded", "split", "data"),
        node("before", "recorded", "train", "split"),
        node("after", "missing", "train", "before"),
        node("table", "stale", "table", "after"),
    ]
    for touch in (False, True):
        assert commands(nodes, touch=touch, unkept={"data", "before"}) == [
            "snakemake --force results/fake/data",
            "snakemake all --touch --forceall",
            "snakemake --force results/fake/before results/fake/after",
            "snakemake --force results/fake/table",
            "snakemake all",
            "spl seal results/fake",
        ]
    assert "data" not in commands(nodes, unkept=())[0]


def test_a_repair_makes_again_what_differs_from_the_seal_though_no_job_wrote_it():
    nodes = [replace(node, verdict="fresh") for node in CALIBRATED]
    assert commands(nodes) == []
    assert commands(nodes, unsealed=True) == ["spl seal results/fake"]
    assert commands(nodes, forged={"plain"}, unsealed=True) == [
        "snakemake --force results/fake/plain",
        "snakemake all",
        "spl seal results/fake",
    ]
