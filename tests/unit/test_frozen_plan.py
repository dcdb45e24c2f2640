"""What jobs follow is the study as it was when Snakemake started; jobs of an earlier start do not begin."""

import os
from pathlib import Path

import pytest
import yaml

from spl.attempts.journal import note, note_refusal
from spl.attempts.slurm import QueuedRun
from spl.campaign import frozen_plan as campaign
from spl.campaign.jobs import jobs
from spl.campaign.parameters import run_parameter
from spl.campaign.plan_file import KEPT, read_job, read_plan_file, write_plan_file
from spl.campaign.shared_gpus import runs_needed
from spl.errors import InputError
from spl.paper.selection import exhibits
from spl.study.plan import make_plan
from spl.study.reading import check_study

STUDY = yaml.safe_load((Path(__file__).parents[1] / "studies/tiny.yaml").read_text())
PLAN = make_plan(check_study(STUDY, ""))
RUNS = list(PLAN.runs)
JOBS = jobs(PLAN, exhibits(PLAN, ""))


def finish(results, path):
    (results / "runs" / path).mkdir(parents=True)
    (results / "runs" / path / "parameters.json").write_text(run_parameter(PLAN, path))


@pytest.fixture
def plan_file(tmp_path):
    return write_plan_file(JOBS, STUDY, tmp_path)


def test_a_plan_file_holds_the_study_and_every_job(plan_file):
    study, stated = read_plan_file(plan_file)
    assert make_plan(check_study(study, "")) == PLAN
    assert stated == JOBS
    assert list(study["experiments"]) == list(STUDY["experiments"]), "their order counts"


def test_another_plan_is_another_file_and_the_same_plan_the_same(plan_file, tmp_path):
    assert write_plan_file(JOBS, STUDY, tmp_path) == plan_file
    other = write_plan_file(JOBS, STUDY | {"title": "Another"}, tmp_path)
    assert other != plan_file
    assert read_plan_file(plan_file)[0]["title"] == STUDY["title"]


def test_a_plan_file_that_was_edited_is_written_again(plan_file, tmp_path):
    content = plan_file.read_text()
    plan_file.write_text(content.replace('"seed": 0', '"seed": 1'))
    assert plan_file.read_text() != content
    assert write_plan_file(JOBS, STUDY, tmp_path) == plan_file
    assert plan_file.read_text() == content


def test_plan_files_of_long_ago_are_deleted(plan_file, tmp_path):
    os.utime(plan_file, (0, 0))
    others = [write_plan_file(JOBS, STUDY | {"title": str(number)}, tmp_path) for number in range(KEPT)]
    assert not plan_file.exists()
    assert all(path.exists() for path in others)


@pytest.mark.parametrize("content", [None, "", "[]", '{"study": 1, "jobs": 2}', '{"study": {}, "jobs": {"a": {}}}'])
def test_what_is_no_plan_file_is_named(tmp_path, content):
    path = tmp_path / "plan.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match="plan.json: expected a plan file"):
        read_plan_file(path)


def test_a_job_that_the_plan_does_not_have_is_named_with_the_nearest(plan_file):
    assert read_job(plan_file, "figures/fig4", "figure") == JOBS["figures/fig4"]
    with pytest.raises(InputError, match="spl figure has no job figures/fig44; did you mean figures/fig4\\?"):
        read_job(plan_file, "figures/fig44", "figure")
    with pytest.raises(InputError, match="spl table has no job figures/fig4"):
        read_job(plan_file, "figures/fig4", "table")


def test_jobs_that_were_submitted_follow_a_copy_of_their_own(plan_file):
    frozen = campaign.freeze(plan_file)
    plan_file.unlink()
    assert read_plan_file(frozen)[1] == JOBS


def test_only_jobs_of_the_latest_start_begin(plan_file):
    older = campaign.freeze(plan_file)
    campaign.check_newest(older)
    newer = campaign.freeze(plan_file)
    campaign.check_newest(newer)
    with pytest.raises(InputError, match="of a later Snakemake; this job is no longer needed"):
        campaign.check_newest(older)


def test_a_clock_that_goes_wrong_makes_no_later_start_an_earlier_one(plan_file, monkeypatch):
    older = campaign.freeze(plan_file)
    monkeypatch.setattr("time.time_ns", lambda: 5)
    campaign.check_newest(campaign.freeze(plan_file))
    with pytest.raises(InputError, match="a later Snakemake"):
        campaign.check_newest(older)


def test_one_snakemake_at_a_time_submits(tmp_path):
    first = campaign.begin(tmp_path)
    with pytest.raises(InputError, match="another Snakemake submits runs of this study"):
        campaign.begin(tmp_path)
    first.close()
    campaign.begin(tmp_path).close()


def test_leftovers_are_named_with_what_becomes_of_them(tmp_path, monkeypatch):
    jobs = [
        QueuedRun("7", "RUNNING", RUNS[0].replace("/", "_")),
        QueuedRun("8", "PENDING", RUNS[1].replace("/", "_")),
        QueuedRun("9", "RUNNING", "gone_fold0_seed0"),
    ]
    monkeypatch.setattr(campaign, "queued_runs", lambda study, folder, groups: jobs)
    assert list(campaign.leftovers(PLAN, tmp_path)) == [
        f"left by an earlier Snakemake: job 7 (running), {RUNS[0]}: will save and end when its successor starts",
        f"left by an earlier Snakemake: job 8 (pending), {RUNS[1]}: will end when it starts",
        "left by an earlier Snakemake: job 9 (running), gone_fold0_seed0: not in this study; to end it: scancel 9",
    ]


def test_runs_without_result_are_listed_with_reason_and_end_of_log(tmp_path):
    """Also where the log holds a byte that is no UTF-8."""
    finish(tmp_path, RUNS[0])
    for run in RUNS[:2]:
        (tmp_path / "checkpoints" / run).mkdir(parents=True)
        note(tmp_path / "checkpoints" / run, event="start", identity="i", host="h", job=None, first=0)
    note(tmp_path / "checkpoints" / RUNS[1], event="end", status="failed", reason="disk full", seconds=1.0)
    log = tmp_path / "logs/runs" / f"{RUNS[1]}.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"".join(b"line %d\n" % n for n in range(8)) + b"caf\xe9\n")
    assert list(campaign.failures(PLAN, tmp_path, RUNS[:2])) == [
        f"not done: {RUNS[1]}: failed: disk full; {log} ends with",
        *(f"    line {n}" for n in range(4, 8)),
        "    caf\N{REPLACEMENT CHARACTER}",
    ]


def test_runs_that_were_never_submitted_are_listed_with_slurm_s_words_or_what_they_need(tmp_path):
    """The smooth method needs the runs that calibrate it; runs that were not requested are not listed."""
    smooth = next(path for path, run in PLAN.runs.items() if run.calibration)
    plain, *others = runs_needed(PLAN, smooth)
    finish(tmp_path, others[0])
    note_refusal(tmp_path / "checkpoints" / plain, "AssocMaxSubmitJobLimit", by="SLURM", job=None)
    alone = next(path for path in RUNS if path not in (smooth, plain, *others))
    expected = {
        f"not done: {plain}: refused by SLURM: AssocMaxSubmitJobLimit",
        f"not done: {smooth}: never started: needs {', '.join([plain, *others[1:]])}",
        f"not done: {alone}: never started: Snakemake ended before",
    }
    assert expected <= set(campaign.failures(PLAN, tmp_path, {smooth, plain, *others, alone}))
    assert list(campaign.failures(PLAN, tmp_path, ())) == []


def test_a_run_that_could_not_begin_is_listed_with_why(tmp_path):
    note_refusal(tmp_path / "checkpoints" / RUNS[0], "expected a processor with avx2", by="spl train", job="7")
    [line] = campaign.failures(PLAN, tmp_path, RUNS[:1])
    assert line == f"not done: {RUNS[0]}: refused by spl train: expected a processor with avx2"
    note(tmp_path / "checkpoints" / RUNS[0], event="start", identity="i", host="h", job="7", first=0)
    [line] = campaign.failures(PLAN, tmp_path, RUNS[:1])
    assert line.startswith(f"not done: {RUNS[0]}: open: "), "its journal has more to say"


def test_checkpoints_of_what_is_done_are_deleted_and_no_others(tmp_path):
    finish(tmp_path, RUNS[0])
    for run in RUNS[:2]:
        (tmp_path / "checkpoints" / run / "identity").mkdir(parents=True)
        (tmp_path / "checkpoints" / run / "identity/step-000000005-0.safetensors").touch()
        note(tmp_path / "checkpoints" / run, event="start")
    campaign.remove_checkpoints(PLAN, tmp_path)
    kept = {str(path.parent.relative_to(tmp_path / "checkpoints")) for path in tmp_path.rglob("*.safetensors")}
    assert kept == {f"{RUNS[1]}/identity"}
    assert len(list(tmp_path.rglob("journal.jsonl"))) == 2, "the record stays"
