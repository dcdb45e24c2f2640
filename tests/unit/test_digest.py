"""Whether a study has the bytes that were published, and where the first differences lie."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from spl.audit.published import (
    agreement,
    as_text,
    check_complete,
    differences,
    digest_of,
    digest_or_listing,
    listing,
    read_listing,
)
from spl.campaign.job import Job
from spl.campaign.jobs import jobs
from spl.errors import InputError
from spl.paper.selection import exhibits
from spl.study.plan import make_plan
from spl.study.reading import read_study

RESULTS = Path("results/fake")


def job(name, *inputs):
    return Job(name, "split", "{}", tuple(RESULTS / f"{made}.json" for made in inputs), (RESULTS / f"{name}.json",))


JOBS = {one.name: one for one in (job("first"), job("second", "first"), job("third", "second"), job("aside"))}


def listed(jobs=JOBS, **changed):
    return listing(jobs, lambda path: changed.get(path.stem, f"sha256 of {path.stem}"))


def test_the_digest_is_that_of_the_published_file(tmp_path):
    path = tmp_path / "demo.sha256"
    path.write_text(as_text(listed()))
    assert read_listing(path) == listed()
    assert digest_of(listed()) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_it_is_of_names_and_bytes():
    renamed = {**JOBS, "first": replace(JOBS["first"], outputs=(RESULTS / "other.json",))}
    assert digest_of(listed(renamed, other="sha256 of first")) != digest_of(listed())
    assert digest_of(listed(third="other")) != digest_of(listed())


def test_files_that_quote_machines_and_times_do_not_count():
    page = Job("paper", "page", "{}", (), (RESULTS / "paper.html", RESULTS / "paper.records.js"))
    jobs = {**JOBS, "paper": page}
    assert digest_of(listed(jobs, **{"paper.records": "other"})) == digest_of(listed(jobs))
    assert digest_of(listed(jobs, paper="other")) != digest_of(listed(jobs))


def test_a_missing_result_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = listed(second=None)
    assert here.keys() == JOBS.keys() - {"second"}
    with pytest.raises(InputError, match=r"results/fake/first.json: missing; the digest covers a whole study"):
        check_complete(JOBS, {})
    check_complete(JOBS, listed())
    assert differences(JOBS, here, listed()) == ["  second: missing here"]
    assert differences(JOBS, here, digest_of(listed())) == ["  second: missing here"]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"third": "other"}, ["  third"]),
        ({"first": "other", "second": "other", "third": "other"}, ["  first", "  and 2 more that depend on it"]),
        ({"first": "x", "second": "x", "aside": "x"}, ["  first", "  aside", "  and 1 more that depend on them"]),
    ],
)
def test_a_difference_is_shown_where_it_begins(changed, expected):
    assert differences(JOBS, listed(**changed), listed()) == expected


def test_jobs_that_only_one_side_has_are_differences():
    fewer = {name: one for name, one in JOBS.items() if name != "aside"}
    assert differences(fewer, listed(fewer), listed()) == ["  aside: published, but not a job of this study"]


def test_a_list_may_be_of_some_jobs_alone_which_it_is_said_how_many():
    some = {name: sha256 for name, sha256 in listed().items() if name in ("first", "third")}
    assert differences(JOBS, listed(aside="other", second="other"), some) == []
    assert differences(JOBS, listed(third="other"), some) == ["  third"]
    assert agreement("list", JOBS, some) == "the same bytes as published in list, which has 2 of the 4 jobs"
    for whole in (listed(), digest_of(listed())):
        assert agreement("list", JOBS, whole) == "the same bytes as published in list"


def test_a_published_digest_tells_whether_and_its_list_tells_what_differs(tmp_path):
    path = tmp_path / "demo.sha256"
    path.write_text(as_text(listed()))
    assert digest_or_listing(digest_of(listed())) == digest_of(listed())
    assert digest_or_listing(str(path)) == listed()
    assert differences(JOBS, listed(), digest_of(listed())) == []
    [line] = differences(JOBS, listed(third="other"), digest_of(listed()))
    assert "the published list, from `spl digest --jobs`, would tell which" in line


LINE = "0" * 64 + "  first\n"


@pytest.mark.parametrize(
    "content",
    [b"abc", b"\xff  x\n", None, b"", b"0123  first\n", LINE.encode() * 2, LINE.replace("first", "\x1b[2J").encode()],
)
def test_what_is_no_listing_is_refused(tmp_path, content):
    path = tmp_path / "demo.sha256"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"demo.sha256: expected lines of a sha256 and the name of a job, each once"):
        read_listing(path)


def test_the_published_listing_is_of_all_of_the_demo_that_is_measured():
    """Data, labelled sets, loss weights, runs and summaries; figures and tables follow from these, and say more or less
    with each new caption."""
    demo = Path(__file__).parents[2] / "config"
    plan = make_plan(read_study(demo / "demo.yaml"))
    published = read_listing(demo / "demo.sha256")
    measured = [
        job.name
        for job in jobs(plan, exhibits(plan, "config/demo.yaml")).values()
        if job.subcommand in ("data", "split", "calibrate", "train", "analyse")
    ]
    assert list(published) == measured, "make demo, then spl digest --jobs"
    assert all(re.fullmatch("[0-9a-f]{64}", sha256) for sha256 in published.values())
