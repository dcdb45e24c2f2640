"""Runs that share files: which of them cannot both be what they say, and which merely may not be."""

import csv
import json
import os
from pathlib import Path

import pytest

from spl.audit.copies import copied_runs
from spl.campaign.job import Job, canonical
from spl.provenance.files import digest
from spl.study.files import RUN_FILES


def run(name, weight, unlabelled_loss, labelled=0, weights="w"):
    """A run of this weight of the unlabelled loss; None is training on labelled images alone."""
    folder = Path("runs", name)
    folder.mkdir(parents=True)
    outputs = tuple(folder / file for file in RUN_FILES)
    split = Path("splits", f"{labelled}.json")
    split.parent.mkdir(exist_ok=True)
    split.write_text(json.dumps({"labelled": [labelled]}))
    settings = {} if weight is None else {"lambda_u": "calibrated"}
    outputs[0].write_text(json.dumps({"settings": settings, "calibrated": {"lambda_u": weight} if settings else {}}))
    with outputs[1].open("w", newline="") as file:
        rows = [["step", "unlabelled_loss", "batch_checksum"], [1, unlabelled_loss, name]]
        csv.writer(file, lineterminator="\n").writerows(rows)
    outputs[2].write_text(name)
    outputs[3].write_text(weights)
    return Job(f"runs/{name}", "train", canonical({"seed": 0}), (split,), outputs)


CASES = {
    "two weights of the loss": (((1.0, 0.5), (1.5, 0.5)), "which has another loss weight"),
    "labelled images alone": (((1.0, 0.5), (None, "nan")), "which has another loss weight"),
    "other labels": (((1.0, 0.5), (1.0, 0.5, 1)), "which has other labels"),
    "the same weight, as of two methods": (((1.0, 0.5), (1.0, 0.5)), None),
    "a weight that was rounded": (((1.0, 0.5), (1.0 + 1e-9, 0.5)), None),
    "before any pseudo-label counts": (((1.0, 0.0), (1.5, 0.0)), ""),
    "their own weights": (((1.0, 0.5), (1.5, 0.5, 0, "v")), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_weights_are_those_of_two_runs_only_if_both_can_have_learnt_them(tmp_path, monkeypatch, name):
    """None is a remark, "" is nothing."""
    monkeypatch.chdir(tmp_path)
    (one, other), expected = CASES[name]
    jobs = {job.name: job for job in (run("one", *one), run("other", *other))}
    impossible, possible = copied_runs(jobs, digest)
    line = "runs/{}/weights.safetensors: the same bytes as of runs/{}"
    lines = {f"runs/{one}": [line.format(one, other)] for one, other in (("one", "other"), ("other", "one"))}
    if expected:
        assert impossible == {name: [f"{line}, {expected}"] for name, [line] in lines.items()}
    else:
        assert (impossible, possible) == ({}, lines if expected is None else {})


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.touch() or os.truncate(path, 30 * 2**30)])
def test_a_labelled_set_that_is_no_file_or_would_fill_memory_is_not_read(tmp_path, monkeypatch, make):
    monkeypatch.chdir(tmp_path)
    jobs = {job.name: job for job in (run("one", 1.0, 0.5), run("other", 1.0, 0.5, 1))}
    Path("splits/1.json").unlink()
    make(Path("splits/1.json"))
    impossible, possible = copied_runs(jobs, lambda path: digest(path) if path.is_relative_to("runs") else None)
    assert impossible == {}
    assert possible.keys() == jobs.keys(), "what is known is that the bytes are the same"


def test_labelled_sets_that_are_not_kept_are_told_apart_by_what_their_manifests_record(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for labelled, expected in ((1, {"runs/one", "runs/other"}), (0, set())):
        jobs = {job.name: job for job in (run(f"one{labelled}", 1.0, 0.5), run(f"other{labelled}", 1.0, 0.5, labelled))}
        known = {path: digest(path) for job in jobs.values() for path in (*job.inputs, *job.outputs)}
        for job in jobs.values():
            job.inputs[0].unlink(missing_ok=True)
        impossible, _ = copied_runs(jobs, known.get)
        assert {name.rstrip("01") for name in impossible} == expected
        assert all("which has a labelled set of another sha256" in line for [line] in impossible.values())


def test_labelled_sets_that_were_exchanged_are_told_apart_by_what_is_on_record(tmp_path, monkeypatch):
    """Of runs beside the audited ones, an audit hashes no files."""
    monkeypatch.chdir(tmp_path)
    jobs = {job.name: job for job in (run("one", 1.0, 0.5), run("other", 1.0, 0.5, 1))}
    known = {path: digest(path) for job in jobs.values() for path in (*job.inputs, *job.outputs)}
    Path("splits/1.json").write_text(Path("splits/0.json").read_text())
    impossible, _ = copied_runs(jobs, known.get)
    assert impossible.keys() == jobs.keys()
    assert all("which has a labelled set of another sha256" in line for [line] in impossible.values())


def test_of_many_copies_each_is_compared_with_the_first_and_counts_as_learnt_if_one_has(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"first": (1.0, 0.0), "second": (1.0, 0.5), "third": (1.5, 0.0)}
    impossible, possible = copied_runs({f"runs/{name}": run(name, *how) for name, how in given.items()}, digest)
    assert impossible.keys() == {"runs/first", "runs/third"}, "which learnt what the second did, with another weight"
    assert len(possible["runs/second"]) == 1
